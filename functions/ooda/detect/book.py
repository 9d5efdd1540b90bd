"""A machine over time: its days as files told them, and the incidents that follow from the days.

Everything here is a function of the days in the book. A day is filed under the file that told it, so a file
that comes late, out of order or twice replaces what it said before and changes nothing else.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import fmean

import numpy as np

from ona.documents.assets import Asset
from ona.documents.findings import IncidentState
from ona.runtime.identity import digest
from ooda.config.detection import DetectionConfig
from ooda.detect.expected import BINS, Levels
from ooda.detect.losses import HEALTHY_DAYS, spreads_before, sustained
from ooda.detect.severity import range_severity, severity
from ooda.detect.sky import SLOTS
from ooda.documents.books import AssetBook, BookDay
from ooda.documents.detections import NO_FAULT, Episode, Evidence, Incident, IncidentKind, Signals, Window

KEEP_DAYS = 800
"""Two years and more, so that the same season is known twice."""
KEEP_SHAPES = 45
EPOCH = date(1970, 1, 1)
Judged = list[tuple[int, float]]
"""Days on which something could be judged, in order, with the highest power that was due, kW."""
COMPARABLE = 0.9
FAMILIES = ("sun", "peers", "wind")
EXPLAINED = 0.7
"""Of what a day missed: stretches that explain so much of it stand for the day."""
MOST_SIGNAL_DAYS = 14
"""An incident looks like its last two weeks."""


def number_of(day: str) -> int:
    """Days since 1970 of an ISO date."""
    return (date.fromisoformat(day) - EPOCH).days


def name_of(number: int) -> str:
    """ISO date of days since 1970."""
    return (EPOCH + timedelta(days=number)).isoformat()


def history(book: AssetBook, before: int) -> dict[str, Levels]:
    """Levels by family of the days before one. Of a day that several files told, the one that judged
    most."""
    rows: dict[str, list[tuple[int, float, float, float, Sequence[float | None]]]] = {}
    for name, told in sorted(book.days.items()):
        if number_of(name) >= before:
            continue
        best = max(told.values(), key=lambda item: item.judged_hours)
        for family, level in best.levels.items():
            rows.setdefault(family, []).append(
                (number_of(name), _nan(level.gain), _nan(level.spread), _nan(level.cloudy), level.shape)
            )
    return {family: _levels(family, known) for family, known in rows.items()}


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _levels(family: str, rows: list[tuple[int, float, float, float, Sequence[float | None]]]) -> Levels:
    width = BINS if family == "wind" else SLOTS
    shape = np.full((len(rows), width), np.nan)
    for n, row in enumerate(rows):
        if len(row[4]) == width:
            shape[n] = [_nan(value) for value in row[4]]
    return Levels(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=float),
        np.array([row[2] for row in rows], dtype=float),
        np.array([row[3] for row in rows], dtype=float),
        shape,
    )


def usual(book: AssetBook, before: int, name: str, days: int = 30) -> list[float]:
    """A channel's daily values of the last days before one, those that were measured."""
    found: list[float] = []
    for day, told in sorted(book.days.items(), reverse=True):
        if number_of(day) < before and len(found) < days:
            found += [value for item in told.values() if (value := getattr(item, name)) is not None][:1]
    return found


def enter(book: AssetBook, source: str, days: dict[str, BookDay]) -> AssetBook:
    """The book with what a file tells of its days; what it told before is replaced."""
    kept = {
        day: {name: item for name, item in told.items() if name != source}
        for day, told in book.days.items()
    }
    for day, item in days.items():
        kept.setdefault(day, {})[source] = item
    newest = max((number_of(day) for day in kept), default=0)
    for day in sorted(kept):
        age = newest - number_of(day)
        if not kept[day] or age > KEEP_DAYS:
            del kept[day]
        elif age > KEEP_SHAPES and any(
            level.shape for i in kept[day].values() for level in i.levels.values()
        ):
            kept[day] = {name: _without_shape(item) for name, item in kept[day].items()}
    return book.model_copy(update={"days": dict(sorted(kept.items()))})


def _without_shape(item: BookDay) -> BookDay:
    levels = {name: level.model_copy(update={"shape": []}) for name, level in item.levels.items()}
    return item.model_copy(update={"levels": levels})


# ------------------------------------------------------------------ incidents


def incidents(book: AssetBook, asset: Asset, config: DetectionConfig, threshold: float) -> list[Incident]:
    """All incidents of a machine, in order of time: episodes of one kind with less than `HEALTHY_DAYS` good
    days between them. Small losses count from the day on which their cumulative sum began to rise."""
    days = sorted(book.days)
    told = [list(book.days[day].values()) for day in days]
    active = weak_days(told)
    by_kind: dict[IncidentKind, list[tuple[int, Episode]]] = {}
    judged: Judged = []
    for n, items in enumerate(told):
        if sum(item.judged_hours for item in items) > 0:
            judged.append((n, max(item.top_kw for item in items)))
        weak = [item.weak for item in items if item.weak is not None] if active[n] else []
        partial = [e for item in items for e in item.episodes if e.kind == "underperformance"]
        if sum(e.lost_kwh for e in partial) < EXPLAINED * sum(e.lost_kwh for e in weak):
            partial = weak  # the whole day says more than the hours in which it was worst
        stops = [e for item in items for e in item.episodes if e.kind != "underperformance"]
        for episode in (*stops, *partial):
            by_kind.setdefault(episode.kind, []).append((n, episode))
    found = []
    for kind, episodes in by_kind.items():
        for chain in _chains(sorted(episodes, key=lambda pair: pair[1].window.start), judged):
            found.append(_incident(kind, chain, told, judged, book, asset, config, threshold))
    return sorted(found, key=lambda incident: (incident.window.start, incident.kind))


def weak_days(told: Sequence[Sequence[BookDay]]) -> list[bool]:
    """Of D days in order: whether each belongs to a loss that goes on for days."""
    losses = np.full(len(told), np.nan)
    for n, items in enumerate(told):
        known = [(item.loss, item.expected_kwh) for item in items if item.loss is not None]
        total = sum(weight for _, weight in known)
        if known and total > 0:
            losses[n] = sum(loss * weight for loss, weight in known) / total
    wide = not any(item.basis in ("irradiance+peers", "peers") for items in told for item in items)
    return [bool(flag) for flag in sustained(losses, spreads_before(losses, wide))]


def _chains(episodes: list[tuple[int, Episode]], judged: Judged) -> Iterable[list[tuple[int, Episode]]]:
    chain: list[tuple[int, Episode]] = []
    for n, episode in episodes:
        if chain and _good_days(judged, chain[-1], before=n) >= HEALTHY_DAYS:
            yield chain
            chain = []
        chain.append((n, episode))
    if chain:
        yield chain


def _good_days(judged: Judged, last: tuple[int, Episode], before: int | None = None) -> int:
    """Days since an episode on which the machine was well: judged, and at the power at which it had failed
    (a limit of 40 % is not gone because the sky was dull)."""
    n, episode = last
    due = COMPARABLE * episode.expected_kwh / episode.hours if episode.hours else 0.0
    begin = bisect_right(judged, (n, math.inf))
    return sum(top >= due and (before is None or day < before) for day, top in judged[begin:])


def _state(kind: IncidentKind, last: tuple[int, Episode], judged: Judged) -> IncidentState:
    good = _good_days(judged, last)
    if good >= HEALTHY_DAYS:
        return "closed"
    stopped = kind in ("outage", "site_outage", "over_temperature", "over_voltage") or kind in NO_FAULT
    if good or (stopped and last[1].signals.recovered):
        return "recovering"
    return "open"


def _incident(
    kind: IncidentKind,
    chain: list[tuple[int, Episode]],
    told: Sequence[Sequence[BookDay]],
    judged: Judged,
    book: AssetBook,
    asset: Asset,
    config: DetectionConfig,
    threshold: float,
) -> Incident:
    episodes = [episode for _, episode in chain]
    lost, due, hours = (
        sum(getattr(episode, name) for episode in episodes)
        for name in ("lost_kwh", "expected_kwh", "hours")
    )
    due_of_day = {n: sum(item.expected_kwh for item in told[n]) for n, _ in chain}
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
        max(0.0, lost / due) if due > 0 else 0.0, max(e.hours for e in episodes),
        config.algorithms.severity, days_lost=sum(shares.values()), confidence=confidence,
    )  # fmt: skip
    evidence = _evidence(episodes, shares)
    if kind in ("over_temperature", "over_voltage"):
        limits = config.parameters.temperature if kind == "over_temperature" else config.parameters.voltage
        top = max(item.value for episode in episodes for item in episode.evidence)
        score = range_severity(top, limits.normal_range_max, limits.critical_threshold)
    start, end = episodes[0].window.start, max(episode.window.end for episode in episodes)
    return Incident(
        incident_id=_identity(book, asset.id, kind, start, end),
        asset_id=asset.id,
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
    )


def _identity(book: AssetBook, asset_id: str, kind: str, start: datetime, end: datetime) -> str:
    """The id under which the incident is known already, whatever a late file adds in front of it."""
    for known in sorted(book.incidents, key=lambda incident: incident.window.start):
        if known.kind == kind and known.window.start <= end and known.window.end >= start:
            return known.incident_id
    start = start.astimezone(UTC)
    return f"inc-{start:%Y%m%d}-{digest(asset_id, kind, start.isoformat(), length=10)}"


def _evidence(episodes: list[Episode], shares: dict[int, float]) -> list[Evidence]:
    """That of its costliest episode, and how it has gone on."""
    worst = max(episodes, key=lambda episode: episode.lost_kwh)
    evidence = list(worst.evidence)
    if len(shares) > 1:
        lost = sum(episode.lost_kwh for episode in episodes)
        evidence.append(
            Evidence(
                detector="history",
                statement=f"seen on {len(shares)} days, {lost:.0f} kWh so far",
                value=len(shares),
                limit=1,
            )
        )
    return evidence


_MEANS = (
    "zero_share", "loss_share", "loss_spread", "day_share", "loss_low", "loss_high", "loss_full",
    "loss_early", "loss_noon",
    "loss_late", "loss_clear", "loss_cloudy", "temperature_correlation", "warmth_c", "voltage_ratio",
    "efficiency_ratio", "efficiency_slope", "plateau_share", "plateau_level", "neighbours_held",
    "roughness", "ambient_c", "from_dawn", "returns",
)  # fmt: skip
_BEGINNING = ("rain_mm", "rain_peak_mm", "gust_m_s", "ambient_drop_c")
FIRST_EPISODES = 3


def combined(episodes: list[Episode], shares: dict[int, float]) -> Signals:
    """The signals of several episodes as one: means by energy lost over the last two weeks, what began
    it from the first, and how it went on from all."""
    recent = episodes[-MOST_SIGNAL_DAYS:]
    values: dict[str, float | int | bool | None] = {}
    for name in _MEANS:
        pairs = [
            (max(episode.lost_kwh, 1e-6), value)
            for episode in recent
            if (value := getattr(episode.signals, name)) is not None
        ]
        total = sum(weight for weight, _ in pairs)
        values[name] = round(sum(w * v for w, v in pairs) / total, 4) if pairs else None
    held = [e for e in recent if e.signals.plateau_share >= 0.5]
    if held:
        weights = [max(e.lost_kwh, 1e-6) for e in held]
        levels = [e.signals.plateau_level for e in held]
        values["plateau_level"] = round(float(np.average(levels, weights=weights)), 4)
    for name in _BEGINNING:
        begun = [v for e in episodes[:FIRST_EPISODES] if (v := getattr(e.signals, name)) is not None]
        values[name] = max(begun, default=None)
    values["first_slot"] = episodes[0].signals.first_slot
    hottest = [e.signals.temperature_max_c for e in recent if e.signals.temperature_max_c is not None]
    return Signals(
        **values,
        temperature_max_c=max(hottest, default=None),
        stops=sum(episode.signals.stops for episode in recent),
        recovered=episodes[-1].signals.recovered,
        slope_per_day=_slope(shares),
        plateau_slope=_slope(
            {n: e.signals.plateau_level for n, e in enumerate(episodes) if e.signals.plateau_share >= 0.5}
        ),
        days=len(shares),
        same_hours=_same_hours(episodes),
    )


def _slope(shares: dict[int, float]) -> float | None:
    """How much the daily loss share grows a day: the median of the slopes of all pairs (Theil–Sen)."""
    if len(shares) < 4:
        return None
    points = list(shares.items())[-40:]
    slopes = sorted(
        (b[1] - a[1]) / (b[0] - a[0]) for n, a in enumerate(points) for b in points[n + 1 :] if b[0] > a[0]
    )
    return round(slopes[len(slopes) // 2], 5) if slopes else None


def _same_hours(episodes: list[Episode]) -> float | None:
    """Whether a loss that takes part of the day comes at the same solar hours: 1 within half an hour, 0
    from three hours on; None before the third day."""
    begun = [e.signals.first_slot for e in episodes if e.signals.first_slot is not None]
    if len(begun) < 3 or fmean(e.signals.day_share for e in episodes) > 0.8:
        return None
    middle = sorted(begun)[len(begun) // 2]
    apart = sorted(abs(slot - middle) for slot in begun)[len(begun) // 2]
    return round(max(0.0, min(1.0, 1.0 - (apart - 1) / 5.0)), 2)
