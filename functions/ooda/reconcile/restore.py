"""An order's document from its record: its own earlier version, else the plan that it was made from, else
the record alone."""

from __future__ import annotations

from collections.abc import Callable

from ona.config import causes, parts
from ona.documents.base import S3Pointer
from ona.documents.findings import FindingComponent
from ona.documents.work_orders import CrewAssignment, OrderRisk, WorkOrder
from ona.repairs import experience
from ona.repairs.tracking import TrackedOrder
from ona.runtime.aws import environment
from ona.runtime.errors import InvalidInput
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.registry import read_registry
from ooda.documents.diagnostics import Diagnostic
from ooda.layout import SCHEDULE, schedule_id_of
from ooda.reconcile.plan import difference
from ooda.store import jobs_of
from ooda.workorder import build

MOST_VERSIONS = 20
"""So many versions of an object are tried, the newest first (ours)."""
HOUR_S = 3600.0
"""Seconds in an hour."""


def document_of(order: TrackedOrder, present: WorkOrder | None) -> WorkOrder:
    """What was ordered, with the visit of the record. `present`: the document as it lies there, where it is
    this order's. Raises DependencyBusy."""
    sources: list[Callable[[], WorkOrder | None]] = [
        lambda: present,
        lambda: _earlier_version(order),
        lambda: _planned(order),
    ]
    for source in sources:
        found = source()
        if found is not None and _is_of(order, found):
            return _as_recorded(order, found)
    return from_record(order)


def _is_of(order: TrackedOrder, document: WorkOrder) -> bool:
    """Whether a document is this order's, whatever visit it says."""
    visit = {
        "scheduled_start": order.scheduled_start,
        "scheduled_end": order.scheduled_end,
        "crew_assignment": document.crew_assignment.model_copy(update={"crew_id": order.crew_id}),
    }
    return not difference(order, document.model_copy(update=visit))


def _as_recorded(order: TrackedOrder, document: WorkOrder) -> WorkOrder:
    """A document with the visit of the record; as it is where it says the same."""
    if not difference(order, document) or not order.open:
        return document
    crew = document.crew_assignment.model_copy(update={"crew_id": order.crew_id})
    return document.model_copy(
        update={
            "scheduled_start": order.scheduled_start,
            "scheduled_end": order.scheduled_end,
            "crew_assignment": crew,
        }
    )


def _earlier_version(order: TrackedOrder) -> WorkOrder | None:
    """The newest version of the document that is this order's: the bucket keeps what was overwritten or
    deleted."""
    bucket, key = environment("OUTPUT_BUCKET"), work_order_key(order.work_order_id)
    for version_id in s3.versions_of(bucket, key)[:MOST_VERSIONS]:
        try:
            pointer = S3Pointer(bucket=bucket, key=key, version_id=version_id)
            document: WorkOrder = WorkOrder.read(s3.read_json(pointer), key)
        except InvalidInput:
            continue
        if _is_of(order, document):
            return document
    return None


def _planned(order: TrackedOrder) -> WorkOrder | None:
    """The order made once more, from the plan and the finding that it was made from; None where they are
    gone."""
    bucket = environment("OUTPUT_BUCKET")
    schedule_id = schedule_id_of(order.execution_id)
    keys = (entry["Key"] for entry in s3.list_keys(bucket, SCHEDULE.prefix()))
    key = next((key for key in keys if key.endswith(f"/{schedule_id}.json")), None)
    if key is None:
        return None
    try:
        jobs = jobs_of(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
        job = next(item for item in jobs if item.finding_id == order.finding_id)
        where = job.diagnostic.key
        diagnostic: Diagnostic = Diagnostic.read(s3.read_json(job.diagnostic), where)
        finding = next(item for item in diagnostic.findings if item.finding_id == order.finding_id)
        made = build(
            finding,
            job,
            read_registry(environment("INPUT_BUCKET")).require(order.asset_id, where),
            causes.rule_for(causes.cause_rules(), finding.cause),
            parts.parts_catalogue().parts,
            now=order.created_at,
            experience=experience.of(order.customer_id, finding.cause),
        )
    except (InvalidInput, StopIteration):
        return None
    return made.model_copy(
        update={
            "work_order_id": order.work_order_id,
            "incident_id": order.incident_id,
            "customer_id": order.customer_id,
            "site_id": order.site_id,
        }
    )


def from_record(order: TrackedOrder) -> WorkOrder:
    """What the record alone says of an order: no parts, no reasons."""
    hours = (order.scheduled_end - order.scheduled_start).total_seconds() / HOUR_S
    return WorkOrder(
        work_order_id=order.work_order_id,
        asset_id=order.asset_id,
        customer_id=order.customer_id,
        site_id=order.site_id,
        created_at=order.created_at,
        due_date=order.due_date,
        priority=order.priority,
        title=order.title,
        description="Written again from its record: its plan and its finding are gone. "
        "Look on site for the parts that are needed.",
        recommended_actions=[],
        component=FindingComponent(type=[*order.finding_key.split("#"), ""][1]),
        estimated_duration_hours=round(max(hours, 0.0), 2),
        scheduled_start=order.scheduled_start,
        scheduled_end=order.scheduled_end,
        crew_assignment=CrewAssignment(crew_id=order.crew_id, technician_count=0, specialization=""),
        bill_of_materials=[],
        alternatives=[],
        total_cost_usd=order.total_cost_usd,
        energy_at_risk=OrderRisk(
            daily_loss_usd=order.daily_loss_usd,
            total_risk_usd=round(max(order.at_stake_usd - order.total_cost_usd, 0.0), 2),
            roi_days=None,
        ),
        finding_id=order.finding_id,
        finding_key=order.finding_key,
        incident_id=order.incident_id,
        cause=order.cause,
        status="OPEN",
    )
