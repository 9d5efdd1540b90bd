"""Commands around the outbox: who is still to be told of orders, and sending again what was given up."""

from __future__ import annotations

from collections import Counter

import typer
from rich.markup import escape

from ops import outbox
from ops.command import Environment, Profile, console, told
from ops.target import resolve

outbox_app = typer.Typer(help="What others are told of orders: look, send again.", no_args_is_help=True)
_NAMES = {
    "send": "[yellow]to be sent[/yellow]",
    "watch": "[green]told[/green]",
    "dead": "[red]given up[/red]",
}
_NEXT = {"send": "due", "watch": "asked again", "dead": "given up"}


@outbox_app.command("list")
@told
def outbox_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What waits, what is watched at a ticketing system, and what was given up with its reason."""
    found = outbox.items(resolve(profile, environment))
    for item in found:
        name = item.get("work_order_id") or item.get("subject") or item["delivery_id"]
        console.print(
            f"{_NAMES[item['lane']]}  {escape(str(item['place']))}  {escape(str(name))}", soft_wrap=True
        )
        ticket = f", ticket {item['ticket']}" if item.get("ticket") else ""
        when = f"{_NEXT[item['lane']]} {item['next_at']}{ticket}"
        console.print(f"    [dim]{escape(when)}[/dim]", soft_wrap=True)
        if item.get("last_error"):
            console.print(
                f"    {item.get('attempts', 0)} tries: {escape(item['last_error'])}", soft_wrap=True
            )
    told = Counter(item["lane"] for item in found)
    console.print(f"{told['send']} to be sent, {told['watch']} watched, {told['dead']} given up")


@outbox_app.command("redrive")
@told
def outbox_redrive(profile: Profile = None, environment: Environment = "dev") -> None:
    """Send all that was given up again; mend the reason first."""
    sent = outbox.redrive(resolve(profile, environment))
    for name in sent:
        console.print(f"sent again {escape(name)}")
    console.print(f"{len(sent)} deliveries are due again")
