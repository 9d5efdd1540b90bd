"""`ona models`: the forecasting models in service."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ona.runtime.words import counted
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
    """Versions of each customer's model: what was decided, why, how good on unseen days; and what serves
    each site."""
    table = Table("customer", "version", "serves", "decision", "pinball %", "80 % holds", "skill", "reason")
    bad: list[Unreadable] = []
    target = resolve(profile, environment)
    rows = models.versions(target, customer, bad)
    served = models.served(target, customer, bad)
    if not rows and not bad:
        whose = f" of {escape(customer)}" if customer else ""
        console.print(f"no models{whose} yet: uploads train the first one: docs/forecasting.md")
        return
    for row in rows:
        own = row.card.own
        table.add_row(
            row.card.customer_id,
            row.card.version,
            f"[green]{counted(len(row.sites), 'site')}[/green]" if row.sites else "",
            row.card.decision,
            f"{own.pinball_percent:.3f}" if own else "",
            f"{own.coverage_80_percent:.1f}" if own else "",
            f"{own.skill:.2f}" if own else "",
            escape(row.card.reason),
        )
    console.print(table)
    sites = Table("customer", "site", "served by", "since", "before", "why")
    for site in served:
        sites.add_row(
            site.customer_id,
            site.site_id,
            site.serving.version,
            f"{site.serving.since:%Y-%m-%d %H:%M}",
            site.serving.previous,
            escape(site.serving.why),
        )
    if served:
        console.print(sites)
    print_unreadable(bad)


@app.command("rollback")
@errors_in_one_line
def models_rollback(
    customer: Annotated[str, typer.Argument(help="whose model")],
    version: Annotated[
        str | None, typer.Option(help="to which, or `physics`; what served before without")
    ] = None,
    site: Annotated[str | None, typer.Option(help="this site only; all sites without")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Let what served before serve again, at one site or at all: one conditional write."""
    moved = models.rollback(resolve(profile, environment), customer, version, site)
    if not moved:
        raise OpsError(
            "a training moved the pointer at this moment; look with `ona models list`, try again"
        )
    for name, entry in sorted((moved.sites or {}).items()):
        if entry.since == moved.changed_at:
            console.print(f"{escape(name)} is served by {entry.version}; before: {entry.previous}")
