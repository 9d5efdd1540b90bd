"""What every command shares: its options, its console, its colours, and errors in one line."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from local import home as homes
from local.cloud import ROOT, CloudError
from local.deploy import DeployError
from ona.runtime.clock import is_plausible
from ona.runtime.errors import InvalidTelemetry, OnaError
from ona.store.unreadable import Unreadable, summary
from ops import deadletters
from ops.cli import hints
from ops.cli.hints import Output
from ops.target import OpsError

Profile = Annotated[
    str | None, typer.Option("--profile", help="AWS profile; without it the embedded cloud")
]
Environment = Annotated[str, typer.Option("--env", help="dev, staging or prod")]
console = Output()
_TYPERS = (typer.Exit, typer.Abort, typer.BadParameter)
"""How typer itself ends a command."""

_COLOURS = {
    "SUCCEEDED": "green",
    "FAILED": "red",
    "RUNNING": "yellow",
    "done": "green",
    "quarantined": "yellow",
    "dead letter": "red",
    "held": "yellow",
    "unknown": "yellow",
    "lost": "red",
    "running": "yellow",
    "ignored": "dim",
    "replaced": "dim",
    "dismissed": "dim",
}


def day_of(text: str, today: date) -> date:
    """A day that has begun, as people write it. Raises OpsError.

    >>> day_of("2026-11-28", date(2026, 11, 28))
    datetime.date(2026, 11, 28)
    """
    day = None
    with suppress(ValueError):
        day = date.fromisoformat(text)
    if day is None or not is_plausible(day):
        raise OpsError(f"{text}: give a day as YYYY-MM-DD")
    if day > today:
        raise OpsError(f"{text}: that day has not begun; today is {today}")
    return day


def notes() -> Output:
    """A console for what is not the answer: it prints to stderr."""
    return Output(stderr=True)


def coloured(state: str) -> str:
    """The state of an execution or a file, with rich's markup for its colour.

    >>> coloured("lost")
    '[red]lost[/]'
    """
    return f"[{_COLOURS.get(state, 'white')}]{state}[/]"


def print_unreadable(bad: list[Unreadable]) -> None:
    """Name the entries that could not be read, and say how many there are."""
    for entry in bad:
        console.print(f"[red]unreadable[/red] {escape(entry.where)}", soft_wrap=True)
        console.print(f"    {escape(entry.why)}", soft_wrap=True)
    if bad:
        console.print(f"[red]{summary(bad)}[/red]: see docs/operations/reconciliation.md")


def print_hidden(count: int) -> None:
    """Say that another command reads dead letters, which are missing in what is told."""
    if count:
        console.print(f"[yellow]{deadletters.told_hidden(count)}[/yellow]", soft_wrap=True)


def errors_in_one_line(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command: it prints any error in one line, without a traceback, and exits with 1.

    Ctrl-C exits with 130, as shells do.
    """

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:
        with hints.about(named):
            return in_one_line(*arguments, **named)

    def in_one_line(*arguments: Any, **named: Any) -> Any:
        try:
            return command(*arguments, **named)
        except (*_TYPERS, KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as error:
            if not _is_broken_output(error):
                notes().print(f"[red]{escape(in_a_line(error))}[/red]", soft_wrap=True)
            raise typer.Exit(1) from error

    return run


def _is_broken_output(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def in_a_line(error: Exception) -> str:
    """What an error says, for a person.

    >>> in_a_line(FileNotFoundError(2, "No such file or directory", "days"))
    'days: No such file or directory'
    >>> in_a_line(InvalidTelemetry("no_rows", "the file has no readings", remedy="export again"))
    'the file has no readings (no_rows): export again'
    >>> in_a_line(KeyError("id"))
    "unexpected KeyError: 'id'"
    """
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

    if isinstance(error, InvalidTelemetry):
        return error.in_words
    if isinstance(error, (OpsError, CloudError, DeployError, OnaError)):
        return str(error)
    text = " ".join(str(error).split())
    if isinstance(error, (EndpointConnectionError, HTTPClientError)):
        return f"{text}. Is there a network, and does the cloud run? (`ona status`)"
    if isinstance(error, (BotoCoreError, ClientError)):
        return text
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else text
    return f"unexpected {type(error).__name__}: {text}{_place(error)}"


def _place(error: Exception) -> str:
    """Where in this checkout it happened: the line that a report of it should name."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(ROOT) and ".venv" not in f.filename]
    inner = [frame for frame in ours if not frame.filename.endswith("cli/shared.py")]
    if not inner:
        return ""
    return f" ({Path(inner[-1].filename).relative_to(ROOT)}:{inner[-1].lineno})"


def tell_damage(home: Path) -> None:
    """Name the damaged files that the server set aside at its start, and what was lost with each."""
    for item in homes.damage(home):
        told = {
            key: str(item.get(key) or "") for key in ("time", "file", "set_aside", "used_instead", "lost")
        }
        console.print(
            f"[red]{escape(told['file'])} was damaged[/red] ({escape(told['time'])}); set aside as "
            f"{escape(told['set_aside'])}; used instead: {escape(told['used_instead'] or 'nothing')}; "
            f"lost: {escape(told['lost'] or 'nothing')}",
            soft_wrap=True,
        )
