"""Cases: sound plants judged whole, and troubles put into one machine; what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.detection.strangers import plants
from benchmarks.detection.strangers.judging import Said, Verdict, category_of, inside, judged
from benchmarks.detection.strangers.machines import FINE, Plant
from benchmarks.detection.strangers.noise import generator
from benchmarks.detection.strangers.scene import PER_DAY, Scene, Trouble

HISTORY_DAYS = (30, 60, 90)
"""Days of telemetry before a fault begins; cases take turns."""
AFTER_DAYS = 3
LEAST_HOURS = 0.15
"""A fault that costs less full-load hours than this, or 0.5 % of what was due, is none."""
LOOK_DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60)
"""Days after a fault's begin at whose end the bench looks whether it is known."""


@dataclass
class Clean:
    """A sound plant: asset-days that could be judged (`light_days`), were (`judged_days`), were flagged;
    false incidents by kind, energy booked, data problems told by kind."""

    plant: str
    family: str
    light_days: int
    judged_days: int
    flagged: int
    false: int
    suspected: int
    explained: int
    booked_hours: float
    months: float
    issues: dict[str, int]
    causes: dict[str, int]
    detail: list[str]


@dataclass
class Outcome:
    """A trouble in one machine. Energies in full-load hours. `share`: lost over due while it held."""

    plant: str
    family: str
    trouble: str
    truth: str
    also: tuple[str, ...]
    slow: bool
    no_fault: bool
    strength: int
    share: float
    lost: float
    found: float
    found_suspected: float
    booked: float
    before: int
    months_before: float
    delay_days: float | None
    window: int
    really_low: int
    stop_window: int
    really_stopped: int
    cause: str
    category: str
    detail: str
    issues: list[str] = field(default_factory=list)
    probability: float = 0.0

    @property
    def size(self) -> str:
        """Its class of loss."""
        return "10 % and more" if self.share >= 0.10 else "5–10 %" if self.share >= 0.05 else "below 5 %"

    @property
    def right(self) -> bool:
        """Whether the cause is the truth or one that may pass."""
        return self.cause in (self.truth, *self.also)

    @property
    def category_right(self) -> bool:
        """Whether the category is that of the truth or of one that may pass."""
        return self.category in {category_of(name) for name in (self.truth, *self.also)}


def weather_of(plant: Plant, part: slice) -> pd.DataFrame:
    """The weather service over a stretch; empty where the site has none."""
    if not plant.recipe.weather:
        return pd.DataFrame()
    return plant.service.loc[plant.times[part.start] : plant.times[part.stop - 1]].copy()


def sound_frames(plant: Plant, part: slice) -> dict[str, pd.DataFrame]:
    """The telemetry of all machines over a stretch in which nothing is wrong."""
    return {
        m.name: plants.logged(plant, m.name, part, plants.run(plant, m.name, part)) for m in plant.machines
    }


def clean(plant: Plant, first_day: int = 0, days: int = 366) -> Clean:
    """A sound plant judged in one file."""
    part = slice(first_day * PER_DAY, (first_day + days) * PER_DAY)
    frames = sound_frames(plant, part)
    said = judged(plant, frames, weather_of(plant, part))
    out = Clean(plant.recipe.name, plant.recipe.family, 0, 0, 0, 0, 0, 0, 0.0, 0.0, {}, {}, [])
    shift = pd.Timedelta(hours=plant.recipe.longitude / 15.0)
    for machine in plant.machines:
        frame, verdict = frames[machine.name], said[machine.name]
        number = (frame["timestamp"] + shift).dt.floor("D").dt.tz_localize(None)
        energy = frame.groupby(number)["power_kw"].sum() * plant.recipe.step / 60 / machine.capacity_kw
        able = {f"{day:%Y-%m-%d}" for day, hours in energy.items() if hours > 0.25}
        real = {day for day, hours in verdict.days.items() if hours > 0 and day in able}
        out.light_days += len(able)
        out.judged_days += len(real)
        out.months += len(real) / 30.4
        firm = [s for s in verdict.said if s.firm]
        bad = set()
        for one in firm:
            for first, last in one.spans:
                begin, end = (pd.Timestamp(t, unit="us") + shift for t in (first, last))
                bad |= {
                    f"{day:%Y-%m-%d}" for day in pd.date_range(begin.floor("D"), end.floor("D"), freq="D")
                }
            out.detail.append(f"{machine.name} {one.kind} {one.cause} {one.lost_kwh:.1f} kWh {one.detail}")
        out.flagged += len(bad & real)
        out.false += len(firm)
        for one in firm:
            out.causes[one.cause] = out.causes.get(one.cause, 0) + 1
        out.suspected += sum(s.suspected for s in verdict.said)
        out.explained += sum(s.explained for s in verdict.said)
        out.booked_hours += sum(s.lost_kwh for s in firm) / machine.capacity_kw
        for kind in verdict.issues:
            out.issues[kind] = out.issues.get(kind, 0) + 1
    return out


def begins(
    plant: Plant, trouble: Trouble, strength: int, history: int, rng: np.random.Generator
) -> int | None:
    """The fine instant at which the trouble begins: while there is sun or wind enough to lose something."""
    days = trouble.days[strength]
    length = int(days * PER_DAY)
    last = len(plant.times) - length - (AFTER_DAYS + 1) * PER_DAY
    solar_zero = -plant.recipe.longitude / 15.0 * 60 / FINE
    for _ in range(40):
        if trouble.when is not None:
            at = trouble.when(plant, rng, length)
            if at is None:
                return None
        else:
            day = int(rng.integers(history + 1, max(history + 2, last // PER_DAY)))
            hour = (
                trouble.hour
                if trouble.hour is not None
                else float(rng.choice([0.0, 0.0, rng.uniform(8, 17)]))
            )
            at = int(day * PER_DAY + solar_zero + hour * 60 / FINE)
        if (history + 1) * PER_DAY <= at < last:
            return at // plant.every * plant.every
    return None


def scene_of(plant: Plant, trouble: Trouble, strength: int, seed: int) -> Scene | None:
    """A stretch of the plant's year for the trouble; None where it does not fit."""
    rng = np.random.default_rng(seed)
    history = HISTORY_DAYS[seed % 3]
    name = plant.machines[int(rng.integers(0, len(plant.machines)))].name
    at = begins(plant, trouble, strength, history, rng)
    if at is None:
        return None
    end = at + int(trouble.days[strength] * PER_DAY)
    day = PER_DAY
    part = slice(
        (at // day - history) * day, min((end // day + 1 + AFTER_DAYS) * day, len(plant.times) // day * day)
    )
    return Scene(plant, name, part, at, end, rng, weather_of(plant, part))


def fault(
    plant: Plant, trouble: Trouble, strength: int, seed: int, *, delays: bool = True
) -> Outcome | None:
    """One trouble in one machine, judged; None where it does not fit or costs nothing."""
    for attempt in range(3):
        made = scene_of(plant, trouble, strength, seed + 1009 * attempt)
        if made is None:
            return None
        outcome = _judged_fault(plant, trouble, strength, made, delays)
        if outcome is not None:
            return outcome
    return None


def _judged_fault(
    plant: Plant, trouble: Trouble, strength: int, scene: Scene, delays: bool
) -> Outcome | None:
    machine = plant.machine(scene.machine)
    well = plants.run(plant, machine.name, scene.part)
    sick = plants.run(plant, machine.name, scene.part, trouble.act(scene, trouble.strengths[strength]))
    if trouble.tell is not None:
        sick = trouble.tell(scene, sick, trouble.strengths[strength])
    hours = plant.recipe.step / 60.0
    due, came = plants.coarse(well.ac, plant.every), plants.coarse(sick.ac, plant.every)
    there = ~plant.lost[machine.name][scene.part.start // plant.every : scene.part.stop // plant.every]
    lost = np.maximum(due - came, 0.0)[there] * hours / machine.capacity_kw
    held = scene.inside[plant.every - 1 :: plant.every][there]
    owed = float((due[there] * held).sum()) * hours / machine.capacity_kw
    if lost.sum() < max(LEAST_HOURS, 0.005 * owed):
        return None
    frames = sound_frames(plant, scene.part)
    frames[machine.name] = plants.logged(plant, machine.name, scene.part, sick)
    frames = {
        name: frame.drop(columns=list(trouble.without), errors="ignore") for name, frame in frames.items()
    }
    verdict = judged(plant, frames, scene.weather, {machine.name})[machine.name]
    times = frames[machine.name]["timestamp"]
    begin, end = (int(plant.times[at].value // 1000) for at in (scene.begin, scene.end - 1))
    during = [s for s in verdict.said if s.begin <= end and s.end >= begin]
    firm = [s for s in during if s.firm or (trouble.no_fault and s.explained)]
    covered = inside(times, firm)
    weak = inside(times, [s for s in during if s.suspected])
    lit = due[there] > 0.03 * machine.capacity_kw
    low = lost * machine.capacity_kw / hours > 0.02 * due[there]
    seen = inside(times, [s for s in firm if not s.explained]) & lit
    stops = inside(times, [s for s in during if s.firm and s.kind == "outage"]) & lit
    halved = came[there] < 0.5 * due[there]
    main = max(firm, key=lambda s: s.lost_kwh, default=None)
    early = [s for s in verdict.said if s.firm and s.begin < begin - 2 * 86_400_000_000]
    return Outcome(
        plant.recipe.name, plant.recipe.family, trouble.name, trouble.truth, trouble.also, trouble.slow,
        trouble.no_fault, strength,
        share=float(lost.sum()) / max(owed, 1e-9),
        lost=float(lost.sum()),
        found=float(lost[covered].sum()),
        found_suspected=float(lost[covered | weak].sum()),
        booked=sum(s.lost_kwh for s in firm) / machine.capacity_kw,
        before=len(early),
        months_before=(scene.begin - scene.part.start) / PER_DAY / 30.4,
        delay_days=_delay(plant, scene, frames, trouble) if delays and main is not None else None,
        window=int(seen.sum()),
        really_low=int((seen & low).sum()),
        stop_window=int(stops.sum()),
        really_stopped=int((stops & halved).sum()),
        cause=main.cause if main else "nothing",
        category=main.category if main else "nothing",
        detail=f"{main.kind} {main.detail}" if main else str([s.kind for s in during]),
        issues=verdict.issues,
        probability=main.probability if main else 0.0,
    )  # fmt: skip


def _delay(plant: Plant, scene: Scene, frames: dict[str, pd.DataFrame], trouble: Trouble) -> float | None:
    """Days from the begin to the end of the day whose file first leads to an incident (looked at on some
    days only)."""
    begin = plant.times[scene.begin]
    for days in LOOK_DAYS:
        until = (begin + pd.Timedelta(days=days - 1)).floor("D") + pd.Timedelta(days=1)
        if until > plant.times[scene.part.stop - 1]:
            break
        cut = {name: frame[frame["timestamp"] <= until] for name, frame in frames.items()}
        verdict = judged(plant, cut, scene.weather.loc[:until], {scene.machine})[scene.machine]
        at = int(begin.value // 1000)
        if any((s.firm or (trouble.no_fault and s.explained)) and s.end >= at for s in verdict.said):
            return float((until - begin) / pd.Timedelta(days=1))
    return None


def said_of(verdicts: dict[str, Verdict]) -> list[Said]:
    """All incidents of all machines."""
    return [one for verdict in verdicts.values() for one in verdict.said]


def seed_of(*parts: object) -> int:
    """A seed from names and numbers."""
    return int(generator(7, "/".join(map(str, parts))).integers(0, 2**31))
