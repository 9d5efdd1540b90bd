"""`ona logs`: what all functions wrote of one order, file, asset, request or correlation id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.clock import iso
from ona.runtime.words import shortened
from ops import logs
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.spans import span
from ops.target import OpsError, resolve

app = typer.Typer()
LONGEST = 400
"""Characters of a line that are shown; --json has all."""
_COLOURS = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}


@app.command("logs")
@errors_in_one_line
def logs_command(
    text: Annotated[str, typer.Argument(help="an order, a file, an asset, a request or a correlation id")],
    since: Annotated[str, typer.Option(help="how far back: 90m, 1.5h, 2d")] = "3h",
    as_json: Annotated[bool, typer.Option("--json", help="whole lines, one a line")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The story of one thing: every line with its correlation id, from all functions, the oldest first."""
    target = resolve(profile, environment)
    found = logs.story(target, text, datetime.now(UTC) - span(since, "--since"))
    if not found:
        raise OpsError(f"no function has written of {text} within {since}; a longer time: --since 2d")
    if as_json:
        for line in found:
            told = {"at": iso(line.at), "who": line.who, **(line.fields or {"message": line.text})}
            print(json.dumps(told))
        return
    for line in found:
        if said := logs.in_words(line):
            colour = _COLOURS.get(str(line.fields.get("level", "")), "default")
            head = f"{line.at:%d %H:%M:%S.%f}"[:-3] + f" {line.who}"
            console.print(f"{head} [{colour}]{escape(shortened(said, LONGEST))}[/]", soft_wrap=True)
    ids = sorted({line.correlation_id for line in found if line.correlation_id})
    console.print(f"correlation ids: {', '.join(ids) or 'none'}", soft_wrap=True)
