"""From requests to work: the part that is taken, when it arrives, when it is due, how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ona.documents.assets import Asset
from ona.repairs.crews import MOST_GROWTH_PERCENT, MOST_USD, Crew, Work
from ona.repairs.parts import ranked
from ona.runtime.clock import is_zone
from ona.store.unreadable import note
from ooda.schedule.eligibility import first_day
from ooda.schedule.requests import PRIORITY_ORDER, RepairRequest
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import next_step


def works_of(
    requests: Sequence[RepairRequest], crews: Sequence[Crew], now: datetime, rules: PlanningRules
) -> list[Work]:
    """The work of requests as it is planned: with the best part, long work as its first day."""
    return [first_day(_work(request, now, rules), crews, rules) for request in requests]


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
    lead = (part.wait_days or 0.0) if part else 0.0
    ready = next_step(now + timedelta(days=lead))
    critical = finding.risk_class == "critical"
    left = max(risk.daily_expected_kwh - risk.daily_loss_kwh, 0.0)
    return Work(
        finding_key=finding.finding_key,
        finding_id=finding.finding_id,
        asset_id=asset.id,
        site_id=asset.site_id,
        cause=finding.cause,
        diagnostic=request.diagnostic,
        priority=request.priority,
        location=asset.location,
        zone=_zone(asset, limits.working_hours.timezone),
        specialization=rule.specialization,
        technicians=min(max(rule.crew_size, limits.min_crew_size), limits.max_crew_size),
        hours=request.hours,
        light=rule.light,
        sunny=not asset.is_wind,
        known_since=finding.first_seen,
        ready=ready,
        due=max(now + timedelta(hours=limits.critical_within_hours), ready) if critical else None,
        must=critical or risk.daily_loss_usd >= rules.thresholds.ear_threshold_usd,
        severity=finding.severity,
        daily_usd=min(risk.daily_loss_usd, MOST_USD),
        growth_percent=min(risk.growth_percent_per_day, MOST_GROWTH_PERCENT),
        standing_usd=min(left * asset.tariff_usd_per_kwh, MOST_USD),
        part=part.sku if part else "",
        part_usd=(part.unit_price_usd or 0.0) if part else 0.0,
    )


def _zone(asset: Asset, usual: str) -> str:
    """The time zone of an asset's site; the usual one where the registry names none that there is."""
    if asset.timezone is None:
        return usual
    if not is_zone(asset.timezone):
        note(f"assets.json, {asset.id}", f"{asset.timezone!r} is no time zone; {usual} is taken")
        return usual
    return asset.timezone
