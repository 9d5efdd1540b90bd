"""From incidents to findings: group, name the cause, class the risk, compute what it costs.

>>> from datetime import UTC
>>> noon = datetime(2025, 6, 10, 12, tzinfo=UTC)
>>> rank_score(0.8, count=3, last_seen=noon - timedelta(days=2), now=noon)
0.7286
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ona.config.causes import CauseRule, rule_for
from ona.documents.assets import Asset
from ona.documents.findings import Finding, FindingComponent
from ona.runtime.identity import digest
from ooda.config.loss_function import Thresholds
from ooda.diagnose.cause import Cause, diagnose
from ooda.diagnose.risk import energy_at_risk
from ooda.documents.detections import AssetDetection, Incident, QualityIssue

RiskClass = Literal["critical", "major", "minor", "negligible"]
"""By severity, with the limits of `loss_function.yaml`."""
RECENCY_SCALE_H = 48.0
"""Hours in which recency falls by e."""


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


RANGES = ("over_temperature", "over_voltage")
"""Incidents of readings beyond their range."""
NEAR = timedelta(hours=6)
"""A range violation this close to a loss belongs to it."""


def group(incidents: list[Incident]) -> list[list[Incident]]:
    """Each incident with the range violations of its time: too hot, too high a voltage explain a loss;
    those that belong to none are a group of their own."""
    losses = [i for i in incidents if i.kind not in RANGES]
    ranges = [i for i in incidents if i.kind in RANGES]
    groups = [[loss] for loss in losses]
    alone = []
    for item in ranges:
        nearest = min(groups, key=lambda g: (_apart(g[0], item), g[0].duration_hours), default=None)
        if nearest is not None and _apart(nearest[0], item) <= NEAR:
            nearest.append(item)
        else:
            alone.append(item)
    return [*groups, alone] if alone else groups


def _apart(one: Incident, other: Incident) -> timedelta:
    """The time between two incidents, none when they overlap."""
    gap = max(one.window.start - other.window.end, other.window.start - one.window.end)
    return max(gap, timedelta(0))


def component_for(asset: Asset, component_type: str) -> FindingComponent:
    """The installed part of that type; else the part it sits in (the inverter), by OEM and model."""
    exact = next((part for part in asset.components if part.type == component_type), None)
    if exact:
        return FindingComponent(oem=exact.oem, model=exact.model, serial=exact.serial, type=component_type)
    host = next((part for part in asset.components if part.type == "inverter"), None)
    if host:
        return FindingComponent(oem=host.oem, model=host.model, serial="", type=component_type)
    return FindingComponent(type=component_type)


def daily_loss_share(incident: Incident, recurrence_per_day: float) -> float:
    """Share of a day's expected energy that the fault takes tomorrow.

    A stop that has not ended takes all of it. A stop that ended by itself takes what it took, times how
    often it is taken to come again (`causes.yaml`). A partial loss goes on as on its last day.
    """
    if incident.kind == "outage" and incident.state == "open":
        return 1.0
    return min(1.0, recurrence_per_day * incident.recent_loss_share)


SITE_OUTAGE = "site_outage#unknown_pattern"
"""End of the key of a site's outage. It is what open orders have, whatever its cause is called."""
SENSOR = "sensor:"
"""Begin of the key of a sensor's finding that several machines have."""
DATA_CAUSES = {
    "communication_gap": "communication_error",
    "stale_values": "sensor_fault",
    "logger_zeros": "data_quality_issue",
    "interpolated_values": "data_quality_issue",
    "sensor_drift": "calibration_drift",
    "clock_shift": "data_quality_issue",
    "unit_error": "data_quality_issue",
    "unusable_readings": "data_quality_issue",
}
"""The cause of each problem of the data that can blind us."""
DATA_SEVERITY = 0.3
"""Severity (0…1). Nothing is lost while data are wrong, but nobody watches the asset either."""


@dataclass(frozen=True)
class _Case:
    """One asset with what findings are made from."""

    detection: AssetDetection
    asset: Asset
    now: datetime
    causes: dict[str, CauseRule]
    limits: Thresholds
    coming_kwh: Sequence[float | None]

    def finding(
        self, cause: str, *, severity: float, count: int, last_seen: datetime, **rest: Any
    ) -> Finding:
        """A finding: what its cause is called everywhere, the part, what to do, how urgent; and the
        rest."""
        rule = rule_for(self.causes, cause)
        return Finding(
            asset_id=self.asset.id,
            component=component_for(self.asset, rule.component_type),
            cause=cause,
            category=rule.category,
            subcategory=rule.subcategory,
            orange_button=rule.orange_button,
            sunspec=rule.sunspec,
            error_type=rule.error_type,
            recommended_actions=list(rule.actions),
            severity=severity,
            risk_class=risk_class(severity, self.limits),
            rank_score=rank_score(severity, count, last_seen, self.now),
            last_seen=last_seen,
            **rest,
        )

    def key(self, rule: CauseRule) -> str:
        """The finding's key: the same for the same fault of the same asset on every day."""
        return f"{self.asset.id}#{rule.component_type}#{rule.subcategory}"


def findings_of(
    detection: AssetDetection,
    asset: Asset,
    *,
    now: datetime,
    causes: dict[str, CauseRule],
    limits: Thresholds,
    coming_kwh: Sequence[float | None] = (),
) -> list[Finding]:
    """All findings of one asset, the most urgent first: what is wrong with the asset, then with its data.

    `coming_kwh`: forecast energy of the days to come, kWh, None where there is no forecast.
    """
    case = _Case(detection, asset, now, causes, limits, coming_kwh)
    actionable = [incident for incident in detection.incidents if incident.actionable]
    findings = [_fault(members, case) for members in group(actionable)]
    findings += _data_problems(case)
    return sorted(findings, key=lambda finding: finding.rank_score, reverse=True)


def _cause_of(members: list[Incident], asset: Asset) -> tuple[Incident, Cause]:
    """The incident that explains most, and its cause: a voltage beyond its limit explains a stop."""
    pairs = [(incident, diagnose(incident, asset)) for incident in members]
    main = pairs[0]
    better = [
        pair for pair in pairs[1:] if pair[1].name != "unknown_pattern" and pair[1].score > main[1].score
    ]
    return main[0], (better[0][1] if better else main[1])


def _fault(members: list[Incident], case: _Case) -> Finding:
    """The finding of incidents that belong together."""
    detection, asset = case.detection, case.asset
    incident, cause = _cause_of(members, asset)
    rule = rule_for(case.causes, cause.name)
    key = case.key(rule)
    if incident.kind == "site_outage":
        key = f"site:{asset.site_id}#{SITE_OUTAGE}"  # one fault for all assets of the site
    measured = "; ".join(item.statement for item in incident.evidence)
    ids = [item.incident_id for item in members]
    return case.finding(
        cause.name,
        severity=max(item.severity for item in members),
        count=incident.days,
        last_seen=max(item.window.end for item in members),
        finding_id=f"find-{digest(key, detection.window.start.isoformat(), *sorted(ids))}",
        finding_key=key,
        description=f"{asset.name or asset.id}: {cause.reasons[0]}",
        reasons=[*cause.reasons, f"measured: {measured}"],
        confidence=round(min(cause.score, max(item.confidence for item in members)), 3),
        energy_at_risk=energy_at_risk(
            daily_expected_kwh=detection.daily_expected_kwh,
            loss_share=daily_loss_share(incident, rule.recurrence_per_day) if rule.fault else 0.0,
            residual_shares=detection.residual_shares,
            growth_percent_per_day=rule.growth_percent_per_day,
            tariff_usd_per_kwh=asset.tariff_usd_per_kwh,
            lost_so_far_kwh=sum(item.lost_energy_kwh for item in members),
            coming_kwh=case.coming_kwh,
        ),
        first_seen=min(item.window.start for item in members),
        state=incident.state,
        alternatives=cause.alternatives,
        incident_ids=ids,
    )


def _data_problems(case: _Case) -> list[Finding]:
    """Problems of the data that blind us, one finding a cause: no energy at risk, to be mended when
    somebody goes there."""
    detection, asset = case.detection, case.asset
    by_cause: dict[str, list[QualityIssue]] = {}
    for issue in detection.quality.issues:
        if issue.blinding and issue.kind in DATA_CAUSES:
            by_cause.setdefault(DATA_CAUSES[issue.kind], []).append(issue)
    nothing = energy_at_risk(
        daily_expected_kwh=detection.daily_expected_kwh,
        loss_share=0.0,
        residual_shares=[],
        growth_percent_per_day=0.0,
        tariff_usd_per_kwh=asset.tariff_usd_per_kwh,
        lost_so_far_kwh=0.0,
    )
    findings = []
    for cause, issues in by_cause.items():
        rule = rule_for(case.causes, cause)
        sensors = {issue.sensor for issue in issues}
        key, whose = case.key(rule), asset.name or asset.id
        if len(sensors) == 1 and "" not in sensors:  # one fault for all machines that have it
            key = f"{SENSOR}{asset.site_id}/{sensors.pop()}#{rule.component_type}#{rule.subcategory}"
            whose = f"{asset.site_id}, the sensor of several machines"
        findings.append(
            case.finding(
                cause,
                severity=DATA_SEVERITY,
                count=1,
                last_seen=detection.window.end,
                finding_id=f"find-{digest(key, detection.window.start.isoformat())}",
                finding_key=key,
                description=f"{whose}: {issues[0].statement}",
                reasons=[issue.statement for issue in issues],
                confidence=0.8,
                energy_at_risk=nothing,
                first_seen=detection.window.start,
                incident_ids=[],
            )
        )
    return findings
