"""Every command, in every home that cannot be used, and with no cloud: one clear line, and not exit 0.

The commands are those that the parser knows, so that a new command is covered on its first day.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from local import lock
from ops import cli
from ops.demo import run
from tests.fakes.bad_homes import BAD_HOMES, a_home, contents

NEEDS_NO_HOME = {
    "validate",
    "scale",
    "deploy check",
    "deploy import",
    "deploy run",
    "deploy remove",
    "deploy leftovers",
    "alerts contacts",
}
NEEDS_NO_CLOUD = NEEDS_NO_HOME | {"up", "demo", "down", "doctor"}
"""These work, or start one, when none runs."""
FITTING = {"history": ["backfill/"], "flags set": ["webhooks", "off"]}
"""Arguments of commands that look at them before they look for a cloud."""
MANY_LINES = {"doctor"}
"""Says one thing a line."""
MONITORS = {"health"} | {f"ops {name}" for name in ("health", "midday", "summary", "weekly", "performance")}
"""A monitoring system reads their exit code: 1 is a warning, and no answer is 2."""


def commands(group: Any = None, *path: str) -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(cli.app)
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join([*path, name]), command


COMMANDS = dict(commands())


def arguments(name: str, file: Path) -> list[str]:
    """Something for everything that the command demands."""
    if name in FITTING:
        return FITTING[name]
    given = []
    for parameter in COMMANDS[name].params:
        if not parameter.required:
            continue
        number = parameter.type_descriptor.annotation in (int, float)
        value = "1" if number else str(file)
        given += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    return given


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the home will be: it is the demo's home too."""
    folder = tmp_path / "above"
    folder.mkdir()
    monkeypatch.setattr(run, "HOMES", folder)
    monkeypatch.setattr(run, "REPORTS", tmp_path / "reports")
    return folder / "demo-demo"


def no_answer(name: str) -> int:
    return 2 if name in MONITORS else 1


def refused(name: str, home: Path, tmp_path: Path) -> str:
    file = tmp_path / "event.json"
    file.write_text("{}")
    words = [*name.split(), *arguments(name, file)]
    result = CliRunner().invoke(cli.app, words, env={"ONA_HOME": str(home), "COLUMNS": "200"})
    assert result.exit_code == no_answer(name), result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "unexpected" not in result.output
    said = [line for line in result.output.splitlines() if line.strip() and not line.startswith("─")]
    assert len(said) == 1 or name in MANY_LINES, result.output
    return str(result.output)


@pytest.mark.parametrize("kind", BAD_HOMES)
@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - NEEDS_NO_HOME))
def test_in_a_bad_home_it_says_what_is_wrong(
    name: str, kind: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, word = BAD_HOMES[kind]
    home = make(place, monkeypatch)
    if name == "demo" and home != place:
        pytest.skip("the demo's home has a fixed name")
    before = contents(place.parent)
    assert re.search(word, refused(name, home, tmp_path))
    assert contents(place.parent) == before, "nothing was destroyed"


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - NEEDS_NO_CLOUD))
@pytest.mark.parametrize("record", [None, "", '{"pid": 1, "po', "[]", '{"pid": 1, "port": 1, "home": "/"}'])
def test_with_no_cloud_running_it_says_how_to_start_one(
    name: str, record: str | None, place: Path, tmp_path: Path
) -> None:
    if record is not None:
        a_home(place)
        (place / "cloud.json").write_text(record)
    assert "`ona up`" in refused(name, place, tmp_path)


def test_down_may_be_said_twice(place: Path) -> None:
    result = CliRunner().invoke(cli.app, ["down"], env={"ONA_HOME": str(place)})
    assert (result.exit_code, result.output) == (0, "it did not run\n")
    assert not place.exists()


def test_a_second_demo_is_told_of_the_first(place: Path) -> None:
    held = lock.take(place.with_name("demo-demo.lock"), doing="ona demo", patience_s=0)
    try:
        result = CliRunner().invoke(cli.app, ["demo"], env={"COLUMNS": "200"})
    finally:
        held.release()
    assert result.exit_code == 1
    assert f"another demo runs, process {os.getpid()} (ona demo)" in result.output
    assert not place.exists()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_an_unknown_profile_is_named(
    name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not any("--profile" in parameter.opts for parameter in COMMANDS[name].params):
        pytest.skip("knows no profiles")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    file = tmp_path / "event.json"
    file.write_text("{}")
    words = [*name.split(), *arguments(name, file), "--profile", "acme"]
    result = CliRunner().invoke(cli.app, words, env={"COLUMNS": "200"})
    assert result.exit_code == no_answer(name)
    assert "AWS profile acme" in result.output


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http", "4566.5", ""])
def test_up_on_something_that_is_no_port_says_so(place: Path, port: str) -> None:
    result = CliRunner().invoke(cli.app, ["up", f"--port={port}"], env={"ONA_HOME": str(place)})
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.output
    assert not place.exists()
