"""Many commands on one home at once: one server, nobody's process is harmed, everybody is told clearly.

Real processes start, stop and kill; the soak runs whole `ona` commands, here they start without deploying.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from local import cloud, lock, ports, processes
from local import home as homes
from local.record import RECORD, is_server
from tests.fakes.sleeper import Sleepers
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("together")]
START = "from local import cloud; print('served by', cloud.start().pid)"
STOP = "from local import cloud; print('stopped' if cloud.stop() else 'it did not run')"
KILL = "from local import cloud; print('stopped' if cloud.stop(kill=True) else 'it did not run')"
OURS = ("local.errors.CloudError: ", "local.lock.Held: ")
CLEAR = "from local import cloud; cloud.clear(cloud.default_home())"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = (tmp_path / "a home").resolve()
    yield home
    for process, _ in processes.of_home(home):
        processes.send(process, signal.SIGKILL)


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    made = Sleepers()
    yield made
    made.end()


def run(home: Path, *words: str) -> subprocess.Popen[str]:
    """A process of its own that works on the home."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "ONA_HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT}/functions"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def servers(home: Path) -> list[int]:
    return [process.pid for process, _ in processes.of_home(home) if is_server(process)]


def works(home: Path) -> None:
    """One server runs; what is put there is there."""
    running = cloud.require(home)
    assert servers(home) == [running.pid]
    assert lock.is_held(home / lock.SERVER)
    running.client("sqs").create_queue(QueueName="works")
    assert any("works" in url for url in running.client("sqs").list_queues()["QueueUrls"])


def told(process: subprocess.Popen[str]) -> str:
    """What a command printed; a traceback ends in one of our own errors, or the test fails."""
    output, errors = process.communicate(timeout=170)
    last = errors.strip().splitlines()[-1] if process.returncode > 0 else ""
    assert process.returncode <= 0 or last.startswith(OURS), errors
    return output + last


def test_ten_starters_at_once_have_one_server(home: Path) -> None:
    started = [run(home, "-c", START) for _ in range(10)]
    said = {told(process) for process in started}
    works(home)
    assert said == {f"served by {servers(home)[0]}\n"}


@pytest.mark.parametrize("seed", [7])
def test_whoever_starts_stops_and_kills_at_once_there_is_one_server(home: Path, seed: int) -> None:
    chaos(home, random.Random(seed), rounds=2, together=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_for_long_whoever_starts_stops_and_kills_at_once_there_is_one_server(home: Path, seed: int) -> None:
    chaos(home, random.Random(seed), rounds=5, together=10)


def chaos(home: Path, dice: random.Random, rounds: int, together: int) -> None:
    """Commands at random, some of them and some servers killed at random moments."""
    for _ in range(rounds):
        words = dice.choices([START, STOP, KILL, CLEAR], weights=[6, 2, 1, 1], k=together)
        running = []
        for word in words:
            running.append(run(home, "-c", word))
            time.sleep(dice.uniform(0, 0.4))
            assert one_at_most(home)
            if dice.random() < 0.2:
                dice.choice(running).kill()
            if dice.random() < 0.2 and (found := servers(home)):
                os.kill(dice.choice(found), signal.SIGKILL)
        for process in running:
            told(process)
            assert one_at_most(home)
        cloud.start(home)
        works(home)


def one_at_most(home: Path) -> bool:
    """A process that was killed this moment may be seen beside its successor; two servers stay."""
    return processes.wait_until(lambda: len(holders(home)) <= 1, 3)


def holders(home: Path) -> list[int]:
    """Servers that got past the lock: they listen, or will. One that waits for the lock has no threads."""
    found = []
    for pid in servers(home):
        try:
            tasks = len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue
        found += [pid] if tasks > 1 else []
    return found


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_whole_commands_at_once_leave_a_working_cloud(home: Path, seed: int) -> None:
    dice = random.Random(seed)
    words = dice.choices(["up", "up", "up", "down", "status", "doctor", "env"], k=9)
    running = [run(home, "-m", "ops", *word.split()) for word in ["up", *words]]
    for process in running:
        _, errors = process.communicate(timeout=900)
        assert "Traceback" not in errors
    up = run(home, "-m", "ops", "up")
    assert up.communicate(timeout=300)[0].startswith("up at") or up.returncode == 0
    works(home)


@pytest.mark.parametrize("kill", [False, True])
def test_a_foreign_process_with_the_recorded_id_survives(
    home: Path, sleepers: Sleepers, kill: bool
) -> None:
    foreign = sleepers.start()
    (home / "state").mkdir(parents=True)
    while (there := processes.look(foreign.pid)) is None or not there.command:
        time.sleep(0.01)  # it is not yet what it will be
    old = asdict(
        cloud.Cloud(foreign.pid, 1, str(home), "ticks of an earlier day", "python -m local.server")
    )
    first_edition = {key: old[key] for key in ("pid", "port", "home")}
    for record in (old, {**old, "started": "", "command": ""}, first_edition, {**old, "home": "/another"}):
        (home / RECORD).write_text(json.dumps(record))
        assert cloud.running(home) is None
        assert cloud.stop(home, kill=kill) is False
        assert processes.look(foreign.pid) == there
    (home / RECORD).write_text(json.dumps(old))
    assert cloud.start(home).pid != foreign.pid
    assert cloud.stop(home, kill=kill) is True
    assert processes.look(foreign.pid) == there


def test_a_record_that_was_copied_with_its_home_does_not_stop_the_original(
    home: Path, tmp_path: Path
) -> None:
    original = cloud.start(home)
    copy = tmp_path / "copy"
    (copy / "state").mkdir(parents=True)
    (copy / RECORD).write_text((home / RECORD).read_text())
    (copy / lock.SERVER).write_text((home / lock.SERVER).read_text())
    assert cloud.running(copy) is None
    assert cloud.stop(copy) is False
    assert cloud.stop(copy, kill=True) is False
    assert cloud.running(home) == original
    works(home)


def test_what_a_killed_server_leaves_behind_is_ended_and_others_are_not(
    home: Path, sleepers: Sleepers
) -> None:
    first = cloud.start(home)
    sandbox, foreign = sleepers.start(home), sleepers.start(home.with_name("another"))
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert [process.pid for process in cloud.leftovers(home)] == [sandbox.pid]
    second = cloud.start(home)
    assert second.pid != first.pid
    assert processes.look(sandbox.pid) is None
    assert foreign.poll() is None
    assert second.port == first.port, "a home keeps its port"


def test_a_server_is_found_although_its_record_is_damaged(home: Path) -> None:
    first = cloud.start(home)
    for damage in ("", '{"pid": 1', "[]", None):
        (home / RECORD).unlink()
        if damage is not None:
            (home / RECORD).write_text(damage)
        found = cloud.running(home)
        assert found is not None
        assert (found.pid, found.port) == (first.pid, first.port)
        assert cloud.start(home).pid == first.pid
        (home / RECORD).touch()
    assert cloud.stop(home) is True
    assert servers(home) == []


def test_a_server_of_a_version_before_the_locks_is_stopped_first(home: Path, sleepers: Sleepers) -> None:
    (home / "state").mkdir(parents=True)
    old = sleepers.start(home, "-m", "local.server", GATEWAY_PORT="1")
    (home / RECORD).write_text(json.dumps({"pid": old.pid, "port": 1, "home": str(home)}))
    running = cloud.start(home)
    assert processes.look(old.pid) is None
    assert running.pid != old.pid
    works(home)


def test_a_server_whose_home_is_removed_ends_without_writing_there(home: Path) -> None:
    import shutil

    first = cloud.start(home)
    shutil.rmtree(home)
    assert processes.wait_until(lambda: processes.look(first.pid) is None, 20)
    assert not (home / "state").exists()
    second = cloud.start(home)
    assert second.pid != first.pid
    works(home)


def test_one_home_by_symlink_and_relative_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cloud.start(home)
    (tmp_path / "link").symlink_to(home)
    monkeypatch.chdir(tmp_path)
    assert cloud.start(tmp_path / "link") == cloud.start(Path("a home")) == first
    assert cloud.stop(Path("link")) is True
    assert servers(home) == []


def test_a_port_is_remembered_and_another_is_not_taken_silently(home: Path) -> None:
    import socket

    wanted = ports.free_port(0)
    assert cloud.start(home, port=wanted).port == wanted
    assert cloud.start(home, port=wanted).port == wanted
    with pytest.raises(cloud.CloudError, match=rf"runs already, on port {wanted}; .*--port 4711"):
        cloud.start(home, port=4711)
    cloud.stop(home)
    with socket.socket() as other:
        other.bind(("127.0.0.1", wanted))
        other.listen()
        with pytest.raises(cloud.CloudError, match=f"port {wanted} is taken by another program"):
            cloud.start(home, port=wanted)
        assert cloud.start(home).port != wanted


def test_a_server_that_hangs_is_named_and_can_be_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cloud.start(home)
    monkeypatch.setattr(cloud, "START_TIMEOUT_S", 0.5)
    os.kill(first.pid, signal.SIGSTOP)
    with pytest.raises(cloud.CloudError, match=rf"process {first.pid}\) does not answer on port"):
        cloud.start(home)
    assert cloud.stop(home, kill=True) is True
    assert servers(home) == []


def test_a_command_that_waits_in_vain_is_told_for_whom(home: Path) -> None:
    homes.prepare(home)
    with cloud.changing(home):
        waiting = run(home, "-c", "from local import cloud\nwith cloud.changing(patience_s=0): pass")
        assert f"{home} is held by process {os.getpid()}" in told(waiting)


def test_a_stale_record_is_not_believed_when_a_foreign_server_has_the_port(
    home: Path, tmp_path: Path
) -> None:
    mine = cloud.start(home)
    cloud.stop(home, kill=True)
    other = cloud.start(tmp_path / "other", port=mine.port)
    try:
        (home / RECORD).write_text(json.dumps(asdict(replace(mine, pid=other.pid))))
        assert cloud.running(home) is None
        assert not mine.healthy()
        assert cloud.start(home).port != other.port
        assert cloud.running(tmp_path / "other") == other
    finally:
        cloud.stop(tmp_path / "other", kill=True)
