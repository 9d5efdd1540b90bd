"""Commands around forecasting: API customers, and the models in service."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ona.api.callers import TIERS
from ops import customers, models
from ops.command import Environment, Profile, console, told
from ops.target import OpsError, resolve

customers_app = typer.Typer(help="API keys: hand out, look, take back.", no_args_is_help=True)
models_app = typer.Typer(
    help="Forecasting models: which serves, how good, roll back.", no_args_is_help=True
)


@customers_app.command("add")
@told
def customers_add(
    customer: Annotated[str, typer.Argument(help="customer id, as in assets.json")],
    tier: Annotated[
        str, typer.Option(help=", ".join(f"{name} {n}/h" for name, n in TIERS.items()))
    ] = "standard",
    arn: Annotated[str | None, typer.Option(help="an IAM role or user instead of a key")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Give a customer an API key. It is shown once; only its hash is stored."""
    target = resolve(profile, environment)
    if arn:
        customers.add_principal(target, arn, customer, tier)
        console.print(f"{escape(arn)} may call as {escape(customer)}", soft_wrap=True)
        return
    key = customers.add_key(target, customer, tier)
    console.print(f"API     {target.api_url}", soft_wrap=True, highlight=False)
    console.print(f"API key [bold]{key}[/bold]  (shown this once)", soft_wrap=True, highlight=False)


@customers_app.command("list")
@told
def customers_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """Keys (by the beginning of their hash) and principals, with what they open."""
    table = Table("customer", "tier", "status", "credential")
    for item in customers.credentials(resolve(profile, environment)):
        kind, _, name = str(item["id"]).partition("#")
        shown = f"key {name[:12]}" if kind == "key" else name
        table.add_row(str(item["customer_id"]), str(item["tier"]), str(item["status"]), escape(shown))
    console.print(table)


@customers_app.command("revoke")
@told
def customers_revoke(
    credential: Annotated[str, typer.Argument(help="the beginning of the key's hash, or of the ARN")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Take a key or principal back; it stops working with the next request."""
    name = customers.revoke(resolve(profile, environment), credential)
    console.print(f"revoked a credential of {escape(name)}")


@models_app.command("list")
@told
def models_list(
    customer: Annotated[str | None, typer.Argument(help="one customer; all without")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Versions of each customer's model: what was decided, why, how good on unseen days."""
    table = Table("customer", "version", "serves", "decision", "pinball %", "80 % holds", "skill", "reason")
    for row in models.versions(resolve(profile, environment), customer):
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


@models_app.command("rollback")
@told
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
