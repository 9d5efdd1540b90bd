"""`ona models`: the forecasting models in service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.runtime.words import counted
from ona.store.unreadable import Unreadable
from ops import models
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, notes, print_unreadable
from ops.target import OpsError, resolve, use_configs

if TYPE_CHECKING:
    from ops.backtest.document import BacktestDocument, Period

NAME = "models"
app = typer.Typer(help="Forecasting models: which serves, how good, backtest.", no_args_is_help=True)


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
    sites = Table("customer", "site", "served by", "since (UTC)", "before", "why")
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
    """Let what served before serve again, at one site or at all: one conditional write. Each call goes one
    step further back; `--version` goes anywhere."""
    moved = models.rollback(resolve(profile, environment), customer, version, site)
    if not moved:
        raise OpsError(
            "a training moved the pointer at this moment; look with `ona models list`, try again"
        )
    for name, entry in sorted((moved.sites or {}).items()):
        if entry.since == moved.changed_at:
            before = entry.previous or "nothing"
            console.print(
                f"{escape(name)} is served by {entry.version}, {entry.why}; before it: {before}",
                soft_wrap=True,
            )


@app.command("backtest")
@errors_in_one_line
def models_backtest(
    customer: Annotated[str, typer.Argument(help="whose history")],
    site: Annotated[str | None, typer.Option(help="this site only; all sites without")] = None,
    days: Annotated[int, typer.Option(min=1, help="score so many last days of the history")] = 365,
    step: Annotated[
        int | None, typer.Option(min=1, help="days between two trainings; without: by the history's length")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for document and picture")] = Path("reports/backtest"),
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Forecast a customer's own history as it would have been, beside simple forecasts. Nothing that
    serves is changed."""
    from ops.backtest import run

    use_configs()
    bad: list[Unreadable] = []
    target = resolve(profile, environment)
    to_stderr = notes()

    def told(done: int, steps: int) -> None:
        to_stderr.print(f"trained and forecast: {done} of {counted(steps, 'step')}")

    asked = run.Asked(customer, site, days, step)
    found = run.backtest(target, asked, datetime.now(UTC), told, bad)
    for document in found.documents:
        _print_backtest(document)
        for path in run.write(document, out):
            console.print(f"written: {escape(str(path))}", soft_wrap=True)
    for words in found.left_out:
        console.print(f"[yellow]left out[/yellow] {escape(words)}", soft_wrap=True)
    print_unreadable(bad)


def _print_backtest(found: BacktestDocument) -> None:
    """Methods, leads, months, and what is better than what."""
    from ops.backtest.picture import NAMES

    console.print(
        f"\n{escape(found.site_id)}: {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}, "
        f"{counted(found.overall.hours, 'hour')} by day-ahead forecasts, "
        f"{counted(found.trainings, 'training')}, {found.cpu_seconds:.0f} CPU s; "
        f"errors in % of {found.capacity_kw:g} kW",
        soft_wrap=True,
    )
    heads = ("MAE", "bias", "pinball", "80 %", "95 %", "skill against")
    methods = Table(Column("day ahead", no_wrap=True), *heads)
    for score in found.overall.scores:
        methods.add_row(
            NAMES[score.method],
            f"{score.mae_percent:.2f}",
            f"{score.bias_percent:+.2f}",
            f"{score.pinball_percent:.2f}",
            _number(score.coverage_80_percent),
            _number(score.coverage_95_percent),
            "" if score.method == "platform" else f"{score.skill:.3f}",
        )
    console.print(methods)
    console.print(_periods("hours ahead", found.leads))
    console.print(_periods("month", found.months))
    console.print(f"The platform, a day ahead at {escape(found.site_id)}:", soft_wrap=True)
    for one in found.verdicts:
        console.print(f"- {escape(one.words)}", soft_wrap=True)
    console.print(escape(found.weather), soft_wrap=True)


def _periods(title: str, periods: list[Period]) -> Table:
    """One line a period: the platform, and the errors of its peers."""
    words = {
        "first_hours": "1 to 6",
        "day_ahead": "7 to 30",
        "two_days": "31 to 54",
        "platform": "MAE",
        "persistence": "persist.",
        "clear_sky_persistence": "clear-sky p.",
        "climatology": "climat.",
        "physics": "physics",
        "fitted_physics": "fitted ph.",
    }
    names = [score.method for score in periods[0].scores]
    table = Table(title, "history days", "80 % / 95 %", *(words[name] for name in names))
    for period in periods:
        own = period.scores[0]
        table.add_row(
            words.get(period.name, period.name),
            str(period.history_days),
            f"{_number(own.coverage_80_percent)} / {_number(own.coverage_95_percent)}",
            *(f"{score.mae_percent:.2f}" for score in period.scores),
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
