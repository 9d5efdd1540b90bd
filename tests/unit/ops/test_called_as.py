"""Hints can be copied as they stand: commands name themselves as they were called."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ops import cli
from ops.cli import shared
from tests.contract.test_docs import WRITTEN
from tests.paths import ROOT

COMMANDS = "|".join(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
BARE = re.compile(rf"(?<![\w./-])ona (?:{COMMANDS})\b")
"""A command as nobody can type it in a checkout."""


@pytest.mark.parametrize("name", ["./ona", "/opt/my platform/ona", "../ona"])
def test_errors_and_hints_name_the_command_as_it_was_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONA_CALLED_AS", name)
    done = CliRunner().invoke(cli.app, ["status"], env={"ONA_HOME": str(tmp_path / "none")})
    typed = name if " " not in name else f"'{name}'"
    assert f"`{typed} up`" in done.output
    assert shared.as_called("look with `ona dlq list`") == f"look with `{typed} dlq list`"
    assert shared.as_called("of ona models and an ona of ours") == f"of {typed} models and an ona of ours"
    assert shared.as_called("`./ona up`, /x/ona up, fiona up") == f"`{typed} up`, /x/ona up, fiona up"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["./ona"], "./ona"),
        (["sh", "ona"], "./ona"),
        (["{folder}/ona"], "{folder}/ona"),
    ],
)
def test_the_script_hands_its_name_on(words: list[str], told: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "ona", tmp_path / "ona")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf %s "$ONA_CALLED_AS"\n')
    python.chmod(0o755)
    typed = [word.format(folder=tmp_path) for word in words]
    done = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == told.format(folder=tmp_path)


def blocks(page: Path) -> list[str]:
    """The lines of a page's code blocks."""
    fenced, lines = False, []
    for line in page.read_text("utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            lines.append(line)
    return lines


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_examples_are_written_as_they_are_typed(page: Path) -> None:
    """The output in an example is that of `./ona`."""
    assert [line for line in blocks(page) if BARE.search(line)] == []
