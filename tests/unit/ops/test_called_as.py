"""Hints can be copied as they stand: commands name themselves as they were called."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from ops import cli
from ops.cli import hints
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
    assert hints.as_called("look with `ona dlq list`") == f"look with `{typed} dlq list`"
    assert hints.as_called("of ona models and an ona of ours") == f"of {typed} models and an ona of ours"
    assert hints.as_called("`./ona up`, /x/ona up, fiona up") == f"`{typed} up`, /x/ona up, fiona up"


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


@pytest.mark.parametrize(
    ("options", "hint", "typed"),
    [
        ({"environment": "staging"}, "`ona dlq list`", "`ona dlq list --env staging`"),
        ({"environment": "staging"}, "`ona up`", "`ona up --env staging`"),
        (
            {"environment": "prod", "profile": "acme"},
            "`ona put x`",
            "`ona put --profile acme --env prod x`",
        ),
        (
            {"profile": "my profile"},
            "[bold]ona status[/bold]",
            "[bold]ona status --profile 'my profile'[/bold]",
        ),
        ({"environment": "staging"}, "ona explain arn:aws:x", "ona explain --env staging arn:aws:x"),
        # as it stands
        ({"environment": "dev", "profile": None}, "`ona dlq list`", "`ona dlq list`"),
        ({"environment": "staging"}, "`ona down`, `ona validate`", "`ona down`, `ona validate`"),
        ({"environment": "staging"}, "`ona status --env prod`", "`ona status --env prod`"),
        ({"environment": "staging"}, "`ona customers` has keys", "`ona customers` has keys"),
        ({}, "`ona dlq list`", "`ona dlq list`"),
    ],
)
def test_a_hint_goes_where_the_command_went(options: dict[str, str], hint: str, typed: str) -> None:
    with hints.about(options):
        assert hints.as_called(hint) == typed


def test_every_commands_errors_go_where_the_command_went(tmp_path: Path) -> None:
    words = ["status", "--env", "staging"]
    done = CliRunner().invoke(cli.app, words, env={"ONA_HOME": str(tmp_path / "none")})
    assert "`ona up --env staging`" in done.output


def help_texts(command: Any) -> Iterator[str]:
    for item in (command, *command.params):
        yield from (
            text for name in ("help", "short_help", "epilog") if (text := getattr(item, name, None))
        )
    for below in getattr(command, "commands", {}).values():
        yield from help_texts(below)


def test_help_names_the_commands_as_they_were_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONA_CALLED_AS", "./ona")
    told = list(help_texts(hints.told_as_called(typer.main.get_command(cli.app))))
    assert [text for text in told if BARE.search(text)] == []
    assert any("./ona up" in text for text in told)


def long_table() -> Table:
    table = Table("file", "outcome")
    table.add_row("observations/2025/01/15/" + "INV-001_" * 12 + "20250115.csv", "quarantined")
    return table


@pytest.mark.parametrize("terminal", [True, False], ids=["a terminal of 80 columns", "a file"])
def test_a_table_is_not_cut(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    written = io.StringIO()
    written.isatty = lambda: terminal  # type: ignore[method-assign]
    hints.Output(file=written, width=80, color_system=None).print(long_table())
    text = written.getvalue()
    assert "…" not in text
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in text.splitlines() if "│" in line]
    assert "".join(file for file, _ in rows).count("INV-001_") == 12
    assert "".join(outcome for _, outcome in rows) == "quarantined"
    assert all(len(line) <= 80 for line in text.splitlines()) == terminal


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
