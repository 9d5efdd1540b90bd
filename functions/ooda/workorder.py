"""The work order: what, where, when, who, with which parts, and what it saves."""

from __future__ import annotations

from datetime import datetime

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.findings import Finding
from ona.documents.work_orders import BomLine, Job, Learned, OrderRisk, WorkOrder
from ona.repairs.crews import Booking, with_visit
from ona.repairs.experience import HOURS, NO_EXPERIENCE, Experience, has_reports
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import digest
from ona.runtime.words import counted
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
    what the customer's earlier repairs of the cause say, and the order shows that as its evidence.

    Raises InvalidPayload when the job was not scheduled.
    """
    if job.scheduled_start is None or job.scheduled_end is None or job.crew_assignment is None:
        raise InvalidPayload(f"job {job.finding_id} has no crew: its decision is {job.decision}")
    lines, alternatives = bill_of_materials(
        finding, rule, catalogue, asset=asset, day=now.date(), experience=experience
    )
    learned = _learned(job, [*lines, *alternatives], catalogue, experience)
    cost = round(sum(line.total_price_usd or 0.0 for line in lines), 2)
    daily = finding.energy_at_risk.daily_loss_usd
    unpriced = [line.sku for line in lines if line.total_price_usd is None]
    note = ""
    if rule.needs_part and not lines:
        note = f" No {rule.needs_part} in the catalogue fits: name the part on site."
    if any(line.under_warranty for line in lines):
        note = " The component is under warranty: claim the part from its maker."
    if unpriced:
        note += f" Without price, so not in the cost: {', '.join(unpriced)}."
    if job.assumed:
        note += f" Assumed for the plan: {'; '.join(job.assumed)}."
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
        description=f"{'; '.join(finding.reasons)}.{note}{''.join(map(_in_words, learned))}",
        recommended_actions=finding.recommended_actions,
        component=finding.component,
        estimated_duration_hours=job.duration_hours,
        scheduled_start=job.scheduled_start,
        scheduled_end=job.scheduled_end,
        crew_assignment=job.crew_assignment,
        visit_days=job.visit_days,
        bill_of_materials=lines,
        alternatives=alternatives,
        total_cost_usd=cost,
        energy_at_risk=OrderRisk(
            daily_loss_usd=daily,
            total_risk_usd=_lost_until(daily, job.scheduled_end, now),
            roi_days=round(cost / daily, 1) if daily > 0 and not unpriced else None,
        ),
        finding_id=finding.finding_id,
        finding_key=finding.finding_key,
        incident_id=finding.incident_id,
        cause=finding.cause,
        idempotency_key=digest(finding.finding_key, finding.finding_id),
        attachments=[job.diagnostic.key],
        learned=learned,
        status="OPEN",
    )


def retimed(order: WorkOrder, crew_id: str, booking: Booking, now: datetime) -> WorkOrder:
    """The order with its visit at another time, or with another crew, and what waiting costs until then."""
    risk = order.energy_at_risk
    until = {"total_risk_usd": _lost_until(risk.daily_loss_usd, booking.end, now)}
    return with_visit(order, crew_id, booking).model_copy(
        update={"energy_at_risk": risk.model_copy(update=until)}
    )


def _learned(
    job: Job, lines: list[BomLine], catalogue: list[Part], experience: Experience
) -> list[Learned]:
    """What earlier repairs say of the order's hours and of each part in it."""
    by_sku = {part.sku: part for part in catalogue}
    of_parts = [experience.pieces_of(by_sku[line.sku]) for line in lines if not line.consumable]
    return [evidence for evidence in (job.learned, *of_parts) if evidence and has_reports(evidence)]


def _in_words(evidence: Learned) -> str:
    """What earlier repairs say, for whoever reads the order; empty where they are too few to say."""
    unit, name = ("hour", "Hours") if evidence.what == HOURS else ("piece", f"Pieces of {evidence.what}")
    said = []
    if evidence.weight and evidence.median is not None:
        said.append(
            f"{counted(evidence.reports, 'earlier repair')} with a median of {evidence.median:g}, "
            f"usual {evidence.usual:g}, weight {evidence.weight:.0%}: "
            f"{counted(evidence.planned, unit, 'g')} planned"
        )
    if evidence.set_aside:
        said.append(f"{counted(evidence.set_aside, 'report')} of no plausible size set aside")
    return f" {name}: {'; '.join(said)}." if said else ""


def _lost_until(daily_usd: float, end: datetime, now: datetime) -> float:
    return round(daily_usd * max((end - now).total_seconds() / DAY_S, 0.0), 2)
