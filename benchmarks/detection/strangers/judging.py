"""The one door to the platform: telemetry in, its verdict in plain terms out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.machines import Plant
from ona.config import causes
from ona.documents.assets import Asset, AssetRegistry, Component, Location
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import detection_config
from ooda.detect import plant_events, site_layer
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.diagnose.cause import diagnose
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import NO_FAULT, Incident
from ooda.documents.site_days import SiteRecord

THRESHOLD = 0.7
"""Severity from which an incident is actionable."""
PARTS = ("inverter", "fan", "string_combiner", "module", "communication_unit", "tracker")


@dataclass
class Said:
    """One incident as the bench counts it. `spans`: when it says that something was wrong: its episodes
    where it holds them, else its window; microseconds since 1970 UTC. `firm`: neither suspected nor
    withdrawn, and no explained loss. `order`: the key of the work order that it leads to while it lasts;
    empty where nobody is sent."""

    asset: str
    kind: str
    spans: list[tuple[int, int]]
    begin: int
    end: int
    lost_kwh: float
    suspected: bool
    explained: bool
    actionable: bool
    cause: str
    category: str
    probability: float
    detail: str = ""
    order: str = ""

    @property
    def firm(self) -> bool:
        """Whether it is booked as a fault."""
        return not self.suspected and not self.explained


@dataclass
class Together:
    """What the user gets of a site once its days were judged as a whole. `verdicts`: what stands of each
    machine. `spans`: from when to when each machine has part in an event of the plant, microseconds since
    1970 UTC; `events`: begin, end and cause of each."""

    verdicts: dict[str, Verdict]
    spans: dict[str, list[tuple[int, int]]]
    events: list[tuple[int, int, str]]


@dataclass
class Verdict:
    """What the platform says of one machine. `days`: date → hours judged. `issues`: kinds of data
    problems. `expected`: kW at the readings, NaN where nothing is expected."""

    asset: str
    basis: str
    said: list[Said]
    issues: list[str]
    days: dict[str, float]
    expected: np.ndarray


def registry_of(plant: Plant) -> AssetRegistry:
    """The plant as `assets.json` would have it: place, size, tracking; nobody says how roofs lie."""
    recipe = plant.recipe
    place = Location(latitude=recipe.latitude, longitude=recipe.longitude)
    kind = "Wind Turbine" if recipe.kind == "wind" else "Solar Inverter"
    return AssetRegistry(
        assets=[
            Asset(
                id=m.name,
                type=kind,
                capacity_kw=m.capacity_kw,
                location=place,
                site_id=recipe.name,
                tracking="single_axis" if recipe.kind == "tracked" else "fixed",
                components=[Component(oem="X", model="Y", serial=f"{m.name}-{t}", type=t) for t in PARTS],
            )
            for m in plant.machines
        ]
    )


@cache
def category_of(cause: str) -> str:
    """The category of a cause; "" where the configuration does not know it."""
    rule = causes.cause_rules().get(cause)
    return rule.category if rule else ""


def verdicts(
    plant: Plant,
    frames: dict[str, pd.DataFrame],
    weather: pd.DataFrame | None,
    only: Collection[str] | None = None,
    histories: dict[str, AssetHistory] | None = None,
    key: str = "file",
) -> list[AssetVerdict]:
    """The platform's own verdicts on one file."""
    whole = pd.concat(frames.values(), ignore_index=True)
    file = TelemetryFile(
        by_asset(whole),
        Quality(rows_read=len(whole)),
        registry_of(plant),
        detection_config(),
        THRESHOLD,
        key,
    )
    site = {plant.recipe.name: weather} if weather is not None and len(weather) else {}
    return judge_assets(file, Context(weather=site, histories=histories or {}), only)


def judged(
    plant: Plant,
    frames: dict[str, pd.DataFrame],
    weather: pd.DataFrame | None,
    only: Collection[str] | None = None,
) -> dict[str, Verdict]:
    """What the platform says of each machine of one file."""
    registry = registry_of(plant)
    return {
        v.detection.asset_id: plain(v, registry.require(v.detection.asset_id, "bench"))
        for v in verdicts(plant, frames, weather, only)
    }


def site_days(
    plant: Plant, frames: dict[str, pd.DataFrame], weather: pd.DataFrame | None
) -> tuple[dict[str, Verdict], Together]:
    """What Detect says of a file of all machines, and what stands once the site layer saw its days."""
    registry, found = registry_of(plant), verdicts(plant, frames, weather)
    days = sorted({day for verdict in found for day in verdict.days})
    record = SiteRecord(site_id=plant.recipe.name)
    by_day = site_layer.with_events(record, plant_events.events_of(found), days)
    events = {event.event_id: event for own in by_day.values() for event in own}
    now = datetime(2100, 1, 1, tzinfo=UTC)
    run = site_layer.Run("bench", now, len(found), "", detection_config(), THRESHOLD)
    alone, after = {}, {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for verdict in found:
        name, history = verdict.detection.asset_id, verdict.history
        stops = site_layer.stops_of(by_day, name)
        spans[name] = [
            (micros(s.window.start), micros(s.window.end)) for own in stops.values() for s in own
        ]
        seen = {day: site_layer.seen_of(history, day) for day in days}
        machine = site_layer.MachineDays(verdict.days, stops, seen, filed=False)
        standing = site_layer.entered(history, machine, run, events).incidents
        detection = verdict.detection.model_copy(update={"incidents": standing})
        asset = registry.require(name, "bench")
        alone[name] = plain(verdict, asset)
        after[name] = plain(replace(verdict, detection=detection), asset)
    whole = [
        (min(micros(e.window.start) for e in own), max(micros(e.window.end) for e in own), own[0].cause)
        for name in events
        if (own := [e for of_day in by_day.values() for e in of_day if e.event_id == name])
    ]
    return alone, Together(after, spans, whole)


def plain(verdict: AssetVerdict, asset: Asset) -> Verdict:
    """A verdict as the bench counts it."""
    detection = verdict.detection
    return Verdict(
        asset=asset.id,
        basis=detection.basis,
        said=[_said(i, asset, verdict) for i in detection.incidents if not _withdrawn(i)],
        issues=[issue.kind for issue in detection.quality.issues],
        days={day: item.judged_hours for day, item in verdict.days.items()},
        expected=np.asarray(verdict.expected, dtype=float),
    )


def _withdrawn(incident: Incident) -> bool:
    return str(incident.state) in ("withdrawn", "superseded", "merged")


def _suspected(incident: Incident) -> bool:
    said = (
        incident.state,
        incident.kind,
        getattr(incident, "standing", ""),
        getattr(incident, "certainty", ""),
    )
    return any(str(word) == "suspected" for word in said) or bool(getattr(incident, "suspected", False))


def _said(incident: Incident, asset: Asset, verdict: AssetVerdict) -> Said:
    cause = diagnose(incident, asset)
    episodes = getattr(incident, "episodes", None) or []
    windows = [e.window if hasattr(e, "window") else e for e in episodes] or [incident.window]
    signals = {k: v for k, v in incident.signals.model_dump(exclude_none=True).items() if v}
    return Said(
        asset=asset.id,
        kind=incident.kind,
        spans=[(micros(w.start), micros(w.end)) for w in windows],
        begin=micros(incident.window.start),
        end=micros(incident.window.end),
        lost_kwh=incident.lost_energy_kwh,
        suspected=_suspected(incident),
        explained=incident.kind in NO_FAULT,
        actionable=incident.actionable,
        cause=cause.name,
        category=category_of(cause.name),
        order=_order(incident, cause.name, asset),
        probability=cause.score,
        detail=f"{incident.window.start:%m-%d %H:%M}..{incident.window.end:%m-%d %H:%M} {incident.days} d "
        f"{incident.deviation_percent:.0f} % {signals}",
    )


def _order(incident: Incident, cause: str, asset: Asset) -> str:
    """One order a machine's fault; one an event of the site. The bench looks when all is over, so an
    incident counts that was closed meanwhile."""
    rule = causes.cause_rules().get(cause)
    if incident.suspected or incident.kind in NO_FAULT or incident.severity < THRESHOLD:
        return ""
    if rule is not None and not rule.fault:
        return ""
    return f"{asset.site_id} {incident.event}" if incident.kind == "site_outage" else incident.incident_id


def micros(moment: object) -> int:
    """Microseconds since 1970 UTC."""
    return int(pd.Timestamp(moment).value // 1000)  # type: ignore[arg-type]


def inside(times: pd.Series, said: list[Said]) -> np.ndarray:
    """Which readings lie inside the spans of incidents."""
    return within(times, [span for one in said for span in one.spans])


def within(times: pd.Series, spans: list[tuple[int, int]]) -> np.ndarray:
    """Which readings lie inside spans, microseconds since 1970 UTC."""
    at = pd.DatetimeIndex(times).as_unit("us").asi8
    out = np.zeros(len(at), dtype=bool)
    for first, last in spans:
        out |= (at >= first) & (at <= last)
    return out
