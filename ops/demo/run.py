"""`ona demo`: start an embedded cloud, deploy to it, put the files day by day, write the report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from urllib3.exceptions import HTTPError

from local import cloud, deploy, lock
from local import home as homes
from ona.documents.assets import AssetRegistry, Location
from ona.runtime.words import counted
from ooda.config import loss_function
from ops import accounting, ingest, seed
from ops.demo import inbox, newcustomer, repair, report, simulate, summary
from ops.demo.collect import collect, save
from ops.demo.follow import Follower
from ops.target import EMBEDDED, TEMPLATE, OpsError, Target, embedded, start

PATIENCE_S = 300.0
"""So long no execution of a day's files may end before the demo gives up (ours)."""
HOMES = cloud.ROOT / ".ona"
REPORTS = cloud.ROOT / "reports"
_QUIET = {"ONA_LOCAL_ALARMS": "off"}
"""The demo brings faults about on purpose and tells what operators hear; no alarm rings beside."""


@dataclass(frozen=True)
class Delivery:
    """The files that will be put, day by day, and whose they are. `zone` is that of the telemetry."""

    title: str
    subtitle: str
    days: list[tuple[str, list[ingest.Upload]]]
    registry: AssetRegistry
    base: Location
    zone: str
    fleet: simulate.Fleet | None
    notes: list[str]


def _simulated() -> Delivery:
    """The simulated fleet of `ops.demo.simulate`, with its faults."""
    fleet = simulate.fleet()
    days = [
        (f"{day:%d %b}", [ingest.Upload(key, body) for key, body in files.items()])
        for day, files in sorted(fleet.files.items())
    ]
    days[-1][1].extend(ingest.Upload(k, v) for k, v in simulate.poisoned().items())
    asset_faults = sum(not fault.is_data_problem for fault in fleet.faults)
    return Delivery(
        title="Ona Platform: a week of a simulated fleet",
        subtitle=f"{simulate.INVERTERS} inverters of {simulate.CAPACITY_KW:g} kW at two sites over "
        f"{simulate.DAYS} days of real (typical) June weather at Greensboro; "
        f"{counted(asset_faults, 'machine fault')}, "
        f"{counted(len(fleet.faults) - asset_faults, 'data problem')}, "
        "2 poisoned files and a duplicate delivery "
        "were put in.",
        days=days,
        registry=AssetRegistry(assets=[*simulate.registry().assets, *newcustomer.registry().assets]),
        base=simulate.SITE,
        zone=simulate.ZONE,
        fleet=fleet,
        notes=[],
    )


def _own(source: str, data: Path) -> Delivery:
    """A folder of the user's own files, by a source profile. Raises OpsError, InvalidTelemetry."""
    profile = ingest.profile_named(source)
    telemetry, registry = ingest.convert(profile, data, None)
    days: dict[str, list[ingest.Upload]] = {}
    for upload in ingest.daily(telemetry, registry):
        days.setdefault("/".join(upload.key.split("/")[1:4]), []).append(upload)
    quality = telemetry.quality
    notes = [f"{counted(count, 'row')} left out: {reason}" for reason, count in quality.rejected.items()]
    notes += [f"{counted(count, 'row')}: {reason}" for reason, count in quality.flagged.items()]
    zone = profile.time.zone or "UTC"
    place = next((a.location for a in registry.assets if a.location), None)
    return Delivery(
        title=f"Ona Platform: {source}",
        subtitle=f"{counted(len(registry.assets), 'asset')}, "
        f"{counted(len(telemetry.frame), 'reading', ',')} from "
        f"{telemetry.frame['timestamp'].min():%Y-%m-%d} to "
        f"{telemetry.frame['timestamp'].max():%Y-%m-%d}, source profile {source}.",
        days=sorted(days.items()),
        registry=registry,
        base=place or Location(latitude=0.0, longitude=0.0),
        zone=zone,
        fleet=None,
        notes=notes,
    )


def _deliver(console: Console, target: Target, delivery: Delivery) -> None:
    """Put each day's files, and wait until the loop has gone through them. Raises OpsError."""
    follower, put = Follower(target), 0
    total = sum(len(uploads) for _, uploads in delivery.days)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files through the loop"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("delivering", total=total)
        for number, (day, uploads) in enumerate(delivery.days, 1):
            for upload in uploads:
                ingest.put(target, upload)
            put += len(uploads)
            if delivery.fleet is not None and number == 4:
                _deliver_twice(target, delivery.days[2][1][4])
            progress.update(task, description=f"day {number} of {len(delivery.days)} ({day})")
            follower.wait(put, f"day {day}", PATIENCE_S, lambda done: progress.update(task, completed=done))


def _deliver_twice(target: Target, upload: ingest.Upload) -> None:
    """Send the event of a file again: EventBridge delivers at least once, not exactly once."""
    newest = target.client("s3").head_object(Bucket=target.input_bucket, Key=upload.key)
    event = accounting.FileAccount(upload.key, newest.get("VersionId", ""), len(upload.body), "done").event(
        target.input_bucket
    )
    states = target.client("stepfunctions")
    start(states, target.machine, name="delivered-again", input=json.dumps(event))


@contextmanager
def _platform(console: Console, home: Path, delivery: Delivery, keep: bool) -> Iterator[Target]:
    """A fresh embedded cloud with the platform on it; with `keep` it goes on afterwards."""
    started = time.monotonic()
    with cloud.changing(home):
        cloud.clear(home)
        running = cloud.start(home, extra_environment=_QUIET)
    try:
        console.print(f"embedded cloud at {running.endpoint} ({time.monotonic() - started:.1f} s)")
        started = time.monotonic()
        target = embedded(running)
        parameters = {**EMBEDDED, "Environment": "dev", "WeatherProvider": "recorded"}
        with cloud.changing(home):
            outputs = deploy.deploy(running.client, TEMPLATE, target.stack, parameters)
        ingest.put_registry(target, delivery.registry)
        seed.put_crews(target, seed.example_crews(delivery.base))
        seed.put_signing_key(target)
        inbox.open_inbox(target)
        console.print(
            f"deployed template.yaml as {target.stack}, {counted(len(outputs), 'output')} "
            f"({time.monotonic() - started:.1f} s)"
        )
        yield target
    finally:
        if keep:
            console.print(f"the embedded cloud goes on: [bold]ONA_HOME={home} ona status[/bold]")
        else:
            cloud.stop(home)


def main(console: Console, *, source: str | None, data: Path | None, keep: bool) -> bool:
    """Run the demo. True when every file is accounted for and every injected fault was found.

    Raises OpsError when another demo of this name runs.
    """
    name = source or "demo"
    with _alone(name):
        return _run(console, source, data, keep, HOMES / f"demo-{name}", REPORTS / name)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One demo of a name at a time: it empties its home and writes its report."""
    path = HOMES / f"demo-{name}.lock"
    with homes.in_words(HOMES):
        HOMES.mkdir(parents=True, exist_ok=True)
        try:
            held = lock.take(path, doing="ona demo", patience_s=0)
        except lock.Held as error:
            raise OpsError(
                f"another demo runs, {lock.holder(path)}; wait until it ends, then run yours again"
            ) from error
    try:
        yield
    finally:
        held.release()


def _run(
    console: Console, source: str | None, data: Path | None, keep: bool, home: Path, folder: Path
) -> bool:
    started = time.monotonic()
    homes.check(homes.resolved(home))
    console.rule("[bold]Ona Platform demo[/bold]")
    delivery = _own(source, data) if source and data else _simulated()
    console.print(escape(delivery.subtitle))
    for note in delivery.notes:
        console.print(f"[dim]{escape(note)}[/dim]")
    with _platform(console, home, delivery, keep) as target:
        _deliver(console, target, delivery)
        unfinished: list[str] = []
        journey = repaired = None
        if delivery.fleet is not None:
            with _part("a new customer's forecast", console, unfinished):
                journey = _newcomer(console, target)
            with _part("one order, from open to verified", console, unfinished):
                repaired = repair.walk(target)
        inbox.send(target)
        crew_zone = _crew_zone(delivery.registry)
        messages, waiting = inbox.messages(target), inbox.waiting(target, crew_zone)
        story = collect(target)
        shutil.rmtree(folder, ignore_errors=True)
        documents = save(target, folder / "output")
        copies = folder / "output"
        where = [(key.rstrip("/"), f"{_shown(copies / key)}/") for key in story.where]
        where += [("all documents", f"{_shown(copies)}/")]
        now = datetime.now(UTC)
        path = folder / "report.html"
        page = report.Page(
            title=delivery.title,
            subtitle=delivery.subtitle,
            footer=f"Made by `make demo` on {now:%Y-%m-%d %H:%M} UTC on the embedded cloud: the same "
            "template, state machine and handlers that deploy to AWS.",
            now=now,
            zone=delivery.zone,
            crew_zone=crew_zone,
            where=where,
            cloud_words=_cloud_words(home, keep),
            fleet=delivery.fleet,
            journey=journey,
            repaired=repaired,
            unfinished=unfinished,
            messages=messages,
            messages_waiting=waiting,
        )
        report.write(path, story, delivery.registry, page)
    good = (
        summary.print_outcome(console, story, delivery.fleet, delivery.zone, crew_zone) and not unfinished
    )
    summary.print_messages(console, messages, waiting)
    if repaired is not None:
        good &= summary.print_repair(console, repaired)
    for text in unfinished:
        console.print(f"[red]missing   {escape(text)}[/red]", soft_wrap=True)
    console.print(f"\nreport    [bold]{_shown(path)}[/bold] (open it in a browser)")
    console.print(f"documents {_shown(folder / 'output')}/ ({counted(documents, 'file')})")
    console.print(f"all of it took {time.monotonic() - started:.0f} s")
    return good


def _crew_zone(registry: AssetRegistry) -> str:
    """The time zone in which crews work: that of the first asset that has one, else the configured one."""
    zones = [asset.timezone for asset in registry.assets if asset.timezone]
    return zones[0] if zones else loss_function.loss_function_config().constraints.working_hours.timezone


def _cloud_words(home: Path, keep: bool) -> str:
    """Whether the demo's embedded cloud runs, and how it is asked or brought up again."""
    setting = f"ONA_HOME={_shown(home)}"
    if keep:
        return f"The embedded cloud of this demo goes on: `{setting} ./ona status`."
    return f"The embedded cloud of this demo is down; `{setting} ./ona up` brings it up again."


def _shown(path: Path) -> str:
    return str(path.relative_to(cloud.ROOT) if path.is_relative_to(cloud.ROOT) else path)


@contextmanager
def _part(name: str, console: Console, unfinished: list[str]) -> Iterator[None]:
    """A part of the demo: where it fails, the rest goes on, and the report says what is missing."""
    console.print(f"[dim]now {name}[/dim]")
    try:
        yield
    except (OpsError, HTTPError) as error:
        unfinished.append(f"{name}: {error}")


def _newcomer(console: Console, target: Target) -> newcustomer.Path:
    with console.status("a new customer") as status:
        journey = newcustomer.walk(target, lambda step: status.update(f"a new customer: {step}"))
    summary.print_journey(console, journey)
    return journey
