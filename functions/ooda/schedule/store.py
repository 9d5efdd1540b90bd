"""What Schedule reads (diagnostics, registry, crews, orders, experience, measured ways) and writes (the
schedule, the crews' bookings)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from ona.config import parts
from ona.config.causes import cause_rules, rule_for
from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.documents.work_orders import Job
from ona.repairs import crews, experience, locks, orders
from ona.repairs.crews import Crew
from ona.runtime import aws
from ona.runtime.errors import CrewBookingConflict, InvalidConfiguration, ObjectMissing
from ona.store import s3
from ona.store.layout import day_of
from ona.store.registry import read_registry
from ona.store.unreadable import Unreadable, note
from ooda import listing
from ooda.config import loss_function
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import Schedule
from ooda.layout import SCHEDULE, TRAVEL, schedule_id_of
from ooda.payloads import ScheduleRequest
from ooda.schedule.fleet import Tours, all_may_be_out, counted
from ooda.schedule.plan import Plan
from ooda.schedule.requests import RepairRequest
from ooda.schedule.rules import Leg, PlanningRules
from ooda.schedule.travel import parse_legs
from ooda.store import jobs_of

MOST_READS = 16
"""Diagnostics that are read at a time (ours): each waits some 30 ms for S3 and two tables."""


@dataclass(frozen=True)
class Loaded:
    """What planning needs beside crews: the schedule's id and where it will lie, the requests, the rules,
    and the visits that an `earlier` try of this execution made or moved."""

    schedule_id: str
    pointer: S3Pointer
    requests: list[RepairRequest]
    rules: PlanningRules
    earlier: list[Job]


def load(request: ScheduleRequest, now: datetime) -> Loaded:
    """All but the crews. Raises ObjectMissing, InvalidPayload, InvalidConfiguration, DependencyBusy."""
    schedule_id = schedule_id_of(request.execution_id)
    diagnostics = listing.taken(request.diagnostics, S3Pointer)
    day = day_of(diagnostics[0].key if diagnostics else "", now.date())
    pointer = S3Pointer(
        bucket=aws.environment("OUTPUT_BUCKET"), key=SCHEDULE.build(day=day, schedule_id=schedule_id)
    )
    return Loaded(schedule_id, pointer, load_requests(diagnostics), load_rules(), earlier(pointer))


def load_rules() -> PlanningRules:
    """What a plan depends on beside requests and crews. Raises InvalidConfiguration, DependencyBusy."""
    return PlanningRules(
        loss_function.loss_function_config(),
        loss_function.loss_weights(),
        parts.parts_catalogue().parts,
        _read_legs(aws.environment("INPUT_BUCKET")),
    )


def load_crews() -> tuple[list[Crew], list[Unreadable]]:
    """All crews with their calendars, and the items of the table that nobody can read. Raises
    DependencyBusy, InvalidConfiguration."""
    unread: list[Unreadable] = []
    return crews.load(unread), unread


def save(
    loaded: Loaded, schedule: Schedule, plan: Plan, team: list[Crew], tours: Tours | None, now: datetime
) -> bool:
    """Write the schedule down, then book the crews; False when another execution booked one of them since
    they were loaded: then plan again. `tours`: the count of bookings as it was before."""
    s3.write_json(loaded.pointer.bucket, loaded.pointer.key, schedule.document())
    try:
        binds = plan.bookings and not all_may_be_out(team, loaded.rules)
        together = [counted(tours)[0]] if binds else []
        crews.book(team, plan.bookings, now, plan.lifted, together=together)
    except CrewBookingConflict:
        return False
    return True


def earlier(pointer: S3Pointer) -> list[Job]:
    """The visits that an earlier try of this execution made or moved, if there was one: it may have booked
    them and broken off before anybody ordered them, or moved their orders."""
    try:
        document = s3.read_json(pointer)
    except ObjectMissing:
        return []
    return [job for job in jobs_of(document, pointer.key) if job.decision in ("scheduled", "moved")]


def _read_legs(bucket: str) -> dict[tuple[str, str], Leg]:
    """The operator's measured ways; none without the file. What is wrong in it is noted, and that way is
    computed: planning goes on."""
    bad: list[Unreadable] = []
    try:
        legs = parse_legs(s3.read_bytes(S3Pointer(bucket=bucket, key=TRAVEL)), bad)
    except ObjectMissing:
        return {}
    except InvalidConfiguration as error:
        bad.append(Unreadable(TRAVEL, str(error)))
        legs = {}
    for entry in bad:
        note(entry.where, entry.why)
    return legs


def load_requests(diagnostics: Sequence[S3Pointer]) -> list[RepairRequest]:
    """The findings of the diagnostics with their assets, orders and learned hours."""
    registry = read_registry(aws.environment("INPUT_BUCKET"))
    experience_of = cache(experience.of)

    def requests_of(pointer: S3Pointer) -> list[RepairRequest]:
        diagnostic: Diagnostic = Diagnostic.read(s3.read_json(pointer), pointer.key)
        asset = registry.require(diagnostic.asset_id, pointer.key)
        return [_request(finding, asset, pointer, experience_of) for finding in diagnostic.findings]

    aws.client("dynamodb")  # one for all threads
    with ThreadPoolExecutor(MOST_READS) as pool:
        return [request for requests in pool.map(requests_of, diagnostics) for request in requests]


def _request(
    finding: Finding,
    asset: Asset,
    diagnostic: S3Pointer,
    experience_of: Callable[[str, str], experience.Experience],
) -> RepairRequest:
    rule = rule_for(cause_rules(), finding.cause)
    lock = locks.lock_of(finding)
    order = orders.find(lock.work_order_id) if lock else None
    learned = experience_of(asset.customer_id, finding.cause).duration(rule)
    return RepairRequest(
        finding=finding,
        asset=asset,
        rule=rule,
        diagnostic=diagnostic,
        open_order=lock.work_order_id if lock else "",
        ordered_as=lock.finding_key if lock else "",
        status=order.status if order else "OPEN",
        learned=learned if experience.has_reports(learned) else None,
    )
