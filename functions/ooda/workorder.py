"""The work order: what, where, when, who, with which parts, and what it saves."""

from __future__ import annotations

from datetime import datetime

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.findings import Finding
from ona.documents.work_orders import Job, OrderRisk, WorkOrder
from ona.repairs.crews import Booking, with_visit
from ona.repairs.experience import NO_EXPERIENCE, Experience
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import digest
from ooda.bom import bill_of_materials

DAY_S = 86400.0
"""Seconds in one day (24 hours): converts a difference of two instants to days."""


def build(
    finding: Finding,
    job: Job,
    asset: Asset,
    rule: CauseRule,
    catalogue: list[Part],
    *,
    now: datetime,
    experience: Experience = NO_EXPERIENCE,
) -> WorkOrder:
    """The order for a scheduled job. total_risk = daily loss × days until the work is done; quantities are
    what earlier repairs of the cause needed.

    Raises InvalidPayload when the job was not scheduled.
    """
    if job.scheduled_start is None or job.scheduled_end is None or job.crew_assignment is None:
        raise InvalidPayload(f"job {job.finding_id} has no crew: its decision is {job.decision}")
    lines, alternatives = bill_of_materials(
        finding, rule, catalogue, asset=asset, day=now.date(), experience=experience
    )
    cost = round(sum(line.total_price_usd or 0.0 for line in lines), 2)
    daily = finding.energy_at_risk.daily_loss_usd
    note = ""
    if rule.needs_part and not lines:
        note = f" No {rule.needs_part} in the catalogue fits: name the part on site."
    if any(line.under_warranty for line in lines):
        note = " The component is under warranty: claim the part from its maker."
    return WorkOrder(
        work_order_id=f"wo-{now:%Y%m%d}-{digest(finding.finding_key, finding.finding_id, length=8)}",
        asset_id=asset.id,
        customer_id=asset.customer_id,
        site_id=asset.site_id,
        location=asset.location,
        created_at=now,
        due_date=job.due or job.scheduled_end,
        priority=job.priority,
        title=f"{finding.category}: {finding.subcategory.replace('_', ' ')} at {asset.name or asset.id}",
        description=f"{'; '.join(finding.reasons)}.{note}",
        recommended_actions=finding.recommended_actions,
        component=finding.component,
        estimated_duration_hours=job.duration_hours,
        scheduled_start=job.scheduled_start,
        scheduled_end=job.scheduled_end,
        crew_assignment=job.crew_assignment,
        bill_of_materials=lines,
        alternatives=alternatives,
        total_cost_usd=cost,
        energy_at_risk=OrderRisk(
            daily_loss_usd=daily,
            total_risk_usd=_lost_until(daily, job.scheduled_end, now),
            roi_days=round(cost / daily, 1) if daily > 0 else None,
        ),
        finding_id=finding.finding_id,
        finding_key=finding.finding_key,
        incident_id=finding.incident_id,
        cause=finding.cause,
        idempotency_key=digest(finding.finding_key, finding.finding_id),
        attachments=[job.diagnostic.key],
        status="OPEN",
    )


def retimed(order: WorkOrder, crew_id: str, booking: Booking, now: datetime) -> WorkOrder:
    """The order with its visit at another time, or with another crew, and what waiting costs until then."""
    risk = order.energy_at_risk
    until = {"total_risk_usd": _lost_until(risk.daily_loss_usd, booking.end, now)}
    return with_visit(order, crew_id, booking).model_copy(
        update={"energy_at_risk": risk.model_copy(update=until)}
    )


def _lost_until(daily_usd: float, end: datetime, now: datetime) -> float:
    return round(daily_usd * max((end - now).total_seconds() / DAY_S, 0.0), 2)
