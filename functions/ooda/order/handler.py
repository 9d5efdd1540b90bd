"""Order: one scheduled job in, one work order out; the same fault never makes two open orders."""

from __future__ import annotations

from typing import Any, Literal

from ona.config import causes, parts
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.documents.work_orders import Job, WorkOrder
from ona.repairs import crews, experience, orders
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy, InvalidPayload, ObjectMissing
from ona.runtime.observability import count, handler, logger
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.registry import read_registry
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import Schedule
from ooda.order.bom import refusal
from ooda.order.workorder import build, retimed
from ooda.payloads import OrderRequest, OrderResult

VISIT = ("scheduled_start", "scheduled_end", "crew_assignment")
"""What of an order its visit decides."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = OrderRequest.read(event, "event")
    job, finding = _load(request)
    if job.decision == "already_ordered":
        return OrderResult(
            finding_id=finding.finding_id,
            status="already_ordered",
            work_order_id=job.work_order_id,
            reason=job.reason,
        ).document()
    if job.decision == "moved":
        return _follow(job, finding)
    registry = read_registry(aws.environment("INPUT_BUCKET"))
    asset = registry.require(job.asset_id, request.job.schedule.key)
    why = refusal(finding, asset)
    if why:
        if orders.open_order(finding) is None:
            crews.release(finding.finding_key)
        count("OrdersRefused", 1)
        logger.warning("order refused", asset_id=asset.id, why=why)
        return OrderResult(finding_id=finding.finding_id, status="refused", reason=why).document()
    now = utc_now()
    rule = causes.rule_for(causes.cause_rules(), finding.cause)
    known = experience.of(finding.cause)
    order = build(
        finding, _as_booked(job), asset, rule, parts.parts_catalogue().parts, now=now, known=known
    )
    if orders.open_once(order, request.execution_id, now) == "opened":
        result = _finish(order, "ordered")
        _follow(job, finding)  # another execution may have moved the visit before it could see the order
        return result
    lock = orders.open_order(finding) or {}
    earlier = str(lock.get("work_order_id", ""))
    if lock.get("finding_id") != finding.finding_id:
        # A booking is its key's: under the same key the open order stands on it, under another nobody does,
        # unless the order has no visit to come (the one it had is over, or the fault came back).
        visit = crews.booking_of(str(lock.get("finding_key")))
        if job.decision == "scheduled" and (visit is None or visit[1].returns <= now):
            return _follow(job, finding)
        if lock.get("finding_key") not in (None, finding.finding_key):
            crews.release(finding.finding_key)
        return OrderResult(
            finding_id=finding.finding_id,
            status="already_ordered",
            work_order_id=earlier,
            reason="an order for this fault is open",
        ).document()
    mine = orders.job(earlier).get("execution_id") == request.execution_id
    return _finish(
        order.model_copy(update={"work_order_id": earlier}),
        "ordered" if mine else "already_ordered",
    )


def _as_booked(job: Job) -> Job:
    """The job with its visit as the calendar has it now."""
    held = crews.booking_of(job.finding_key)
    return crews.timed(job, *held) if held else job


def _follow(job: Job, finding: Finding) -> dict[str, Any]:
    """The order of a visit that was moved gets its new time: the document, then the record, which tells."""
    lock = orders.open_order(finding)
    held = crews.booking_of(job.finding_key)
    if lock is None or held is None:
        return OrderResult(
            finding_id=finding.finding_id,
            status="already_ordered",
            reason="its order is not written yet and will have the new time"
            if held
            else "no visit is booked",
        ).document()
    work_order_id, (crew_id, booking) = str(lock["work_order_id"]), held
    pointer = _pointer(work_order_id)
    try:
        order: WorkOrder = WorkOrder.read(s3.read_json(pointer), pointer.key)
    except ObjectMissing as error:  # its writer is between the record and the document
        raise DependencyBusy(f"{pointer.key} is not written yet") from error
    now = utc_now()
    moved = retimed(order, crew_id, booking, now)
    if any(getattr(moved, name) != getattr(order, name) for name in VISIT):
        s3.write_json(pointer.bucket, pointer.key, moved.document())
    orders.move(moved, job.reason, now)
    return OrderResult(
        finding_id=finding.finding_id, status="moved", work_order_id=work_order_id, work_order=pointer
    ).document()


def _pointer(work_order_id: str) -> S3Pointer:
    return S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=work_order_key(work_order_id))


def _load(request: OrderRequest) -> tuple[Job, Finding]:
    pointer = request.job.schedule
    schedule: Schedule = Schedule.read(s3.read_json(pointer), pointer.key)
    wanted = request.job.finding_id
    job = next((item for item in schedule.jobs if item.finding_id == wanted), None)
    if job is None:
        raise InvalidPayload(f"{pointer.key} has no job for finding {wanted}")
    diagnostic: Diagnostic = Diagnostic.read(s3.read_json(job.diagnostic), job.diagnostic.key)
    finding = next((item for item in diagnostic.findings if item.finding_id == wanted), None)
    if finding is None:
        raise InvalidPayload(f"{job.diagnostic.key} has no finding {wanted}")
    return job, finding


def _finish(order: WorkOrder, status: Literal["ordered", "already_ordered"]) -> dict[str, Any]:
    """Write the document, also when an earlier try broke off after the record, which tells people."""
    pointer = _pointer(order.work_order_id)
    try:
        s3.size_of(pointer)
    except ObjectMissing:
        pointer = s3.write_json(pointer.bucket, pointer.key, order.document())
        count("WorkOrdersCreated", 1)
        logger.info("Work order created", work_order_id=order.work_order_id, asset=order.asset_id)
    return OrderResult(
        finding_id=order.finding_id,
        status=status,
        work_order_id=order.work_order_id,
        work_order=pointer,
    ).document()
