"""`ona outbox`: the deliveries that wait, and those that were given up."""

from __future__ import annotations

from collections import Counter

import typer
from rich.markup import escape

from ona.outbox.items import Delivery
from ona.runtime.clock import iso
from ona.runtime.words import counted
from ona.store.unreadable import Unreadable
from ops import outbox
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, print_unreadable
from ops.target import resolve

NAME = "outbox"
app = typer.Typer(help="What others are told of orders: look, send again.", no_args_is_help=True)
_LANES = {
    "send": "[yellow]to be sent[/yellow]",
    "watch": "[green]told[/green]",
    "dead": "[red]given up[/red]",
}
"""What a delivery's lane means."""
_NEXT = {"send": "due", "watch": "asked again", "dead": "given up"}
"""What happens, or happened, at a delivery's `next_at`."""


@app.command("list")
@errors_in_one_line
def outbox_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What waits, what is watched at a ticketing system, and what was given up with its reason."""
    counts: Counter[str] = Counter()
    bad: list[Unreadable] = []
    items = outbox.items(resolve(profile, environment), bad=bad)
    if not items and not bad:
        console.print("no deliveries wait, none was given up; the first order makes some: docs/delivery.md")
        return
    for item in items:
        lane = item.lane or "send"  # the index holds only items with a lane
        counts[lane] += 1
        name = item.work_order_id if isinstance(item, Delivery) else item.subject
        console.print(f"{_LANES[lane]}  {escape(item.recipient_name)}  {escape(name)}", soft_wrap=True)
        ticket = f", ticket {item.ticket}" if isinstance(item, Delivery) and item.ticket else ""
        when = f"{_NEXT[lane]} {iso(item.next_at) if item.next_at else 'now'}{ticket}"
        console.print(f"    [dim]{escape(when)}[/dim]", soft_wrap=True)
        if item.last_error:
            console.print(f"    {counted(item.attempts, 'try')}: {escape(item.last_error)}", soft_wrap=True)
    console.print(f"{counts['send']} to be sent, {counts['watch']} watched, {counts['dead']} given up")
    print_unreadable(bad)


@app.command("redrive")
@errors_in_one_line
def outbox_redrive(profile: Profile = None, environment: Environment = "dev") -> None:
    """Send all that was given up again; mend the reason first."""
    sent = outbox.redrive(resolve(profile, environment))
    for name in sent:
        console.print(f"sent again {escape(name)}")
    console.print(f"due again: {counted(len(sent), 'delivery')}")
