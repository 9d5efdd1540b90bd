"""From incidents to findings: group, name the cause, class the risk, compute what it costs."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from diagnose.risk import energy_at_risk
from diagnose.signatures import Cause, diagnose
from ona.assets import Asset
from ona.config import CategoriesConfig, CauseRule, DetectionConfig, Thresholds, rule_for
from ona.identity import digest
from ona.records import AssetDetection, Finding, FindingComponent, Incident, TrendAnalysis

RiskClass = Literal["critical", "major", "minor", "negligible"]
RECENCY_SCALE_H = 48.0


def risk_class(severity: float, limits: Thresholds) -> RiskClass:
    """The class of a severity."""
    if severity >= limits.severity_critical:
        return "critical"
    if severity >= limits.severity_major:
        return "major"
    return "minor" if severity >= limits.severity_minor else "negligible"


def rank_score(severity: float, count: int, last_seen: datetime, now: datetime) -> float:
    """0.6 · severity + 0.2 · frequency + 0.2 · recency.

    Frequency is 1 − 1/2^count; recency falls by e every 48 h since the fault was last seen.
    """
    age = max((now - last_seen).total_seconds() / 3600.0, 0.0)
    return round(0.6 * severity + 0.2 * (1 - 0.5**count) + 0.2 * math.exp(-age / RECENCY_SCALE_H), 4)


def group(incidents: list[Incident]) -> list[list[Incident]]:
    """Incidents of one asset that are one fault: stops together, partial losses together.

    A range violation (too hot, too high a voltage) belongs to the losses of the same file: it explains
    them; alone it is a group of its own.
    """
    stops = [i for i in incidents if i.kind in ("outage", "site_outage")]
    partial = [i for i in incidents if i.kind == "underperformance"]
    ranges = [i for i in incidents if i.kind in ("over_temperature", "over_voltage")]
    groups = [members for members in (stops, partial) if members]
    if not groups:
        return [ranges] if ranges else []
    groups[0] = groups[0] + ranges
    return groups


def component_for(asset: Asset, component_type: str) -> FindingComponent:
    """The installed part of that type; else the part it sits in (the inverter), by OEM and model."""
    exact = next((part for part in asset.components if part.type == component_type), None)
    if exact:
        return FindingComponent(oem=exact.oem, model=exact.model, serial=exact.serial, type=component_type)
    host = next((part for part in asset.components if part.type == "inverter"), None)
    if host:
        return FindingComponent(oem=host.oem, model=host.model, serial="", type=component_type)
    return FindingComponent(type=component_type)


def daily_loss_share(incidents: list[Incident], asset: AssetDetection, recurrence_per_day: float) -> float:
    """Share of a day's expected energy that the fault takes tomorrow.

    A stop that has not ended takes all of it. A fault that ended by itself takes what it took, times
    how often it is taken to come again (`causes.yaml`). Everything else goes on as it was.
    """
    if asset.expected_energy_kwh <= 0:
        return 0.0
    latest = max(incidents, key=lambda incident: incident.window.end)
    if latest.kind == "outage" and not latest.signals.recovered:
        return 1.0
    lost = sum(incident.lost_energy_kwh for incident in incidents)
    return min(1.0, recurrence_per_day * lost / asset.expected_energy_kwh)


def findings_of(
    detection: AssetDetection,
    asset: Asset,
    *,
    now: datetime,
    rules: DetectionConfig,
    causes: dict[str, CauseRule],
    categories: CategoriesConfig,
    limits: Thresholds,
) -> list[Finding]:
    """All findings of one asset, the most urgent first.

    Raises InvalidConfiguration when a cause is missing from categories.yaml.
    """
    actionable = [incident for incident in detection.incidents if incident.actionable]
    found = []
    for members in group(actionable):
        cause = diagnose(members, rules)
        categories.require(cause.category, cause.subcategory)
        found.append(_finding(members, cause, detection, asset, now, causes, limits))
    return sorted(found, key=lambda finding: finding.rank_score, reverse=True)


def _finding(
    members: list[Incident],
    cause: Cause,
    detection: AssetDetection,
    asset: Asset,
    now: datetime,
    causes: dict[str, CauseRule],
    limits: Thresholds,
) -> Finding:
    rule = rule_for(causes, cause.subcategory)
    component = component_for(asset, rule.component_type)
    severity = max(incident.severity for incident in members)
    confidence = min(cause.score, max(incident.confidence for incident in members))
    first = min(incident.window.start for incident in members)
    last = max(incident.window.end for incident in members)
    key = f"{asset.id}#{component.type}#{cause.subcategory}"
    if all(incident.kind == "site_outage" for incident in members):
        key = f"site:{asset.site_id}#site_outage#{cause.subcategory}"  # one fault for all its machines
    share = daily_loss_share(members, detection, rule.recurrence_per_day)
    lost = sum(incident.lost_energy_kwh for incident in members)
    measured = "; ".join(item.statement for item in members[0].evidence)
    return Finding(
        finding_id=f"find-{digest(key, *sorted(i.incident_id for i in members))}",
        finding_key=key,
        asset_id=asset.id,
        component=component,
        severity=severity,
        risk_class=risk_class(severity, limits),
        rank_score=rank_score(severity, len(members), last, now),
        category=cause.category,
        subcategory=cause.subcategory,
        description=f"{asset.name or asset.id}: {cause.reasons[0]}",
        reasons=[*cause.reasons, f"measured: {measured}"],
        confidence=round(confidence, 3),
        recommended_actions=list(rule.actions),
        energy_at_risk=energy_at_risk(
            daily_expected_kwh=detection.daily_expected_kwh,
            loss_share=share,
            residual_shares=detection.residual_shares,
            growth_percent_per_day=rule.growth_percent_per_day,
            tariff_usd_per_kwh=asset.tariff_usd_per_kwh,
            lost_so_far_kwh=lost,
        ),
        first_seen=first,
        last_seen=last,
        incident_ids=[incident.incident_id for incident in members],
    )


TREND_CHANGE = 0.03
"""The share delivered must change by this much before a direction is told."""


def trend(detection: AssetDetection, asset: Asset, now: datetime) -> TrendAnalysis:
    """Where the asset is going: the last three days' delivered share against the days before.

    Fewer than six known days: `unknown`. Degradation a year needs two years of data, so it is None
    here. Maintenance is due a year after installation, and every year from then.
    """
    shares = [
        measured / expected
        for measured, expected in zip(
            detection.daily_measured_kwh, detection.daily_expected_kwh, strict=True
        )
        if expected > 0
    ]
    direction: Literal["improving", "stable", "declining", "unknown"] = "unknown"
    if len(shares) >= 6:
        change = median(shares[-3:]) - median(shares[:-3])
        direction = "stable"
        if abs(change) >= TREND_CHANGE:
            direction = "improving" if change > 0 else "declining"
    return TrendAnalysis(
        degradation_rate_percent_per_year=None,
        performance_trend=direction,
        next_maintenance_due=_maintenance_due(asset, now),
    )


def _maintenance_due(asset: Asset, now: datetime) -> datetime | None:
    dates = [part.installation_date for part in asset.components if part.installation_date]
    if not dates:
        return None
    due = min(dates)
    due = due if due.tzinfo else due.replace(tzinfo=now.tzinfo)
    while due <= now:
        due += timedelta(days=365)
    return due
