"""Terminals of every kind: what commands print is whole, can be copied, and ends no command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.cli.hints import Output
from tests.paths import ROOT

LINES = [
    "when the cause is mended: [bold]ona dlq redrive[/bold]",
    "no keys yet: [bold]ona customers add <customer>[/bold] hands one out",
    "follow it: [bold]ona executions[/bold], [bold]ona status[/bold]",
    "files lost when it was last killed: `ona status` names each, `ona dlq redrive` sends it again",
]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("line", LINES)
def test_a_command_in_a_hint_stands_on_one_line(
    line: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONA_CALLED_AS", "./ona")
    out = io.StringIO()
    Output(file=out, width=columns).print(line)
    plain = line.replace("[bold]", "").replace("[/bold]", "").replace("ona ", "./ona ")
    assert out.getvalue() == f"{plain}\n"


def test_other_text_is_wrapped_between_words() -> None:
    """Distractor: what is no command is wrapped as the terminal is wide."""
    text = "the sonata is long and has many words, more than fit a line"
    out = io.StringIO()
    Output(file=out, width=20).print(text)
    lines = out.getvalue().splitlines()
    assert len(lines) > 2
    assert " ".join(line.strip() for line in lines) == text


NAMES = ["ü", "😀", "…✓", "تقرير"]
COMMANDS = """
import runpy, sys
for name in sys.argv[1:]:
    sys.argv = ["ona", "history", name]
    try:
        runpy.run_module("ops", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        sys.stderr.flush()
        sys.stderr.buffer.write(b"exit %d\\0" % end.code)
"""
"""The same command with each name, in one process: to start one costs a second."""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_letter_that_the_terminal_lacks_ends_no_command(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *NAMES],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}",
            "PYTHONIOENCODING": encoding,
            "ONA_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        check=True,
    )
    *all_said, rest = done.stderr.decode(encoding).split("\0")
    assert (len(all_said), rest) == (len(NAMES), "")
    for name, said in zip(NAMES, all_said, strict=True):
        assert said.endswith("exit 1")
        assert "histories lie under backfill/" in said
        assert "Error" not in said
        assert name.encode(encoding, "backslashreplace").decode(encoding) in said
