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
from rich.table import Column, Table
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


def printed(table: Table, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> list[str]:
    monkeypatch.delenv("COLUMNS", raising=False)
    written = io.StringIO()
    written.isatty = lambda: terminal  # type: ignore[method-assign]
    hints.Output(file=written, width=80, color_system=None).print(table)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("terminal", [True, False], ids=["a terminal of 80 columns", "a file"])
def test_a_table_is_not_cut(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table, file = Table(Column("name", no_wrap=True), "file", "outcome"), f"x/{'INV-001_' * 12}.csv"
    table.add_row("01d97eb4", file, "quarantined: [bold]unknown[/bold]")
    lines = printed(table, monkeypatch, terminal=terminal)
    if terminal:
        assert lines == ["01d97eb4", f"    file {file}", "    outcome quarantined: unknown"]
    else:
        assert len(lines) == 5
        assert f"│ 01d97eb4 │ {file} │ quarantined: unknown │" in lines


@pytest.mark.parametrize("terminal", [True, False], ids=["a terminal of 80 columns", "a file"])
def test_a_table_that_fits_is_a_table(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("state", "files")
    table.add_row("done", "7")
    assert "│ done  │ 7     │" in printed(table, monkeypatch, terminal=terminal)


def test_in_a_file_sentences_wrap_and_names_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distractor: a name that is wider than the table would be."""
    for name in ("a", "v202605010000-" + "a" * 200):
        table = Table("version", "reason")
        table.add_row(name, "better than what needs no training on unseen days " * 12)
        lines = printed(table, monkeypatch, terminal=False)
        text = " ".join(line.split("│")[-2] for line in lines if line.startswith("│"))
        assert " ".join(text.split()).count("better than what needs no training on unseen days") == 12
        assert any(f"│ {name} " in line for line in lines)
        assert max(map(len, lines)) <= max(len(name), len("version")) + 67


def test_in_a_terminal_words_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("step", "what came of it")
    table.add_row("repair", "telemetry shows it " * 8)
    lines = printed(table, monkeypatch, terminal=True)
    assert lines[0].startswith("┏")
    assert "".join(lines).count("telemetry") == 8


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
