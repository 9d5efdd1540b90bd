"""What the demo prints when it ends: tables of faults, data problems, orders, messages and repairs."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import accounting
from ops.demo import inbox, newcustomer, repair, report
from ops.demo.collect import Story
from ops.demo.simulate import Fleet
from ops.messages import in_words

MOST_ASSETS, MOST_FINDINGS, MOST_ALARMS = 10, 12, 5
"""So many rows of a table, or items of a line, are shown."""


def print_outcome(console: Console, story: Story, fleet: Fleet | None, zone: str, crew_zone: str) -> bool:
    """Print what came of all files. False when one is unaccounted for, or an injected fault was missed.

    `zone`: of telemetry; `crew_zone`: that of crews."""
    good = True
    if fleet is not None:
        verdicts = report.verdicts(story, fleet, zone)
        table = Table(
            "asset",
            "injected",
            "found as",
            "true kWh",
            "booked kWh",
            "",
            title="Injected against found",
            title_justify="left",
        )
        for row in verdicts:
            mark = "[green]found[/green]" if row.ok else "[red]missed[/red]"
            table.add_row(row.asset, row.name, row.found_as, row.true_kwh, row.booked_kwh, mark)
        console.print(table)
        alarms = report.false_alarms(story, fleet, zone)
        console.print(f"false alarms: {len(alarms)} {'; '.join(alarms[:MOST_ALARMS])}")
        good = all(row.ok for row in verdicts)
    else:
        _worst(console, story, zone)
    _problems(console, story)
    _money(console, story)
    _orders(console, story, crew_zone)
    counts = accounting.totals(story.accounts)
    rejected = [item for item in story.accounts if item.state in ("quarantined", "dead letter")]
    for item in rejected:
        console.print(f"{item.state}: {escape(item.key)}\n    {escape(item.detail)}", soft_wrap=True)
    parts = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    closed = not any(counts[state] for state in accounting.OPEN)
    head = "[green]every file is accounted for[/green]" if closed else "[red]open work[/red]"
    waiting = in_words(story.letters)
    console.print(f"{head}: {len(story.accounts)} put = {parts}; in the dead-letter queue: {waiting}")
    return good and closed


def _worst(console: Console, story: Story, zone: str) -> None:
    table = Table(
        "asset",
        "incidents",
        "kWh lost",
        "worst incident",
        title=f"Assets by energy lost, times in {zone}",
        title_justify="left",
    )
    for row in report.worst(story, zone)[:MOST_ASSETS]:
        table.add_row(row["asset"], str(row["count"]), row["kwh"], row["worst"])
    console.print(table if story.incidents else "Assets by energy lost: none lost any")


def _problems(console: Console, story: Story) -> None:
    rows: list[dict[str, Any]] = report.data_problems(story)
    if rows:
        table = Table(
            "data problem", "assets", "files", "example", title_justify="left", title="Problems of the data"
        )
        for row in rows:
            table.add_row(row["kind"], row["assets"], str(row["files"]), escape(row["example"]))
        console.print(table)


def _money(console: Console, story: Story) -> None:
    table = Table(
        "asset", "cause", "severity", "USD a day", "USD in a week", title="At risk", title_justify="left"
    )
    for finding in story.open_faults[:MOST_FINDINGS]:
        risk = finding.energy_at_risk
        table.add_row(
            finding.asset_id,
            f"{finding.cause.replace('_', ' ')} ({report.brief(finding.category)}: {finding.subcategory})",
            f"{finding.severity:.2f} {finding.risk_class}",
            f"{risk.daily_loss_usd:.2f}",
            f"{risk.horizons[2].loss_usd:.0f}",
        )
    console.print(table if story.open_faults else "At risk: nothing that wants a crew")
    for finding in story.mended_faults:
        console.print(
            f"mended, verified by telemetry: {finding.asset_id}, {finding.cause.replace('_', ' ')}"
        )


def _orders(console: Console, story: Story, zone: str) -> None:
    table = Table(
        "order",
        "asset",
        "crew",
        f"start ({zone})",
        "hours",
        "parts",
        "USD",
        "state",
        title="Work orders",
        title_justify="left",
    )
    for order in story.standing_orders:
        table.add_row(
            order.work_order_id,
            order.asset_id,
            order.crew_assignment.crew_id,
            f"{order.scheduled_start.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}",
            f"{order.estimated_duration_hours:g}",
            ", ".join(line.sku for line in order.bill_of_materials) or "none",
            f"{order.total_cost_usd:.0f}",
            f"{order.priority}, {story.state_of(order)}",
        )
    console.print(table if story.standing_orders else "Work orders: none")
    for row in report.compared(story):
        more = f", {row['more']:.2f} more" if row["more"] > 0.005 else ""
        console.print(f"{row['rule']}: {row['loss']:.2f} USD weighted loss{more} [dim]{row['note']}[/dim]")
    for row in report.waiting(story):
        console.print(
            f"[dim]{row['asset']}: {row['decision']} {row['times']}×, {escape(row['reason'])}[/dim]",
            soft_wrap=True,
        )


def print_repair(console: Console, repaired: repair.Repair) -> bool:
    """Print the steps of one order. False when telemetry did not confirm the repair."""
    title = f"One order, from open to verified: {repaired.order['work_order_id']}"
    table = Table("step", "what came of it", title=title, title_justify="left")
    for name, text in repaired.steps:
        table.add_row(name, escape(text))
    console.print(table)
    return repaired.verified


def print_messages(console: Console, messages: list[inbox.Message], waiting: list[str]) -> None:
    """Print the subjects of the messages that operators got, and what waits for the morning."""
    table = Table("message", title="What the operators were told", title_justify="left")
    for message in messages:
        table.add_row(escape(message.subject))
    for text in waiting:
        table.add_row(f"[dim]waits: {escape(text)}[/dim]")
    console.print(table)


def print_journey(console: Console, journey: newcustomer.Path) -> None:
    """Print a new customer's first minutes with the API."""
    title = f"A new customer, from the key to a forecast: {journey.seconds:.0f} s of the demo"
    table = Table("step", "what came of it", "s", title=title, title_justify="left")
    for name, text, seconds in journey.steps:
        table.add_row(name, escape(text), f"{seconds:.1f}")
    console.print(table)
