"""What Order reads and writes: the job and its finding, the crews, the tracked order and its document."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from ona.config import causes, parts
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.documents.work_orders import Job, WorkOrder
from ona.repairs import crews, experience, orders
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, InvalidConfiguration, InvalidPayload, ObjectMissing
from ona.runtime.observability import count, logger
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.registry import read_registry
from ooda.documents.diagnostics import Diagnostic
from ooda.order.decisions import Means
from ooda.payloads import JobReference
from ooda.store import jobs_of
from ooda.workorder import retimed

VISIT = ("scheduled_start", "scheduled_end", "crew_assignment")
"""What of an order its visit decides."""


def load(reference: JobReference) -> tuple[Job, Finding]:
    """The job of a schedule and its finding. Raises InvalidPayload, ObjectMissing, DependencyBusy."""
    pointer, finding_id = reference.schedule, reference.finding_id
    jobs = jobs_of(s3.read_json(pointer), pointer.key)
    job = next((item for item in jobs if item.finding_id == finding_id), None)
    if job is None:
        raise InvalidPayload(f"{pointer.key} has no job for finding {finding_id}")
    diagnostic: Diagnostic = Diagnostic.read(s3.read_json(job.diagnostic), job.diagnostic.key)
    finding = next((item for item in diagnostic.findings if item.finding_id == finding_id), None)
    if finding is None:
        raise InvalidPayload(f"{job.diagnostic.key} has no finding {finding_id}")
    return job, finding


def crews_for(job: Job) -> list[crews.Crew]:
    """The crew that a job is planned for, where its calendar has the visit as it was planned; else all
    crews, because somebody moved it. It reads one item where nobody did: of 300 crews, each with its
    calendar, the table has megabytes. Raises DependencyBusy, InvalidConfiguration."""
    planned = job.crew_assignment.crew_id if job.crew_assignment else ""
    with suppress(InvalidConfiguration):
        crew = crews.CREWS.get(planned) if planned else None
        if crew and any(
            booking.finding_key == job.finding_key and booking.start == job.scheduled_start
            for booking in crew.bookings
        ):
            return [crew]
    return crews.load()


def means(job: Job, finding: Finding, where: str) -> Means:
    """What an order for a job is made from. Raises InvalidPayload, InvalidConfiguration, DependencyBusy."""
    asset = read_registry(aws.environment("INPUT_BUCKET")).require(job.asset_id, where)
    return Means(
        asset=asset,
        rule=causes.rule_for(causes.cause_rules(), finding.cause),
        catalogue=parts.parts_catalogue().parts,
        experience=experience.of(asset.customer_id, finding.cause),
    )


def write_document(order: WorkOrder) -> S3Pointer:
    """Write an order's document unless it is there; where it lies. Raises DependencyBusy."""
    pointer = _pointer(order.work_order_id)
    try:
        s3.size_of(pointer)
    except ObjectMissing:
        pointer = s3.write_json(pointer.bucket, pointer.key, order.document())
        count("WorkOrdersCreated", 1)
        logger.info("Work order created", work_order_id=order.work_order_id, asset=order.asset_id)
    return pointer


def move(work_order_id: str, crew_id: str, booking: crews.Booking, reason: str, now: datetime) -> S3Pointer:
    """Give an order another visit: its document first, then how it stands, which tells its people. Returns
    where the document lies. Raises DependencyBusy."""
    pointer = _pointer(work_order_id)
    try:
        order: WorkOrder = WorkOrder.read(s3.read_json(pointer), pointer.key)
    except ObjectMissing as error:  # its writer is between the record and the document
        raise DependencyBusy(f"{pointer.key} is not written yet") from error
    moved = retimed(order, crew_id, booking, now)
    if any(getattr(moved, name) != getattr(order, name) for name in VISIT):
        s3.write_json(pointer.bucket, pointer.key, moved.document())
    orders.move(moved, reason, now)
    return pointer


def _pointer(work_order_id: str) -> S3Pointer:
    return S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=work_order_key(work_order_id))
