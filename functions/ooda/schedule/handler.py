"""Schedule: diagnostics in, a plan out, crews booked.

Raises CrewBookingConflict (retried) when other executions keep booking the same crews.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from ona.config import parts
from ona.config.causes import cause_rules, rule_for
from ona.documents.base import S3Pointer
from ona.documents.work_orders import Job
from ona.repairs import crews, experience, locks, orders
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import CrewBookingConflict, ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import count, handler, logger
from ona.store import s3
from ona.store.layout import day_of
from ona.store.registry import read_registry
from ooda import layout
from ooda.config import loss_function
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import Schedule
from ooda.payloads import JobReference, ScheduleRequest, ScheduleResult
from ooda.schedule.legs import read_legs
from ooda.schedule.plan import SECONDS, Request, make_plan

ATTEMPTS = 5


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = ScheduleRequest.read(event, "event")
    now = utc_now()
    schedule_id = f"sched-{digest(request.execution_id)}"
    day = day_of(request.diagnostics[0].key if request.diagnostics else "", now.date())
    pointer = S3Pointer(
        bucket=aws.environment("OUTPUT_BUCKET"), key=layout.SCHEDULE.build(day=day, schedule_id=schedule_id)
    )
    moved = _moved_before(pointer)
    document = _book(request, schedule_id, pointer, moved, now)
    for job in document.jobs:
        count(f"Jobs{job.decision.title().replace('_', '')}", 1)
        logger.info("job decided", asset_id=job.asset_id, decision=job.decision, why=job.reason)
    if document.summary and document.summary.timed_out:
        logger.warning("time ran out while planning; the best plan found was taken")
    decisions = [job.decision for job in document.jobs]
    return ScheduleResult(
        schedule=pointer,
        jobs=[
            JobReference(schedule=pointer, finding_id=job.finding_id)
            for job in document.jobs
            if job.decision in ("scheduled", "moved")
        ],
        scheduled=decisions.count("scheduled"),
        deferred=decisions.count("deferred"),
        already_ordered=decisions.count("already_ordered"),
        unschedulable=decisions.count("unschedulable"),
    ).document()


def _moved_before(pointer: S3Pointer) -> list[Job]:
    """The visits that an earlier try of this execution moved, if there was one: it may have booked them and
    broken off before anybody told their orders."""
    try:
        document = s3.read_json(pointer)
    except ObjectMissing:
        return []
    earlier: Schedule = Schedule.read(document, pointer.key)
    return [job for job in earlier.jobs if job.decision == "moved"]


def _book(
    request: ScheduleRequest, schedule_id: str, pointer: S3Pointer, moved: list[Job], now: datetime
) -> Schedule:
    """Plan on the calendar as it is, write the plan down and book at once; again on the new calendar if
    another execution was faster, with less time for the best plan so that it is this one's turn."""
    requests, weights = _requests(request.diagnostics), loss_function.loss_weights()
    legs = read_legs(aws.environment("INPUT_BUCKET"))
    for attempt in range(ATTEMPTS):
        known = crews.load()
        plan = make_plan(
            requests,
            known,
            now=now,
            rules=loss_function.loss_function_config(),
            weights=weights,
            catalogue=parts.parts_catalogue().parts,
            legs=legs,
            seconds=SECONDS / (attempt + 1),
        )
        planned = {job.finding_key for job in plan.jobs}
        document = Schedule(
            schedule_id=schedule_id,
            created_at=now,
            weights=weights.model_dump(),
            jobs=[*plan.jobs, *(job for job in moved if job.finding_key not in planned)],
            summary=plan.summary,
        )
        s3.write_json(pointer.bucket, pointer.key, document.document())
        try:
            crews.book(known, plan.bookings, now, plan.lifted)
        except CrewBookingConflict:
            logger.info("crews were booked meanwhile; planning again", attempt=attempt + 1)
            continue
        return document
    raise CrewBookingConflict(f"crews changed {ATTEMPTS} times while planning")


def _requests(diagnostics: list[S3Pointer]) -> list[Request]:
    causes = cause_rules()
    registry = read_registry(aws.environment("INPUT_BUCKET"))
    known = cache(experience.of)
    requests = []
    for pointer in diagnostics:
        diagnostic: Diagnostic = Diagnostic.read(s3.read_json(pointer), pointer.key)
        asset = registry.require(diagnostic.asset_id, pointer.key)
        for finding in diagnostic.findings:
            lock = locks.lock_of(finding)
            rule = rule_for(causes, finding.cause)
            order = orders.find(lock.work_order_id) if lock else None
            requests.append(
                Request(
                    finding=finding,
                    asset=asset,
                    rule=rule,
                    diagnostic=pointer,
                    open_order=lock.work_order_id if lock else "",
                    ordered_as=lock.finding_key if lock else "",
                    status=order.status if order else "OPEN",
                    learned_hours=known(finding.cause).estimate(rule),
                )
            )
    return requests
