"""`ona up --parameter`: parameters of the template on the embedded cloud."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from local import cloud, deploy
from ops import account_pool, cli
from ops.cli import cloud as commands
from ops.target import EMBEDDED, OpsError, Target


class Nothing:
    """Clients of a cloud in which nothing is deployed."""

    def __init__(self, _: str) -> None:
        pass

    def describe_stacks(self, **_: Any) -> Any:
        raise RuntimeError("Stack with id s does not exist")


def _up(place: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["up", *words], env={"ONA_HOME": str(place), "COLUMNS": "200"})


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("recorded", "recorded: a parameter is given as Name=value"),
        ("Weather=recorded", "the template has no parameter Weather"),
        ("WeatherProvider=almanac", "'almanac' is none of open_meteo, visual_crossing, recorded"),
    ],
)
def test_a_wrong_parameter_is_told_before_anything_runs(tmp_path: Path, word: str, says: str) -> None:
    done = _up(tmp_path / "home", "--parameter", word)
    assert (done.exit_code, says in done.output) == (1, True), done.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("words", [[], ["-p", "WeatherProvider=recorded", "-p", "ReservedConcurrency=0"]])
def test_parameters_are_deployed(tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    def deployed(client: Any, template: Path, stack: str, parameters: dict[str, str], **_: Any) -> None:
        seen.update(parameters)
        raise OpsError("so far")

    running = SimpleNamespace(port=4566, client=None)
    monkeypatch.setattr(cloud, "start", lambda *_, **__: running)
    monkeypatch.setattr(commands, "embedded", lambda *_: Target("local", "s", Nothing))
    monkeypatch.setattr(deploy, "deploy", deployed)
    pool = "functions reserve too much" if words else ""
    monkeypatch.setattr(account_pool, "overdrawn", lambda _: pool)
    said = _up(tmp_path / "home", *words).output
    assert "so far" in said
    assert ("functions reserve too much" in said) is bool(words)
    own = dict(word.split("=") for word in words if "=" in word)
    assert seen == {**EMBEDDED, **own, "Environment": "dev"}
