"""`ona models`: the forecasting models in service."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ona.store.unreadable import Unreadable
from ops import models
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, print_unreadable
from ops.target import OpsError, resolve

NAME = "models"
app = typer.Typer(help="Forecasting models: which serves, how good, roll back.", no_args_is_help=True)


@app.command("list")
@errors_in_one_line
def models_list(
    customer: Annotated[str | None, typer.Argument(help="one customer; all without")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Versions of each customer's model: what was decided, why, how good on unseen days."""
    table = Table("customer", "version", "serves", "decision", "pinball %", "80 % holds", "skill", "reason")
    bad: list[Unreadable] = []
    rows = models.versions(resolve(profile, environment), customer, bad)
    if not rows and not bad:
        whose = f" of {escape(customer)}" if customer else ""
        console.print(f"no models{whose} yet: uploads train the first one: docs/forecasting.md")
        return
    for row in rows:
        own = row.card.own
        table.add_row(
            row.card.customer_id,
            row.card.version,
            "[green]yes[/green]" if row.serves else "",
            row.card.decision,
            f"{own.pinball_percent:.3f}" if own else "",
            f"{own.coverage_80_percent:.1f}" if own else "",
            f"{own.skill:.2f}" if own else "",
            escape(row.card.reason),
        )
    console.print(table)
    print_unreadable(bad)


@app.command("rollback")
@errors_in_one_line
def models_rollback(
    customer: Annotated[str, typer.Argument(help="whose model")],
    version: Annotated[str | None, typer.Option(help="to which; the one before without")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Let an earlier version serve again: one conditional write of a pointer."""
    moved = models.rollback(resolve(profile, environment), customer, version)
    if not moved:
        raise OpsError(
            "a training moved the pointer at this moment; look with `ona models list`, try again"
        )
    console.print(f"{escape(customer)} is served by {moved.version}; before: {moved.previous}")
