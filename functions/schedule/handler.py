"""Schedule: diagnostics in, a plan out, crews booked.

Raises CrewBookingConflict (retried) when other executions keep booking the same crews.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ona import config, crews, storage, tracking
from ona.clock import utc_now
from ona.errors import CrewBookingConflict
from ona.identity import date_folder, digest
from ona.observability import count, handler, logger
from ona.payloads import JobReference, S3Pointer, ScheduleRequest, ScheduleResult
from ona.records import Diagnostic, Schedule
from schedule.plan import Plan, Request, make_plan

ATTEMPTS = 5


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = ScheduleRequest.parse(event)
    now = utc_now()
    weights = config.loss_weights()
    plan = _book(_requests(request.diagnostics), weights, now)
    document = Schedule(
        schedule_id=f"sched-{digest(request.execution_id)}",
        created_at=now,
        weights=weights.model_dump(),
        jobs=plan.jobs,
    )
    folder = date_folder(request.diagnostics[0].key if request.diagnostics else "", now.date())
    key = f"schedules/{folder}/{document.schedule_id}.json"
    pointer = storage.write_json(storage.environment("OUTPUT_BUCKET"), key, document.document())
    decisions = [job.decision for job in plan.jobs]
    for job in plan.jobs:
        count(f"Jobs{job.decision.title().replace('_', '')}", 1)
        logger.info("job decided", asset_id=job.asset_id, decision=job.decision, why=job.reason)
    return ScheduleResult(
        schedule=pointer,
        jobs=[
            JobReference(schedule=pointer, finding_id=job.finding_id)
            for job in plan.jobs
            if job.decision == "scheduled"
        ],
        scheduled=decisions.count("scheduled"),
        deferred=decisions.count("deferred"),
        already_ordered=decisions.count("already_ordered"),
        unschedulable=decisions.count("unschedulable"),
    ).dump()


def _requests(diagnostics: list[S3Pointer]) -> list[Request]:
    causes = config.causes()
    registry = storage.read_registry(storage.environment("INPUT_BUCKET"))
    requests = []
    for pointer in diagnostics:
        diagnostic: Diagnostic = Diagnostic.read(storage.read_json(pointer), pointer.key)
        asset = registry.require(diagnostic.asset_id, pointer.key)
        for finding in diagnostic.findings:
            lock = tracking.open_order(finding)
            requests.append(
                Request(
                    finding=finding,
                    asset=asset,
                    rule=config.rule_for(causes, finding.cause),
                    diagnostic=pointer,
                    open_order=str(lock["work_order_id"]) if lock else "",
                    ordered_as=str(lock["finding_key"]) if lock else "",
                )
            )
    return requests


def _book(requests: list[Request], weights: config.LossWeights, now: datetime) -> Plan:
    """Plan on the calendar as it is and book at once; again on the new one if another was faster."""
    for attempt in range(ATTEMPTS):
        known = crews.load()
        plan = make_plan(
            requests,
            known,
            now=now,
            rules=config.loss_function(),
            weights=weights,
            catalogue=config.parts().parts,
        )
        try:
            crews.book(known, plan.bookings, now)
        except CrewBookingConflict:
            logger.info("crews were booked meanwhile; planning again", attempt=attempt + 1)
            continue
        return plan
    raise CrewBookingConflict(f"crews changed {ATTEMPTS} times while planning")
