"""`ona doctor`: each fault is found with its place and its mend, and a sound home is called sound."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from local import home as homes
from local import lock, ports
from local.record import Cloud
from ops import cli, doctor
from ops.doctor import Level, Subject, clock, damage, leftovers, port, server, space, state, versions
from tests.fakes.bad_homes import BAD_HOMES, a_home
from tests.fakes.sleeper import Sleepers


@pytest.fixture
def home(tmp_path: Path) -> Path:
    a_home(tmp_path / "home")
    homes.claim(tmp_path / "home", ports.free_port(0))
    return tmp_path / "home"


def seen(check: Callable[[Subject], Iterator[doctor.Finding]], home: Path, **more: object) -> str:
    """The one finding that is not good, in words."""
    subject = Subject(home, None, None, **more)  # type: ignore[arg-type]
    found = [finding for finding in check(subject) if finding.level is not Level.GOOD]
    assert len(found) == 1, found
    return f"{found[0].level}: {found[0].what} | {found[0].where} | {found[0].mend}"


def ona(home: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["doctor", *words], env={"ONA_HOME": str(home), "COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_sound_home_is_called_sound(home: Path) -> None:
    code, said = ona(home)
    assert code == 0, said
    assert said.endswith("sound\n")
    assert "✗" not in said


def test_a_home_that_does_not_exist_yet_is_no_fault(tmp_path: Path) -> None:
    code, said = ona(tmp_path / "none")
    assert code == 0, said
    assert "`ona up` makes it" in said
    assert not (tmp_path / "none").exists()


def test_a_fault_is_named_with_place_and_mend_and_the_exit_status_is_1(home: Path) -> None:
    (home / "state" / "sqs.json").write_text('{"ona-ooda-dead-letters-dev": [')
    code, said = ona(home)
    assert code == 1
    assert "sqs.json" in said
    assert f"where: {home}" in said
    assert "mend: " in said
    assert "1 problem" in said
    assert "✓ port" in said, "the other checks still run"


@pytest.mark.parametrize("kind", BAD_HOMES)
def test_a_bad_home_is_a_finding_and_the_other_checks_still_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above").mkdir()
    make, _ = BAD_HOMES[kind]
    bad = make(tmp_path / "above" / "home", monkeypatch)
    code, said = ona(bad)
    assert code == 1
    if kind != "a loop of symlinks":
        assert "✓ versions" in said
    assert "broke off" not in said


def test_every_finding_that_is_a_problem_says_where_and_how_to_mend() -> None:
    with pytest.raises(TypeError):
        doctor.Finding.problem("it is broken")  # type: ignore[call-arg]


def test_a_check_that_breaks_off_is_a_finding(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def broken(_subject: Subject) -> Iterator[doctor.Finding]:
        raise KeyError("state")

    monkeypatch.setattr(clock, "examine", broken)
    code, said = ona(home)
    assert code == 1
    assert "clock: this check broke off: KeyError: 'state'" in said
    assert "✓ versions" in said


def test_checks_are_looked_up_and_ordered() -> None:
    titles = [check.title for check in doctor.checks()]
    assert titles.index("home") < titles.index("server") < titles.index("deployment")
    assert len(titles) == len(set(titles))


def test_little_space_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10 << 30, 10 << 30, 300 << 20))
    assert "problem: 0.3 GiB free" in seen(space.examine, home)


def test_another_version_of_a_pinned_package_is_a_problem(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "9.9" if name == "moto" else "1.5.33")
    assert "problem: moto 9.9; 5.2.5 is needed" in seen(versions.examine, home)


def test_another_python_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert "problem: Python 3.10; 3.11 to 3.13 are tested" in seen(versions.examine, home)


def test_the_pins_are_read_from_the_requirements() -> None:
    text = (homes.ROOT / "requirements" / "dev.in").read_text()
    assert set(versions.pins(text)) == {"ministack", "moto"}


def test_a_port_that_another_has_is_noted(home: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", homes.last_port(home)))
        other.listen()
        assert "note: " in seen(port.examine, home)


def test_what_was_set_aside_is_a_problem_until_it_was_read(home: Path) -> None:
    item = {
        "time": "2026-11-26T10:00:00Z",
        "file": "state/sqs.json",
        "set_aside": "state/sqs.json.damaged-20261126T100000Z",
        "used_instead": "state/sqs.json.1",
        "lost": "2 messages",
    }
    (home / homes.DAMAGE).write_text(json.dumps([item]))
    said = seen(damage.examine, home)
    for word in item.values():
        assert word in said
    (home / homes.DAMAGE).unlink()
    assert list(damage.examine(Subject(home, None, None))) == []


def test_a_clock_that_was_set_back_is_a_problem_and_a_second_is_not(home: Path) -> None:
    path = home / "state" / "dynamodb.json"
    now = path.stat().st_mtime
    os.utime(path, (now + 2, now + 2))
    assert [finding.level for finding in clock.examine(Subject(home, None, None))] == [Level.GOOD]
    os.utime(path, (now + 7200, now + 7200))
    assert "the clock was set back" in seen(clock.examine, home)


def test_a_kill_and_what_it_left_is_found_and_repaired(home: Path) -> None:
    sleepers = Sleepers()
    try:
        left = sleepers.start(home)
        (home / "tmp" / "worker").mkdir()
        (home / ".cloud.json.4711").write_text("{")
        findings = list(server.examine(Subject(home, None, None)))
        assert any(str(left.pid) in finding.what for finding in findings)
        assert "note: 2 entries" in seen(leftovers.examine, home)
        assert "mended: removed 2" in seen(leftovers.examine, home, repair=True)
        assert left.wait(10) != 0 or left.poll() is not None
        assert [f.level for f in leftovers.examine(Subject(home, None, None))] == [Level.GOOD]
    finally:
        sleepers.end()


def test_a_record_without_a_server_is_noted(home: Path) -> None:
    (home / "cloud.json").write_text(json.dumps({"pid": 1, "port": 1, "home": str(home)}))
    assert "was not stopped by `ona down`" in seen(server.examine, home)


def test_a_home_that_somebody_unseen_holds_is_a_problem(home: Path) -> None:
    held = lock.take(home / lock.SERVER, doing="the server", patience_s=0)
    try:
        assert f"process {os.getpid()} (the server)" in seen(server.examine, home)
    finally:
        held.release()


def test_a_server_that_does_not_answer_is_a_problem(home: Path) -> None:
    held = lock.take(home / lock.SERVER, doing="the server", patience_s=0)
    try:
        silent = Cloud(os.getpid(), ports.free_port(0), str(home))
        findings = list(server.examine(Subject(home, silent, None)))
        assert [finding.level for finding in findings] == [Level.PROBLEM]
        assert "does not answer on port" in findings[0].what
    finally:
        held.release()


def test_the_state_is_asked_of_whoever_writes_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = list(state.examine(Subject(home, None, None)))
    assert [finding.level for finding in findings] == [Level.GOOD]

    problem = SimpleNamespace(what="half a line", where="state/journal", mend="`ona up`", lost="one put")
    monkeypatch.setattr(state.inspect, "check", lambda _home: [problem])
    assert seen(state.examine, home) == (
        f"problem: half a line; lost: one put | {home}/state/journal | `ona up`"
    )
