"""What commands print: hints that can be copied as they stand, and tables that lose nothing.

A hint names the command as the reader called it, and goes to the same platform: it has the `--env` and
`--profile` of the command that prints it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_CALLED_AS = "ONA_CALLED_AS"
"""Set by the script `ona`: the name by which it was called."""
_DEFAULTS = {"environment": "dev", "profile": None}
"""What a command means that is told neither."""
_OPTIONS = {"profile": "--profile", "environment": "--env"}
_HINTS_END = re.compile(r"`|\[/|\n")
"""Where a hint ends in a text: at a backtick, at the end of rich's markup, at the line's end."""
_WIDE = 1000
"""Characters of a table that goes into a file or another program (ours): no name is cut."""
_PIPED = 160
"""Characters of such a table, from which on its sentences wrap (ours)."""
_SENTENCE = 60
"""Characters of a column of sentences that wrap (ours)."""
_about: ContextVar[Mapping[str, Any] | None] = ContextVar("about", default=None)
"""The options of the command that runs."""


@contextmanager
def about(options: Mapping[str, Any]) -> Iterator[None]:
    """What is printed inside is of the platform that a command's options name."""
    token = _about.set(options)
    try:
        yield
    finally:
        _about.reset(token)


def called() -> str:
    """The name by which these commands were called, quoted for a shell."""
    return shlex.quote(os.environ.get(_CALLED_AS) or "ona")


def as_called(text: str) -> str:
    """A text with every `ona <command>` in it as the reader must type it.

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, ONA_CALLED_AS="./ona"):
    ...     as_called("start it with `ona up`; an ona of its own stays, and so does /opt/ona down")
    'start it with `./ona up`; an ona of its own stays, and so does /opt/ona down'
    >>> with patch.dict(os.environ, ONA_CALLED_AS="./ona"), about({"environment": "staging"}):
    ...     as_called("`ona dlq list`, then `ona explain <name>`, then `ona down`")
    '`./ona dlq list --env staging`, then `./ona explain --env staging <name>`, then `./ona down`'
    """
    return _hint().sub(_typed, text) if "ona " in text else text


def told_as_called(command: Any) -> Any:
    """A command of typer, with the help of all that is below it as the reader must type it."""
    for item in (command, *command.params):
        for name in ("help", "short_help", "epilog"):
            if isinstance(getattr(item, name, None), str):
                setattr(item, name, as_called(getattr(item, name)))
    for below in getattr(command, "commands", {}).values():
        told_as_called(below)
    return command


def _typed(found: re.Match[str]) -> str:
    takes, options = _commands()[found["command"]], _about.get() or {}
    rest = found.string[found.end() :]
    end = _HINTS_END.search(rest)
    said = rest[: end.start()] if end else rest
    given = [
        f" {option} {shlex.quote(str(value))}"
        for name, option in _OPTIONS.items()
        if (value := options.get(name)) not in (None, _DEFAULTS[name])
        and option in takes
        and option not in said
    ]
    return f"{called()} {found['command']}{''.join(given)}"


@cache
def _hint() -> re.Pattern[str]:
    """`ona` or `./ona` before one of its commands; the longest command first."""
    names = "|".join(sorted(_commands(), key=len, reverse=True))
    return re.compile(rf"(?<![\w./-])(?:\./)?ona (?P<command>{names})\b")


@cache
def _commands() -> dict[str, set[str]]:
    """The options of each command and group, by its words after `ona`."""
    from ops import cli

    def below(command: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
        for name, item in getattr(command, "commands", {}).items():
            yield " ".join((*path, name)), {text for one in item.params for text in one.opts}
            yield from below(item, *path, name)

    return dict(below(typer.main.get_command(cli.app)))


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no text may do to a terminal: control characters but tab and line feed, changes of the writing's
direction, halves of characters."""


def printable(text: str) -> str:
    """A text that others wrote, as a terminal may have it: what would steer it stands there as its number.

    >>> printable("a\\x1b[2Jb"), printable("caf\\u00e9"), printable("\\ud800")
    ('a\\\\x1b[2Jb', 'café', '\\\\ud800')
    """
    return _UNPRINTABLE.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


class _Printable(Console):
    """A console that nobody's file name or message steers."""

    def render_str(self, text: str, **named: Any) -> Text:
        """As rich's; all texts go through it, also those in tables."""
        return super().render_str(printable(text), **named)


class Output(_Printable):
    """A console whose hints can be copied as they stand, and whose tables are not cut."""

    def print(self, *objects: Any, **named: Any) -> None:
        """Print, with the commands in texts as they were called, and each table so that nothing is cut."""
        if len(objects) == 1 and isinstance(objects[0], Table):
            self._print_table(objects[0], **named)
            return
        if any(isinstance(item, str) and "ona " in item and _hint().search(item) for item in objects):
            named.setdefault("soft_wrap", True)  # a command in two lines cannot be copied
        super().print(*(as_called(item) if isinstance(item, str) else item for item in objects), **named)

    def _print_table(self, table: Table, **named: Any) -> None:
        """Sentences wrap, names do not. A table that goes into a file is as wide as its names need; in a
        terminal, where the longest ones do not fit, a row is several lines: the columns that do not wrap
        on the first."""
        for column in table.columns:
            column.overflow = "fold"
        wide = self.options.update(width=_WIDE)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            if self.measure(table, options=wide).maximum > _PIPED:
                self._wrap_sentences(table)
            _Printable(file=self.file, width=_WIDE, force_terminal=False).print(table, **named)
        elif self.measure(table, options=wide).minimum <= self.width:
            super().print(table, **named)
        else:
            for line in _lines_of(table):
                super().print(line, **{"soft_wrap": True, **named})

    def _wrap_sentences(self, table: Table) -> None:
        """Columns with words that may wrap are no wider than they must be."""
        wide = self.options.update(width=_WIDE)
        for column in table.columns:
            words = [Measurement.get(self, wide, cell).minimum for cell in column.cells]
            if not column.no_wrap:
                column.max_width = max(_SENTENCE, *words, 0)


def _lines_of(table: Table) -> Iterator[str]:
    """A table's title and rows as lines of text."""
    if table.title:
        yield str(table.title)
    short = [column.no_wrap for column in table.columns]
    short = short if any(short) else [True, *([False] * (len(short) - 1))]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        told = [str(cell) for cell in row]
        yield "  ".join(cell for cell, first in zip(told, short, strict=True) if first and cell)
        for cell, first, column in zip(told, short, table.columns, strict=True):
            if cell and not first:
                yield f"    [dim]{column.header}[/dim] {cell}"
