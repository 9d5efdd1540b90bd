"""The one door to the platform: telemetry in, its verdict in plain terms out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.machines import Plant
from ona.config import causes
from ona.documents.assets import Asset, AssetRegistry, Component, Location
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import detection_config
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.diagnose.cause import diagnose
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import NO_FAULT, Incident

THRESHOLD = 0.7
"""Severity from which an incident is actionable."""
PARTS = ("inverter", "fan", "string_combiner", "module", "communication_unit", "tracker")


@dataclass
class Said:
    """One incident as the bench counts it. `spans`: when it says that something was wrong: its episodes
    where it holds them, else its window; microseconds since 1970 UTC. `firm`: neither suspected nor
    withdrawn, and no explained loss."""

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

    @property
    def firm(self) -> bool:
        """Whether it is booked as a fault."""
        return not self.suspected and not self.explained


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
        probability=cause.score,
        detail=f"{incident.window.start:%m-%d %H:%M}..{incident.window.end:%m-%d %H:%M} {incident.days} d "
        f"{incident.deviation_percent:.0f} % {signals}",
    )


def micros(moment: object) -> int:
    """Microseconds since 1970 UTC."""
    return int(pd.Timestamp(moment).value // 1000)  # type: ignore[arg-type]


def inside(times: pd.Series, said: list[Said]) -> np.ndarray:
    """Which readings lie inside the spans of incidents."""
    at = pd.DatetimeIndex(times).as_unit("us").asi8
    out = np.zeros(len(at), dtype=bool)
    for one in said:
        for first, last in one.spans:
            out |= (at >= first) & (at <= last)
    return out
