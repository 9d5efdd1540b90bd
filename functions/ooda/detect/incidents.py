"""Incidents: episodes of one kind over days, as they follow from the days of an asset's history."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from ona.documents.findings import IncidentState
from ona.runtime.identity import digest
from ona.runtime.words import counted
from ooda.config.detection import DetectionConfig
from ooda.detect.asset_history import with_days
from ooda.detect.daily_loss import HEALTHY_DAYS, spreads_before, sustained
from ooda.detect.incident_signals import combined
from ooda.detect.severity import range_severity, severity
from ooda.documents.asset_history import AssetHistory, HistoryDay, that_count
from ooda.documents.detections import NO_FAULT, Episode, Evidence, Incident, IncidentKind, Window

JudgedDays = list[tuple[int, float]]
"""Days on which something could be judged (index, rising), with the highest power that was due, kW."""
EpisodeOfDay = tuple[int, Episode]
"""An episode with the index of its day."""
COMPARABLE = 0.9
"""Share of the power at which an asset failed: a day that promised less does not show that it is well."""
EXPLAINED = 0.7
"""Share of what a day missed: stretches that explain so much of it stand for the day."""


def incidents_of(history: AssetHistory, config: DetectionConfig, threshold: float) -> list[Incident]:
    """All incidents of an asset, in order of time: episodes of one kind with less than `HEALTHY_DAYS` good
    days between them.

    Small losses count from the day on which their cumulative sum began to rise. `threshold`: the severity
    (0…1) from which an incident is actionable.
    """
    days = [_own(history, day) for day in sorted(history.days)]
    active = weak_days(days)
    by_kind: dict[IncidentKind, list[EpisodeOfDay]] = {}
    judged: JudgedDays = []
    for n, items in enumerate(days):
        if sum(item.judged_hours for item in items) > 0:
            judged.append((n, max(item.top_kw for item in items)))
        weak = [item.weak for item in items if item.weak is not None] if active[n] else []
        partial = [e for item in items for e in item.episodes if e.kind == "underperformance"]
        if sum(e.lost_kwh for e in partial) < EXPLAINED * sum(e.lost_kwh for e in weak):
            partial = weak  # the whole day says more than the hours in which it was worst
        stops = [e for item in items for e in item.episodes if e.kind != "underperformance"]
        for episode in (*stops, *partial):
            by_kind.setdefault(episode.kind, []).append((n, episode))
    incidents = []
    for kind, episodes in by_kind.items():
        for chain in _chains(sorted(episodes, key=lambda pair: pair[1].window.start), judged):
            incidents.append(_incident(kind, chain, days, judged, history, config, threshold))
    return sorted(incidents, key=lambda incident: (incident.window.start, incident.kind))


def _own(history: AssetHistory, day: str) -> list[HistoryDay]:
    """What counts of a day, without the episodes that an event of the plant explains."""
    stops = history.plant.get(day, [])
    counting = that_count(history.days[day])
    if not stops:
        return counting
    return [
        item.model_copy(
            update={"episodes": [e for e in item.episodes if not any(s.explains(e) for s in stops)]}
        )
        for item in counting
    ]


def weak_days(days: Sequence[Sequence[HistoryDay]]) -> list[bool]:
    """Of D days in order: whether each belongs to a loss that goes on for days.

    `days`: for each day what its files gave.
    """
    losses = np.full(len(days), np.nan)
    for n, items in enumerate(days):
        weighted = [(item.loss, item.expected_kwh) for item in items if item.loss is not None]
        total = sum(weight for _, weight in weighted)
        if weighted and total > 0:
            losses[n] = sum(loss * weight for loss, weight in weighted) / total
    wide = not any(item.basis in ("irradiance+peers", "peers") for items in days for item in items)
    return [bool(flag) for flag in sustained(losses, spreads_before(losses, wide))]


def _chains(episodes: list[EpisodeOfDay], judged: JudgedDays) -> Iterable[list[EpisodeOfDay]]:
    """Episodes of one kind, in order, cut where the asset was well for `HEALTHY_DAYS`."""
    chain: list[EpisodeOfDay] = []
    for n, episode in episodes:
        if chain and _good_days(judged, chain[-1], before=n) >= HEALTHY_DAYS:
            yield chain
            chain = []
        chain.append((n, episode))
    if chain:
        yield chain


def _good_days(judged: JudgedDays, last: EpisodeOfDay, before: int | None = None) -> int:
    """Days since an episode on which the asset was well: judged, and at the power at which it had failed
    (a limit of 40 % is not gone because the sky was dull)."""
    n, episode = last
    due = COMPARABLE * episode.expected_kwh / episode.hours if episode.hours else 0.0
    begin = bisect_right(judged, (n, math.inf))
    return sum(top >= due and (before is None or day < before) for day, top in judged[begin:])


def _state(kind: IncidentKind, last: EpisodeOfDay, judged: JudgedDays) -> IncidentState:
    good = _good_days(judged, last)
    if good >= HEALTHY_DAYS:
        return "closed"
    stopped = kind in ("outage", "site_outage", "over_temperature", "over_voltage") or kind in NO_FAULT
    if good or (stopped and last[1].signals.recovered):
        return "recovering"
    return "open"


def _incident(
    kind: IncidentKind,
    chain: list[EpisodeOfDay],
    days: Sequence[Sequence[HistoryDay]],
    judged: JudgedDays,
    history: AssetHistory,
    config: DetectionConfig,
    threshold: float,
) -> Incident:
    episodes = [episode for _, episode in chain]
    lost, due, hours = (
        sum(getattr(episode, name) for episode in episodes)
        for name in ("lost_kwh", "expected_kwh", "hours")
    )
    due_of_day = {n: sum(item.expected_kwh for item in days[n]) for n, _ in chain}
    lost_of_day: dict[int, float] = {}
    for n, episode in chain:
        lost_of_day[n] = lost_of_day.get(n, 0.0) + episode.lost_kwh
    shares = {
        n: min(1.0, lost_of_day[n] / due_of_day[n]) if due_of_day[n] > 0 else 0.0 for n in lost_of_day
    }
    signals = combined(episodes, shares)
    confidence = 1.0 - min(1.0 - episode.confidence for episode in episodes) * 0.7 ** (len(shares) - 1)
    state = _state(kind, chain[-1], judged)
    score = severity(
        max(0.0, lost / due) if due > 0 else 0.0,
        max(e.hours for e in episodes),
        config.algorithms.severity,
        days_lost=sum(shares.values()),
        confidence=confidence,
    )
    evidence = _evidence(episodes, shares)
    if kind in ("over_temperature", "over_voltage"):
        limits = config.parameters.temperature if kind == "over_temperature" else config.parameters.voltage
        top = max(item.value for episode in episodes for item in episode.evidence)
        score = range_severity(top, limits.normal_range_max, limits.critical_threshold)
    start, end = episodes[0].window.start, max(episode.window.end for episode in episodes)
    return Incident(
        incident_id=_identity(history, kind, start, end),
        asset_id=history.asset_id,
        kind=kind,
        state=state,
        window=Window(start=start, end=end),
        duration_hours=round(hours, 3),
        days=len(shares),
        expected_power_kw=round(due / hours, 3) if hours else 0.0,
        measured_power_kw=round((due - lost) / hours, 3) if hours else 0.0,
        deviation_kw=round(lost / hours, 3) if hours else 0.0,
        deviation_percent=round(100 * lost / due, 2) if due > 0 else 0.0,
        lost_energy_kwh=round(lost, 3),
        recent_loss_share=round(shares[chain[-1][0]], 4),
        severity=score,
        confidence=round(min(confidence, 1.0), 3),
        actionable=bool(score >= threshold and kind not in NO_FAULT and state != "closed"),
        signals=signals,
        evidence=evidence,
        provisional=any(item.provisional for item in days[chain[-1][0]]),
    )


def _identity(history: AssetHistory, kind: str, start: datetime, end: datetime) -> str:
    """The id that the incident has already, whatever a late file adds in front of it; else a new one."""
    for earlier in sorted(history.incidents, key=lambda incident: incident.window.start):
        if earlier.kind == kind and earlier.window.start <= end and earlier.window.end >= start:
            return earlier.incident_id
    start = start.astimezone(UTC)
    before = sum(one.kind == kind and one.window.start == start for one in history.superseded)
    again = [str(before)] if before else []  # it was superseded and came back: another incident
    return f"inc-{start:%Y%m%d}-{digest(history.asset_id, kind, start.isoformat(), *again, length=10)}"


def _evidence(episodes: list[Episode], shares: dict[int, float]) -> list[Evidence]:
    """The evidence of its costliest episode, and on how many days it was seen."""
    worst = max(episodes, key=lambda episode: episode.lost_kwh)
    evidence = list(worst.evidence)
    if len(shares) > 1:
        lost = sum(episode.lost_kwh for episode in episodes)
        evidence.append(
            Evidence(
                detector="history",
                statement=f"seen on {counted(len(shares), 'day')}, {lost:.0f} kWh so far",
                value=len(shares),
                limit=1,
            )
        )
    return evidence


def updated(
    history: AssetHistory,
    key: str,
    days: dict[str, HistoryDay],
    config: DetectionConfig,
    threshold: float,
) -> AssetHistory:
    """An asset's history with the days that the file `key` gives, and the incidents that follow."""
    merged = with_days(history, key, days)
    incidents = incidents_of(merged, config, threshold)
    return merged.model_copy(update={"incidents": incidents})


def of_file(before: AssetHistory, after: AssetHistory, window: Window) -> list[Incident]:
    """The incidents that a file has part in: those within its window, and those whose state it changed."""
    states = {incident.incident_id: incident.state for incident in before.incidents}
    return [
        incident
        for incident in after.incidents
        if (incident.window.start <= window.end and incident.window.end >= window.start)
        or states.get(incident.incident_id, incident.state) != incident.state
    ]
