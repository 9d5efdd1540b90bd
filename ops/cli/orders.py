"""`ona orders`: the work orders that are not finished."""

from __future__ import annotations

from collections import Counter

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.runtime.words import counted
from ona.store.unreadable import Unreadable
from ops import orders
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, print_unreadable
from ops.target import resolve

app = typer.Typer()


@app.command(name="orders")
@errors_in_one_line
def orders_command(profile: Profile = None, environment: Environment = "dev") -> None:
    """The work orders that are neither cancelled nor verified, what presses most first."""
    bad: list[Unreadable] = []
    found = orders.unfinished(resolve(profile, environment), bad)
    if not found and not bad:
        console.print("no unfinished work orders; what became of each file: [bold]ona status[/bold]")
        return
    whole = ("order", "priority", "status", "asset", "visit (UTC)", "crew")
    table = Table(*(Column(name, no_wrap=True) for name in whole), "at stake USD", "what")
    for order in found:
        cells = (
            order.work_order_id,
            order.priority,
            order.status,
            order.asset_id,
            f"{order.scheduled_start:%Y-%m-%d %H:%M}",
            order.crew_id,
            f"{order.at_stake_usd:,.0f}",
            order.title,
        )
        table.add_row(*map(escape, cells))
    if found:
        console.print(table)
    counts = Counter(order.status for order in found)
    parts = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    console.print(f"{counted(len(found), 'work order')}{f': {parts}' if parts else ''}")
    console.print("people change them over the API: docs/work-orders.md")
    print_unreadable(bad)
