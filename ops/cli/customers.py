"""`ona customers`: who may call the APIs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ona.api.callers import TIERS
from ops import customers
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.target import OpsError, resolve

NAME = "customers"
app = typer.Typer(help="API keys: hand out, look, take back.", no_args_is_help=True)


@app.command("add")
@errors_in_one_line
def customers_add(
    customer: Annotated[str, typer.Argument(help="customer id, as in assets.json")],
    tier: Annotated[
        str, typer.Option(help=", ".join(f"{name} {n}/h" for name, n in TIERS.items()))
    ] = "standard",
    arn: Annotated[str | None, typer.Option(help="an IAM role or user instead of a key")] = None,
    new: Annotated[
        bool, typer.Option("--new", help="a new customer, whatever the name looks like")
    ] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Give a customer an API key. It is shown once; only its hash is stored."""
    target = resolve(profile, environment)
    known, like = customers.like(target, customer)
    if like and not new:
        raise OpsError(
            f"no asset and no key is of {customer!r}; did you mean {like!r}? Nothing was handed out. "
            f"When it is a new customer: `ona customers add {customer} --new`"
        )
    if arn:
        customers.add_principal(target, arn, customer, tier)
        console.print(f"{escape(arn)} may call as {escape(customer)}", soft_wrap=True)
        _tell_new(customer, known)
        return
    key = customers.add_key(target, customer, tier)
    for paths, address in target.api_urls.items():
        serves = "" if len(target.api_urls) == 1 else f"  ({paths})"
        console.print(f"API     {address}{serves}", soft_wrap=True, highlight=False)
    console.print(f"API key [bold]{key}[/bold]  (shown this once)", soft_wrap=True, highlight=False)
    _tell_new(customer, known)


def _tell_new(customer: str, known: bool) -> None:
    if not known:
        text = f"{customer} is new: no asset in assets.json has it as its `customer_id`"
        console.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)


@app.command("list")
@errors_in_one_line
def customers_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """Keys (by the beginning of their hash) and principals, with what they open."""
    given = list(customers.credentials(resolve(profile, environment)))
    if not given:
        console.print("no keys yet: [bold]ona customers add <customer>[/bold] hands one out")
        return
    table = Table("customer", "tier", "status", "credential")
    for item in given:
        kind, _, name = str(item["id"]).partition("#")
        shown = f"key {name[:12]}" if kind == "key" else name
        told = (escape(str(item.get(name, "?"))) for name in ("customer_id", "tier", "status"))
        table.add_row(*told, escape(shown))
    console.print(table)


@app.command("revoke")
@errors_in_one_line
def customers_revoke(
    credential: Annotated[
        str, typer.Argument(help="the beginning of the key's hash (8 letters or more), or the ARN")
    ],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Take a key or principal back; it stops working with the next request."""
    name = customers.revoke(resolve(profile, environment), credential)
    console.print(f"revoked a credential of {escape(name)}")
