"""From requests to work: the part that is taken, when it arrives, when it is due, how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.base import problems_of
from ona.documents.findings import FindingComponent
from ona.documents.work_orders import Job
from ona.repairs.crews import MOST_GROWTH_PERCENT, MOST_USD, Work
from ona.repairs.parts import ranked
from ona.runtime.clock import is_zone
from ona.runtime.words import counted
from ona.store.unreadable import note
from ooda.config.loss_function import Constraints
from ooda.schedule.calendars import end_of_working_day
from ooda.schedule.requests import PRIORITY_ORDER, UNPLANNABLE, RepairRequest
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import next_step

PARTS = "configs/ooda/parts.yaml"
"""Where parts are entered, as reasons name it."""


def works_of(
    requests: Sequence[RepairRequest], now: datetime, rules: PlanningRules
) -> tuple[list[Work], list[Job]]:
    """The work of requests as it is planned, with the best part; and the jobs of those that no plan can
    compute with, which hold up no other."""
    works, refused = [], []
    for request in requests:
        try:
            works.append(_work(request, now, rules))
        except ValidationError as error:
            reason = f"{UNPLANNABLE}: {problems_of(error, 'the finding')}; see {request.diagnostic.key}"
            refused.append(request.job("unschedulable", reason))
    return works, refused


def urgency(work: Work) -> tuple[int, float, str]:
    """For sorting: the more pressing first, then what loses most (USD a day) for an hour of work."""
    return (PRIORITY_ORDER.index(work.priority), -work.daily_usd / work.hours, work.finding_key)


def _work(request: RepairRequest, now: datetime, rules: PlanningRules) -> Work:
    finding, asset, rule = request.finding, request.asset, request.rule
    risk, limits = finding.energy_at_risk, rules.constraints
    candidates = (
        ranked(list(rules.catalogue), rule.needs_part, finding.component, risk.daily_loss_usd)
        if rule.needs_part
        else []
    )
    part = candidates[0] if candidates else None
    assumed: list[str] = []
    lead = _lead_days(part, rule, finding.component, limits.unknown_lead_days, assumed)
    ready = next_step(now + timedelta(days=lead))
    critical = finding.risk_class == "critical"
    zone = _zone(asset, limits.working_hours.timezone)
    left = max(risk.daily_expected_kwh - risk.daily_loss_kwh, 0.0)
    technicians = min(max(rule.crew_size, limits.min_crew_size), limits.max_crew_size)
    if technicians < rule.crew_size:
        assumed.append(
            f"{counted(technicians, 'technician')} instead of {rule.crew_size}: max_crew_size in "
            "configs/ooda/loss_function.yaml"
        )
    if part and part.unit_price_usd is None:
        assumed.append(f"the price of {part.sku} is unknown and counts nothing: enter it in {PARTS}")
    return Work(
        finding_key=finding.finding_key,
        finding_id=finding.finding_id,
        asset_id=asset.id,
        site_id=asset.site_id,
        cause=finding.cause,
        diagnostic=request.diagnostic,
        priority=request.priority,
        location=asset.location,
        zone=zone,
        specialization=rule.specialization,
        technicians=technicians,
        equipment=rule.equipment,
        hours=request.hours,
        light=rule.light,
        sunny=not asset.is_wind,
        known_since=finding.first_seen,
        ready=ready,
        due=_due(now, ready, zone, limits) if critical else None,
        must=critical or risk.daily_loss_usd >= rules.thresholds.ear_threshold_usd,
        severity=finding.severity,
        daily_usd=min(max(risk.daily_loss_usd, 0.0), MOST_USD),
        growth_percent=min(max(risk.growth_percent_per_day, 0.0), MOST_GROWTH_PERCENT),
        standing_usd=min(max(left * asset.tariff_usd_per_kwh, 0.0), MOST_USD),
        part=part.sku if part else "",
        part_usd=(part.unit_price_usd or 0.0) if part else 0.0,
        assumed=assumed,
    )


def _lead_days(
    part: Part | None, rule: CauseRule, component: FindingComponent, usual: float, assumed: list[str]
) -> float:
    """Days until the part is there; what had to be assumed is put into `assumed`, in words."""
    if not rule.needs_part:
        return 0.0
    if part is not None and part.wait_days is not None:
        return part.wait_days
    days = counted(usual, "day", "g")
    if part is None:
        name = " ".join(text for text in (component.oem, component.model) if text)
        of = f" for {name}" if name else ""
        assumed.append(f"no {rule.needs_part}{of} in {PARTS}: {days} assumed until one is there")
    else:
        assumed.append(f"the lead time of {part.sku} is unknown, {days} assumed: enter it in {PARTS}")
    return usual


def _due(now: datetime, ready: datetime, zone: str, limits: Constraints) -> datetime:
    """When critical work must have begun: within `critical_within_hours`, and where its part comes later,
    by the end of the first whole working day with the part."""
    due = now + timedelta(hours=limits.critical_within_hours)
    if ready <= next_step(now):  # nothing has to come
        return due
    return max(due, end_of_working_day(ready, zone, limits.working_hours))


def _zone(asset: Asset, usual: str) -> str:
    """The time zone of an asset's site; the usual one where the registry names none that there is."""
    if asset.timezone is None:
        return usual
    if not is_zone(asset.timezone):
        note(f"assets.json, {asset.id}", f"{asset.timezone!r} is no time zone; {usual} is taken")
        return usual
    return asset.timezone
