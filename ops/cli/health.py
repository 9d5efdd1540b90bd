"""`ona health`: the short form of `ona ops health`."""

from __future__ import annotations

import typer

from ops.cli.routines import health_command

app = typer.Typer()
app.command(name="health")(health_command)
