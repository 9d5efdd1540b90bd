"""Cases beside the machines' own faults: spoilt data, an operator's switching, daily files against one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.detection.strangers import plants
from benchmarks.detection.strangers.cases import sound_frames, weather_of
from benchmarks.detection.strangers.data_faults import Spoilt
from benchmarks.detection.strangers.judging import (
    Said,
    Verdict,
    category_of,
    inside,
    judged,
    plain,
    registry_of,
    site_days,
    verdicts,
    within,
)
from benchmarks.detection.strangers.machines import Plant
from benchmarks.detection.strangers.operator import Operation
from benchmarks.detection.strangers.scene import PER_DAY, Scene, Trouble

HISTORY = 45
"""Days before."""
BOOKED_HOURS = 0.3
"""Full-load hours more than without the trouble: from here on it was booked."""
COMMON = (
    "curtailment",
    "grid_outage",
    "operation",
    "switched_off",
    "operator_stop",
    "external_limit",
    "grid",
)


@dataclass
class DataOutcome:
    """`told`: by a right kind that the sound data do not have. `hours`: booked beyond the sound data."""

    plant: str
    family: str
    name: str
    strength: float
    told: bool
    told_otherwise: bool
    booked: bool
    hours: float
    issues: list[str]


@dataclass
class Shared:
    """How the losses of one case were told. `named`: share of the lost energy inside incidents or events
    that are named after grid, operation or curtailment. `booked`: full-load hours booked as faults of
    machines; `incidents`: all that people see, events of the plant among them; `orders`: work orders."""

    named: float
    booked: float
    incidents: int
    orders: int


@dataclass
class OperatorOutcome:
    """An operation on a fleet, or (`faults` above 0) faults of so many machines that are none. `lost`:
    full-load hours of all machines. `detect`: what Detect says of the file alone; `site`: what stands once
    the site layer saw its days. `causes`: what is said of machines then."""

    plant: str
    family: str
    name: str
    events: int
    machines: int
    faults: int
    lost: float
    detect: Shared
    site: Shared
    causes: list[str]


@dataclass
class DailyOutcome:
    """One stretch in one file and in daily files: incidents and full-load hours booked of each, found."""

    plant: str
    what: str
    long_incidents: int
    daily_incidents: int
    long_hours: float
    daily_hours: float
    long_found: float
    daily_found: float
    lost: float


def _scene(plant: Plant, days: float, seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    name = plant.machines[int(rng.integers(0, len(plant.machines)))].name
    zero = int(-plant.recipe.longitude / 15.0 * 12) // plant.every * plant.every
    up = np.cos(np.radians(np.minimum(plant.zenith, 90.0)))
    energy = up.reshape(-1, PER_DAY).sum(axis=1)
    newest = max(plant.recipe.joined, default=0)
    for _ in range(50):
        day = int(rng.integers(HISTORY + 1 + newest, 366 - int(days) - 3))
        if plant.recipe.kind == "wind" or energy[day] > 0.35 * energy.max():
            break
    begin = day * PER_DAY + zero
    end = begin + int(days * PER_DAY)
    part = slice((begin // PER_DAY - HISTORY) * PER_DAY, (end // PER_DAY + 3) * PER_DAY)
    part = slice(part.start, min(part.stop, len(plant.times) // PER_DAY * PER_DAY))
    return Scene(plant, name, part, begin, end, rng, weather_of(plant, part))


def _during(verdict: Verdict, scene: Scene) -> list[Said]:
    begin, end = (int(scene.plant.times[at].value // 1000) for at in (scene.begin, scene.end - 1))
    return [s for s in verdict.said if s.firm and s.begin <= end and s.end >= begin]


def data(plant: Plant, spoilt: Spoilt, strength: int, seed: int) -> DataOutcome | None:
    """Data spoilt in one machine (or the station), judged beside the sound data."""
    scene = _scene(plant, spoilt.days, seed)
    frames = sound_frames(plant, scene.part)
    capacity = plant.machine(scene.machine).capacity_kw
    sound = judged(plant, frames, scene.weather, {scene.machine})[scene.machine]
    spoilt.spoil(frames, scene, spoilt.strengths[strength])
    wrong = judged(plant, frames, scene.weather, {scene.machine})[scene.machine]
    new = set(wrong.issues) - set(sound.issues)
    hours = sum(s.lost_kwh for s in _during(wrong, scene)) - sum(s.lost_kwh for s in _during(sound, scene))
    hours /= capacity
    return DataOutcome(
        plant.recipe.name, plant.recipe.family, spoilt.name, spoilt.strengths[strength],
        told=bool(new & set(spoilt.told)), told_otherwise=bool(new - set(spoilt.told)),
        booked=hours > BOOKED_HOURS, hours=max(hours, 0.0), issues=sorted(new),
    )  # fmt: skip


def operated(plant: Plant, operation: Operation, seed: int) -> OperatorOutcome:
    """A fleet switched by its operator, or beset by faults that are none of his, all machines judged."""
    scene = _scene(plant, operation.days, seed)
    orders, events = operation.order(scene, plant, scene.rng)
    frames = sound_frames(plant, scene.part)
    lost: dict[str, np.ndarray] = {}
    for name, ill in orders.items():
        sick = plants.run(plant, name, scene.part, ill)
        frames[name] = plants.logged(plant, name, scene.part, sick)
        gone = plants.coarse(np.maximum(scene.healthy(name) - sick.ac, 0), plant.every)
        there = ~plant.lost[name][scene.part.start // plant.every : scene.part.stop // plant.every]
        lost[name] = gone[there] * plant.recipe.step / 60 / plant.machine(name).capacity_kw
    alone, together = site_days(plant, frames, scene.weather)
    begin, end = (int(plant.times[at].value // 1000) for at in (scene.begin, scene.end - 1))

    def shared(of: dict[str, Verdict], spans: dict[str, list[tuple[int, int]]], more: int) -> Shared:
        named = booked = 0.0
        seen: list[Said] = []
        for name, verdict in of.items():
            during = [s for s in verdict.said if s.begin <= end and s.end >= begin and not s.suspected]
            common = [s for s in during if s.explained or _common(s)]
            seen += during
            booked += sum(s.lost_kwh for s in during if not (s.explained or _common(s))) / (
                plant.machine(name).capacity_kw
            )
            if name in lost:
                times = frames[name]["timestamp"]
                there = inside(times, common) | within(times, spans.get(name, []))
                named += float(lost[name][there].sum())
        return Shared(named, booked, len(seen) + more, len({s.order for s in seen if s.order}))

    whole = [e for e in together.events if e[0] <= end and e[1] >= begin]
    return OperatorOutcome(
        plant.recipe.name, plant.recipe.family, operation.name, events, len(orders),
        len(orders) if operation.fault else 0,
        lost=float(sum(own.sum() for own in lost.values())),
        detect=shared(alone, {}, 0),
        site=shared(together.verdicts, together.spans, len(whole)),
        causes=[
            s.cause
            for verdict in together.verdicts.values()
            for s in verdict.said
            if s.firm and not _common(s) and s.begin <= end and s.end >= begin
        ] + [f"event: {cause}" for _, _, cause in whole],
    )  # fmt: skip


def _common(said: Said) -> bool:
    return (
        said.cause in COMMON
        or category_of(said.cause) in ("Grid", "Operation")
        or said.kind == "site_outage"
    )


def daily(plant: Plant, trouble: Trouble | None, seed: int) -> DailyOutcome | None:
    """The same stretch as one file and as one file a UTC day with the histories handed on."""
    length = trouble.days[-1] if trouble else 10.0
    scene = _scene(plant, length, seed)
    frames = sound_frames(plant, scene.part)
    lost = np.zeros(0)
    if trouble is not None:
        sick = plants.run(plant, scene.machine, scene.part, trouble.act(scene, trouble.strengths[-1]))
        frames[scene.machine] = plants.logged(plant, scene.machine, scene.part, sick)
        gone = plants.coarse(np.maximum(scene.healthy() - sick.ac, 0), plant.every)
        there = ~plant.lost[scene.machine][scene.part.start // plant.every : scene.part.stop // plant.every]
        lost = gone[there] * plant.recipe.step / 60 / plant.machine(scene.machine).capacity_kw
    registry = registry_of(plant)
    capacity = {m.name: m.capacity_kw for m in plant.machines}
    whole = judged(plant, frames, scene.weather)
    histories: dict = {}
    last = {}
    start = plant.times[scene.part.start].floor("D")
    for n in range((scene.part.stop - scene.part.start) // PER_DAY + 1):
        day, after = start + pd.Timedelta(days=n), start + pd.Timedelta(days=n + 1)
        cut = {m: f[(f["timestamp"] > day) & (f["timestamp"] <= after)] for m, f in frames.items()}
        cut = {m: f for m, f in cut.items() if len(f)}
        if not cut:
            continue
        seen = scene.weather.loc[:after]
        for verdict in verdicts(plant, cut, seen, histories=histories, key=f"{day:%Y/%m/%d}/x.csv"):
            name = verdict.detection.asset_id
            histories[name] = verdict.history
            last[name] = verdict
    final = {}
    for name, verdict in last.items():
        detection = verdict.detection.model_copy(update={"incidents": verdict.history.incidents})
        final[name] = plain(replace(verdict, detection=detection), registry.require(name, "bench"))

    def sums(of: dict[str, Verdict]) -> tuple[int, float, float]:
        firm = [s for v in of.values() for s in v.said if s.firm]
        mine = [s for s in of[scene.machine].said if s.firm]
        found = float(lost[inside(frames[scene.machine]["timestamp"], mine)].sum()) if len(lost) else 0.0
        return len(firm), sum(s.lost_kwh / capacity[s.asset] for s in firm), found

    a, b = sums(whole), sums(final)
    return DailyOutcome(
        plant.recipe.name, trouble.name if trouble else "nothing", a[0], b[0], a[1], b[1], a[2], b[2],
        float(lost.sum()),
    )  # fmt: skip
