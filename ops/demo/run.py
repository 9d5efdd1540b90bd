"""`ona demo`: start, deploy, deliver day by day, follow, tell."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local import cloud, deploy
from ona.documents.assets import AssetRegistry, Location
from ooda.config import loss_function
from ops import accounting, ingest, seed
from ops.demo import inbox, newcustomer, repair, report, simulate
from ops.demo.collect import Story, collect, save
from ops.demo.follow import Follower
from ops.target import EMBEDDED, TEMPLATE, Target, embedded

WAIT_S = 150.0
HOMES = cloud.ROOT / ".ona"
REPORTS = cloud.ROOT / "reports"


@dataclass(frozen=True)
class Delivery:
    """What will be put, in waves (a day each), and what the machines are."""

    title: str
    subtitle: str
    waves: list[tuple[str, list[ingest.Upload]]]
    registry: AssetRegistry
    base: Location
    zone: str
    fleet: simulate.Fleet | None
    notes: list[str]


def _simulated() -> Delivery:
    fleet = simulate.fleet()
    waves = [
        (f"{day:%d %b}", [ingest.Upload(key, body) for key, body in files.items()])
        for day, files in sorted(fleet.files.items())
    ]
    waves[-1][1].extend(ingest.Upload(k, v) for k, v in simulate.poisoned().items())
    machine = sum(not fault.is_data_problem for fault in fleet.faults)
    return Delivery(
        title="Ona Platform: a week of a simulated fleet",
        subtitle=f"{simulate.INVERTERS} inverters of {simulate.CAPACITY_KW:g} kW at two sites over "
        f"{simulate.DAYS} days of real (typical) June weather at Greensboro; {machine} machine faults, "
        f"{len(fleet.faults) - machine} data problems, 2 poisoned files and a duplicate delivery "
        "were put in.",
        waves=waves,
        registry=AssetRegistry(assets=[*simulate.registry().assets, *newcustomer.registry().assets]),
        base=simulate.SITE,
        zone=simulate.ZONE,
        fleet=fleet,
        notes=[],
    )


def _own(source: str, data: Path) -> Delivery:
    profile = ingest.profile_named(source)
    telemetry, registry = ingest.convert(profile, data, None)
    waves: dict[str, list[ingest.Upload]] = {}
    for upload in ingest.daily(telemetry, registry):
        waves.setdefault("/".join(upload.key.split("/")[1:4]), []).append(upload)
    quality = telemetry.quality
    notes = [f"{count} rows left out: {reason}" for reason, count in quality.rejected.items()]
    notes += [f"{count} rows: {reason}" for reason, count in quality.flagged.items()]
    zone = profile.time.zone or "UTC"
    place = next((a.location for a in registry.assets if a.location), None)
    return Delivery(
        title=f"Ona Platform: {source}",
        subtitle=f"{len(registry.assets)} assets, {len(telemetry.frame):,} readings from "
        f"{telemetry.frame['timestamp'].min():%Y-%m-%d} to "
        f"{telemetry.frame['timestamp'].max():%Y-%m-%d}, source profile {source}.",
        waves=sorted(waves.items()),
        registry=registry,
        base=place or Location(latitude=0.0, longitude=0.0),
        zone=zone,
        fleet=None,
        notes=notes,
    )


def _deliver(console: Console, target: Target, delivery: Delivery) -> None:
    follower, put = Follower(target), 0
    total = sum(len(uploads) for _, uploads in delivery.waves) + (delivery.fleet is not None)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files through the loop"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("delivering", total=total)
        for number, (day, uploads) in enumerate(delivery.waves, 1):
            for upload in uploads:
                ingest.put(target, upload)
            put += len(uploads)
            if delivery.fleet is not None and number == 4:
                _deliver_twice(target, delivery.waves[2][1][4])
                put += 1
            progress.update(task, description=f"day {number} of {len(delivery.waves)} ({day})")
            follower.wait(put, f"day {day}", WAIT_S, lambda done: progress.update(task, completed=done))


def _deliver_twice(target: Target, upload: ingest.Upload) -> None:
    """The event of a file again: EventBridge delivers at least once, not exactly once."""
    newest = target.client("s3").head_object(Bucket=target.input_bucket, Key=upload.key)
    event = accounting.FileAccount(upload.key, newest.get("VersionId", ""), len(upload.body), "done").event(
        target.input_bucket
    )
    target.client("stepfunctions").start_execution(
        stateMachineArn=target.machine, name="delivered-again", input=json.dumps(event)
    )


@contextmanager
def _platform(console: Console, home: Path, delivery: Delivery, keep: bool) -> Iterator[Target]:
    started = time.monotonic()
    cloud.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    running = cloud.start(home, port=cloud.free_port())
    try:
        console.print(f"embedded cloud at {running.endpoint} ({time.monotonic() - started:.1f} s)")
        started = time.monotonic()
        target = embedded(running)
        parameters = {**EMBEDDED, "Environment": "dev", "WeatherProvider": "recorded"}
        outputs = deploy.deploy(running.client, TEMPLATE, target.stack, parameters)
        ingest.put_registry(target, delivery.registry)
        seed.put_crews(target, seed.example_crews(delivery.base))
        seed.put_signing_key(target)
        inbox.open_inbox(target)
        console.print(
            f"deployed template.yaml as {target.stack}, {len(outputs)} outputs "
            f"({time.monotonic() - started:.1f} s)"
        )
        yield target
    finally:
        if keep:
            console.print(f"the embedded cloud goes on: [bold]ONA_HOME={home} ./ona status[/bold]")
        else:
            cloud.stop(home)


def main(console: Console, *, source: str | None, data: Path | None, keep: bool) -> bool:
    """Run the demo. True when every file is accounted for and every injected fault was found."""
    started = time.monotonic()
    console.rule("[bold]Ona Platform demo[/bold]")
    delivery = _own(source, data) if source and data else _simulated()
    console.print(escape(delivery.subtitle))
    for note in delivery.notes:
        console.print(f"[dim]{escape(note)}[/dim]")
    name = source or "demo"
    home, folder = HOMES / f"demo-{name}", REPORTS / name
    with _platform(console, home, delivery, keep) as target:
        _deliver(console, target, delivery)
        journey = _newcomer(console, target) if delivery.fleet is not None else None
        repaired = repair.walk(target) if delivery.fleet is not None else None
        inbox.send(target)
        messages, waiting = inbox.messages(target), inbox.waiting(target)
        story = collect(target)
        shutil.rmtree(folder, ignore_errors=True)
        documents = save(target, folder / "output")
        where = [(key.rstrip("/"), place) for key, place in story.where.items()]
        where += [("copies of all documents", _shown(folder / "output"))]
        now = datetime.now(UTC)
        zones = [asset.timezone for asset in delivery.registry.assets if asset.timezone]
        crew_zone = (
            zones[0] if zones else loss_function.loss_function_config().constraints.working_hours.timezone
        )
        path = folder / "report.html"
        report.write(
            path,
            story,
            delivery.registry,
            title=delivery.title,
            subtitle=delivery.subtitle,
            footer=f"Made by `make demo` on {now:%Y-%m-%d %H:%M} UTC on the embedded cloud: the same "
            "template, state machine and handlers that deploy to AWS.",
            now=now,
            zone=delivery.zone,
            crew_zone=crew_zone,
            where=where,
            fleet=delivery.fleet,
            journey=journey,
            repaired=repaired,
            messages=messages,
            untold=waiting,
        )
    good = _tell(console, story, delivery)
    _messages(console, messages, waiting)
    if repaired is not None:
        good &= _repaired(console, repaired)
    console.print(f"\nreport    [bold]{_shown(path)}[/bold] (open it in a browser)")
    console.print(f"documents {_shown(folder / 'output')}/ ({documents} files)")
    console.print(f"took      {time.monotonic() - started:.0f} s")
    return good


def _repaired(console: Console, repaired: repair.Repair) -> bool:
    """One order's way; False when telemetry did not confirm it."""
    title = f"One order, from open to verified: {repaired.order['work_order_id']}"
    table = Table("step", "what came of it", title=title, title_justify="left")
    for name, text in repaired.steps:
        table.add_row(name, escape(text))
    console.print(table)
    return repaired.verified


def _messages(console: Console, messages: list[inbox.Message], waiting: list[str]) -> None:
    """What people were told."""
    table = Table("message", title="What the operators were told", title_justify="left")
    for message in messages:
        table.add_row(escape(message.subject))
    for text in waiting:
        table.add_row(f"[dim]waits: {escape(text)}[/dim]")
    console.print(table)


def _shown(path: Path) -> str:
    return str(path.relative_to(cloud.ROOT) if path.is_relative_to(cloud.ROOT) else path)


def _newcomer(console: Console, target: Target) -> newcustomer.Path:
    """A new customer's first minutes with the API."""
    with console.status("a new customer: API key, history, model, nowcast, forecast"):
        journey = newcustomer.walk(target)
    title = f"A new customer, from the key to a forecast ({journey.seconds:.0f} s)"
    table = Table("step", "what came of it", "s", title=title, title_justify="left")
    for name, text, seconds in journey.steps:
        table.add_row(name, escape(text), f"{seconds:.1f}")
    console.print(table)
    return journey


def _tell(console: Console, story: Story, delivery: Delivery) -> bool:
    """Print the outcome; False when something is unaccounted for or was missed."""
    good = True
    if delivery.fleet is not None:
        found = report.verdicts(story, delivery.fleet)
        table = Table("asset", "injected", "found as", "true kWh", "booked kWh", "",
                      title="Injected against found", title_justify="left")  # fmt: skip
        for row in found:
            mark = "[green]found[/green]" if row.ok else "[red]missed[/red]"
            table.add_row(row.asset, row.name, row.found, row.true_kwh, row.booked_kwh, mark)
        console.print(table)
        alarms = report.false_alarms(story, delivery.fleet)
        console.print(f"false alarms: {len(alarms)} {'; '.join(alarms[:5])}")
        good = all(row.ok for row in found)
    else:
        _worst(console, story)
    _problems(console, story)
    _money(console, story)
    _orders(console, story)
    counts = accounting.totals(story.accounts)
    rejected = [item for item in story.accounts if item.state in ("quarantined", "dead letter")]
    for item in rejected:
        console.print(f"{item.state}: {escape(item.key)}\n    {escape(item.detail)}", soft_wrap=True)
    parts = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    closed = not (counts["lost"] or counts["running"] or counts["dead letter"])
    console.print(
        f"{'[green]every file is accounted for[/green]' if closed else '[red]open work[/red]'}: "
        f"{len(story.accounts)} put = {parts}; {len(story.letters)} dead letters"
    )
    return good and closed


def _worst(console: Console, story: Story) -> None:
    table = Table("asset", "incidents", "kWh lost", "worst incident",
                  title="Assets by energy lost", title_justify="left")  # fmt: skip
    for row in report.worst(story)[:10]:
        table.add_row(row["asset"], str(row["count"]), row["kwh"], row["worst"])
    console.print(table if story.incidents else "Assets by energy lost: none lost any")


def _problems(console: Console, story: Story) -> None:
    rows: list[dict[str, Any]] = report.data_problems(story)
    if rows:
        table = Table("data problem", "assets", "files", "example", title_justify="left",
                      title="Problems of the data")  # fmt: skip
        for row in rows:
            table.add_row(row["kind"], row["assets"], str(row["files"]), escape(row["example"]))
        console.print(table)


def _money(console: Console, story: Story) -> None:
    table = Table("asset", "cause", "severity", "USD a day", "USD in a week",
                  title="At risk", title_justify="left")  # fmt: skip
    for finding in story.open_faults[:12]:
        risk = finding.energy_at_risk
        table.add_row(
            finding.asset_id,
            f"{finding.cause.replace('_', ' ')} ({finding.category}: {finding.subcategory})",
            f"{finding.severity:.2f} {finding.risk_class}",
            f"{risk.daily_loss_usd:.2f}",
            f"{risk.horizons[2].loss_usd:.0f}",
        )
    console.print(table if story.open_faults else "At risk: nothing that wants a crew")


def _orders(console: Console, story: Story) -> None:
    table = Table("order", "asset", "crew", "start (UTC)", "hours", "parts", "USD",
                  title="Work orders", title_justify="left")  # fmt: skip
    for order in sorted(story.orders, key=lambda item: item.scheduled_start):
        table.add_row(
            order.work_order_id,
            order.asset_id,
            order.crew_assignment.crew_id,
            f"{order.scheduled_start:%a %d %b %H:%M}",
            f"{order.estimated_duration_hours:g}",
            ", ".join(line.sku for line in order.bill_of_materials) or "none",
            f"{order.total_cost_usd:.0f}",
        )
    console.print(table if story.orders else "Work orders: none")
    for row in report.compared(story):
        more = f", {row['more']:.2f} more" if row["more"] > 0.005 else ""
        console.print(f"{row['rule']}: {row['loss']:.2f} USD weighted loss{more} [dim]{row['note']}[/dim]")
    for row in report.waiting(story):
        console.print(
            f"[dim]{row['asset']}: {row['decision']} {row['times']}×, {escape(row['reason'])}[/dim]",
            soft_wrap=True,
        )
