"""`ona cost`: what a day costs by list prices, from what was measured."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.runtime.clock import utc_now
from ops.cli.shared import Environment, Profile, console, day_of, errors_in_one_line
from ops.means import bill as bills
from ops.means import cost as costs
from ops.means import prices, reading
from ops.target import Target, resolve

app = typer.Typer()
_NONE = dict.fromkeys(("file", "order", "forecast"), "none that day") | {"asset": "none is registered"}
DEFAULT_REGION = "af-south-1"
"""That of samconfig.toml, whose prices the embedded cloud's usage is told in."""


@app.command("cost")
@errors_in_one_line
def cost_command(
    day: Annotated[str, typer.Option(help="YYYY-MM-DD, UTC; without it today, so far")] = "",
    region: Annotated[
        str, typer.Option(help="whose prices; see configs/operations/prices/")
    ] = DEFAULT_REGION,
    explorer: Annotated[
        bool,
        typer.Option(
            "--cost-explorer/--no-cost-explorer", help="in AWS: its figures beside it; 0.01 USD a request"
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """What a day costs by list prices: by family, by function, for each file, asset, order and forecast."""
    book = prices.newest()
    target, now = resolve(profile, environment), utc_now()
    today = now.date()
    when = day_of(day, today) if day else today
    used = reading.read(target, when, now)
    told = costs.cost(used, book, region)
    bill = _bill(target, when) if explorer and not target.embedded else None
    if as_json:
        print(
            json.dumps(
                _plain(told, used.unmeasured, region, book) | {"cost_explorer": _figures(told, bill)}
            )
        )
        return
    table = Table(*(Column(name, no_wrap=True) for name in ("family", "by", "USD")))
    for (family, by), usd in told.by(lambda line: (line.family, line.by)).items():
        table.add_row(escape(family), escape(by), f"{usd:.6f}")
    console.print(table)
    counts = told.counts
    for name, each in told.each.items():
        number = getattr(counts, f"{name}s")
        shown = _NONE[name] if each is None else f"{each:.6f} USD each"
        console.print(f"{name}s: {number}, {shown}")
    console.print(f"[bold]{told.usd:.6f} USD[/bold] by the list prices of {book.day} in {escape(region)}")
    share = told.assumed_usd / told.usd if told.usd else 0.0
    console.print(f"{share:.0%} of it stands on prices that nobody looked up (configs/operations/prices/)")
    for what in used.unmeasured:
        console.print(f"not in it: {escape(what)}", soft_wrap=True)
    if bill is not None:
        _print_bill(told, bill)


def _bill(target: Target, day: date) -> bills.Bill | str:
    """What Cost Explorer says of the day, or why it says nothing."""
    try:
        return bills.read(target.client, day, target.outputs["Environment"])
    except bills.NoBill as error:
        return str(error)


def _print_bill(told: costs.Cost, bill: bills.Bill | str) -> None:
    if isinstance(bill, str):
        console.print(f"no figures of Cost Explorer: {escape(bill)}", soft_wrap=True, highlight=False)
        return
    table = Table(
        "service", Column("reckoned, USD", justify="right"), Column(f"billed, {bill.unit}", justify="right")
    )
    for one in bills.beside(told, bill):
        figures = ("–" if value is None else f"{value:.6f}" for value in (one.reckoned, one.billed))
        table.add_row(escape(one.service), *figures)
    console.print(table)
    text = f"Cost Explorer: {bill.total:.6f} {bill.unit} for {bill.day}, {bill.scope}"
    console.print(escape(text), soft_wrap=True, highlight=False)
    if bill.estimated or bill.day >= datetime.now(UTC).date() - bills.LATE:
        console.print("that day's figures still change: Cost Explorer is up to 24 h late", highlight=False)


def _figures(told: costs.Cost, bill: bills.Bill | str | None) -> dict[str, object] | None:
    if bill is None:
        return None
    if isinstance(bill, str):
        return {"missing": bill}
    return {
        "usd": bill.total,
        "unit": bill.unit,
        "scope": bill.scope,
        "estimated": bill.estimated,
        "services": [vars(one) for one in bills.beside(told, bill)],
    }


def _plain(told: costs.Cost, unmeasured: list[str], region: str, book: prices.Prices) -> dict[str, object]:
    return {
        "usd": told.usd,
        "assumed_usd": told.assumed_usd,
        "region": region,
        "prices": str(book.day),
        "counts": vars(told.counts),
        "each_usd": told.each,
        "lines": [vars(line) for line in told.lines],
        "unmeasured": unmeasured,
    }
