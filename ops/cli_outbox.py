"""Commands around the outbox: who is still to be told of orders, and sending again what was given up."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from ops import outbox
from ops.command import Environment, Profile, console, told
from ops.target import resolve

outbox_app = typer.Typer(help="What others are told of orders: look, send again.", no_args_is_help=True)
_NAMES = {"send": "to be sent", "watch": "told", "dead": "[red]given up[/red]"}


@outbox_app.command("list")
@told
def outbox_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What waits, what is watched at a ticketing system, and what was given up with its reason."""
    found = outbox.items(resolve(profile, environment))
    table = Table("", "place", "order or notice", "next", "tries", "ticket or reason")
    for item in found:
        why = item.get("last_error") or item.get("ticket") or ""
        name = item.get("work_order_id") or item.get("subject") or item["delivery_id"]
        table.add_row(_NAMES[item["lane"]], escape(str(item["place"])), escape(str(name)),
                      str(item["next_at"]), str(item.get("attempts", 0)), escape(str(why)))  # fmt: skip
    console.print(table if found else "nobody waits for anything")


@outbox_app.command("redrive")
@told
def outbox_redrive(profile: Profile = None, environment: Environment = "dev") -> None:
    """Send all that was given up again; mend the reason first."""
    sent = outbox.redrive(resolve(profile, environment))
    for name in sent:
        console.print(f"sent again {escape(name)}")
    console.print(f"{len(sent)} deliveries are due again")
