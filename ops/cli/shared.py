"""What every command shares: its options, its console, its colours, and errors in one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from local.cloud import CloudError
from local.deploy import DeployError
from ona.runtime.errors import OnaError
from ona.store.unreadable import Unreadable, summary
from ops.target import OpsError

Profile = Annotated[
    str | None, typer.Option("--profile", help="AWS profile; without it the embedded cloud")
]
Environment = Annotated[str, typer.Option("--env", help="dev, staging or prod")]
console = Console()

_COLOURS = {
    "SUCCEEDED": "green",
    "FAILED": "red",
    "RUNNING": "yellow",
    "done": "green",
    "quarantined": "yellow",
    "dead letter": "red",
    "lost": "red",
    "running": "yellow",
    "ignored": "dim",
}


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


def errors_in_one_line(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command: it prints our own errors in one line, without a traceback, and exits with 1."""

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return command(*arguments, **named)
        except (OpsError, CloudError, DeployError, OnaError) as error:
            Console(stderr=True).print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
            raise typer.Exit(1) from error

    return run
