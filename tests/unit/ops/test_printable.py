"""What others wrote (names of files, messages in queues, errors) steers no operator's terminal."""

from __future__ import annotations

import io

import pytest
from rich.markup import escape
from rich.table import Table

from ops.cli.hints import Output

HOSTILE = {
    "clears the screen": "a\x1b[2Jb",
    "sets the title": "a\x1b]0;owned\x07b",
    "writes over the line": "lost\rdone",
    "goes back": "lost\x08\x08\x08\x08done",
    "a C1 control": "a\x9b2Jb",
    "NUL": "a\x00b",
    "turns the writing round": "a\u202egpj.csv",
    "half a character": "a\ud800b",
    "hidden behind markup": "[/bold]\x1b[31m[red]",
}
HONEST = {
    "emoji": "\U0001f600.csv",
    "family of emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467.csv",
    "combining letters": "e\u0301.csv",
    "Arabic": "\u0637\u0627\u0642\u0629.csv",
    "brackets": "[INV-001].csv",
    "two lines": "first\nsecond",
    "backslash": "a\\x1b.csv",
}


def _printed(text: str, in_table: bool) -> str:
    out = io.StringIO()
    console = Output(file=out, force_terminal=False, width=200)
    if in_table:
        table = Table("file")
        table.add_row(escape(text))
        console.print(table)
    else:
        console.print(f"[bold]{escape(text)}[/bold]", soft_wrap=True)
    out.getvalue().encode()
    return out.getvalue()


@pytest.mark.parametrize("in_table", [False, True], ids=["line", "table"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_of_others_steers_no_terminal(text: str, in_table: bool) -> None:
    printed = _printed(text, in_table)
    assert not set(printed) & set("\x1b\x07\r\x08\x9b\x00\u202e\ud800")
    assert any(number in printed for number in ("\\x", "\\u", "\\r"))


@pytest.mark.parametrize("in_table", [False, True], ids=["line", "table"])
@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_a_text_that_is_only_unusual_is_told_as_it_is(text: str, in_table: bool) -> None:
    printed = _printed(text, in_table)
    assert all(line in printed for line in text.split("\n"))
