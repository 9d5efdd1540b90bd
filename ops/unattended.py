"""Faults that nobody is sent to: their reasons stand in the plans, and in the orders that were refused.

A fault counts until a crew has a visit for it, its order is in people's hands, or its asset's history says
that it is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ona.documents.base import S3Pointer
from ona.documents.work_orders import Job
from ona.repairs.crews import Crew
from ona.repairs.locks import names_of
from ona.runtime.clock import utc_now
from ona.runtime.errors import ObjectMissing
from ona.store.layout import ASSET_HISTORY
from ona.store.tables import from_item, to_item
from ona.store.unreadable import Unreadable, readable
from ooda.documents.asset_history import AssetHistory
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import Schedule
from ooda.schedule.requests import PRIORITY_ORDER
from ops.accounting import FileAccount
from ops.target import Target

READERS = 8
"""Plans that are read, and faults that are looked at, at once."""
MOST_PLANS = 1000
"""Plans that are read, the latest (ours): a fault that lasts stands in the plan of each new file."""


@dataclass(frozen=True)
class Left:
    """A job without a visit, and why. `decision`: as in its plan, or `refused`."""

    job: Job
    decision: str
    why: str


def left_of(target: Target, outcome: Any) -> list[Left]:
    """The jobs of a workflow's output, or of a file's outcome, that nobody was sent to or that were put
    off, the most pressing first. Raises InvalidPayload for a plan that cannot be read."""
    schedule = outcome.get("schedule") if isinstance(outcome, dict) else None
    if not isinstance(schedule, dict):
        return []
    pointer: S3Pointer = S3Pointer.read(schedule, "schedule")
    plan: Schedule = Schedule.read(_json(target, pointer), pointer.key)
    refused = dict(_refused(_orders(target, outcome.get("orders"))))
    left = [
        Left(job, "refused", refused[job.finding_id])
        if job.finding_id in refused
        else Left(job, job.decision, job.reason)
        for job in plan.jobs
        if job.finding_id in refused or job.decision in ("unschedulable", "deferred")
    ]
    return sorted(left, key=lambda item: PRIORITY_ORDER.index(item.job.priority))


def unattended(target: Target, accounts: Sequence[FileAccount], bad: list[Unreadable]) -> list[Left]:
    """The faults of all files that nobody is sent to, the most pressing first. What cannot be read is put
    aside."""
    latest: dict[str, Left] = {}

    def of_file(account: FileAccount) -> list[Left]:
        outcome = account.outcome
        return left_of(target, outcome.model_dump()) if outcome else []

    named = [(account.key, account) for account in accounts if _leaves_jobs(account)]
    named = named[-MOST_PLANS:]
    with ThreadPoolExecutor(READERS) as readers:
        plans = list(readers.map(lambda one: readable([one], of_file, bad), named))
    for jobs in (jobs for plan in plans for jobs in plan):
        latest |= {item.job.finding_key: item for item in jobs if item.decision != "deferred"}
    if not latest:
        return []
    booked = _booked(target)
    waiting = [item for key, item in latest.items() if key not in booked]
    with ThreadPoolExecutor(READERS) as readers:
        still = readers.map(lambda item: _is_left(target, item), waiting)
    left = [item for item, counts in zip(waiting, still, strict=True) if counts]
    return sorted(left, key=lambda item: PRIORITY_ORDER.index(item.job.priority))


def _leaves_jobs(account: FileAccount) -> bool:
    """Whether a file's outcome says that a job has nobody, or has a long list of orders, which may say so;
    the plan is then read."""
    outcome = account.outcome
    return outcome is not None and (
        bool(outcome.unschedulable) or isinstance(outcome.orders, dict) or any(_refused(outcome.orders))
    )


def _orders(target: Target, orders: Any) -> Any:
    """The orders of an outcome, read where it names their list; none where that is gone, after a month.
    Raises InvalidPayload."""
    if not isinstance(orders, dict):
        return orders
    try:
        return _json(target, S3Pointer.read(orders, "orders"))
    except ObjectMissing:
        return []


def _refused(orders: Any) -> Iterator[tuple[str, str]]:
    """The findings whose orders were refused, with the reasons."""
    for order in orders if isinstance(orders, list) else []:
        if isinstance(order, dict) and order.get("status") == "refused":
            yield str(order.get("finding_id")), str(order.get("reason"))


# ------------------------------------------------------------------ whether it still counts


def _booked(target: Target) -> set[str]:
    """The keys of findings for which a crew has a visit to come. A crew that nobody can read has none."""
    pages = target.client("dynamodb").get_paginator("scan")
    table, now = target.outputs["CrewsTableName"], utc_now()
    items = [from_item(item) for page in pages.paginate(TableName=table) for item in page["Items"]]
    crews = readable(((table, item) for item in items), lambda item: Crew.read(item, table))
    return {booking.finding_key for crew in crews for booking in crew.bookings if booking.returns > now}


def _is_left(target: Target, item: Left) -> bool:
    """Whether a fault without a visit is still there, and no order of it is in people's hands. What cannot
    be read says nothing: the fault counts."""
    kept: list[bool] = readable([(item.job.finding_key, item)], lambda one: _still(target, one), [])
    return all(kept)


def _still(target: Target, item: Left) -> bool:
    job = item.job
    diagnostic: Diagnostic = Diagnostic.read(_json(target, job.diagnostic), job.diagnostic.key)
    finding = next((one for one in diagnostic.findings if one.finding_id == job.finding_id), None)
    if finding is None:
        return True
    for name in names_of(finding.finding_key, finding.incident_id):
        order = _order(target, name)
        if order is not None and order.get("status") != "OPEN":
            return False
    key = ASSET_HISTORY.build(site_id=job.site_id, asset_id=job.asset_id)
    history: AssetHistory = AssetHistory.read(
        _json(target, S3Pointer(bucket=target.output_bucket, key=key)), key
    )
    if not finding.incident_id:  # a problem of the data: its next file would have said so again
        return all(day <= f"{finding.last_seen:%Y-%m-%d}" for day in history.days)
    return any(one.incident_id == finding.incident_id and one.state == "open" for one in history.incidents)


def _order(target: Target, lock: str) -> dict[str, Any] | None:
    """The order that holds a lock, as it lies in the table; None where there is none."""
    dynamodb, table = target.client("dynamodb"), target.outputs["TrackingTableName"]

    def item(name: str) -> dict[str, Any]:
        return from_item(dynamodb.get_item(TableName=table, Key=to_item({"job_id": name})).get("Item", {}))

    held = item(lock).get("work_order_id")
    return item(str(held)) or None if held else None


def _json(target: Target, pointer: S3Pointer) -> Any:
    """A document, as it lies now. Raises ObjectMissing, ValueError."""
    s3 = target.client("s3")
    try:
        return json.loads(s3.get_object(Bucket=pointer.bucket, Key=pointer.key)["Body"].read())
    except s3.exceptions.NoSuchKey as error:
        raise ObjectMissing(f"{pointer.key} is gone") from error
