"""Faults injected into sound plants: what is found, how soon, by what name, and how many false alarms.

    python -m benchmarks.detection.fault_bench [--tuning] [--quick]

By default the plants that nothing was tuned on: Miami, Sand Point (Alaska), Miami with trackers, the wind
farm at Sand Point, and the twenty healthy inverters of `solar_plant_india`. `--tuning` runs those that
thresholds were chosen on. Seeded; two processes.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection import baselines, plants
from benchmarks.detection.faults import FAULTS, Fault, Scene
from benchmarks.detection.plants import Plant
from ona.config import causes
from ona.documents.assets import Asset
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import detection_config
from ooda.detect.asset_history import empty, with_days
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.incidents import incidents_of
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.diagnose.cause import diagnose
from ooda.documents.detections import NO_FAULT, Incident
from ops.target import use_configs

HISTORY_DAYS, AFTER_DAYS = 30, 4
"""Days of telemetry before a fault begins and after it ends."""
SHORT_HISTORY = 12
"""Days before, of a plant with less than 80 days."""
CASES = 3
"""Injections of each fault and strength in each plant."""
NOTHING = "nothing"
"""The name of a fault that is not found."""
THRESHOLD = 0.7
"""Severity from which an incident is actionable."""
MIN_LOSS = 0.02
"""A fault that takes less than this share of what the asset gives meanwhile, or a fifth of a full-load
hour, is none."""
MIN_HOURS_A_DAY = 1.5
"""Full-load hours a day that the asset must have given while the fault holds: a fault at night costs
nothing."""


@dataclass
class Outcome:
    """One injected fault."""

    plant: str
    fault: str
    truth: str
    nature: str
    strength: int
    predicted: str
    category: str
    true_category: str
    lost_kwh: float
    found_kwh: float
    hours_to_detect: float | None
    false_before: int
    baseline_kwh: dict[str, float] = field(default_factory=dict)
    detail: str = ""


def canonical(frame: pd.DataFrame) -> pd.DataFrame:
    measured = [
        c
        for c in (
            "timestamp",
            "asset_id",
            "temperature_c",
            "voltage_v",
            "power_kw",
            "irradiance_w_m2",
            "wind_speed_m_s",
            "dc_power_kw",
        )
        if c in frame
    ]
    kept = frame[measured]
    return kept[kept["power_kw"].notna()].reset_index(drop=True)


def judged(plant: Plant, own: pd.DataFrame, context: Context) -> AssetVerdict:
    """The verdict on one asset's readings."""
    quality = Quality(rows_read=len(own))
    file = TelemetryFile(by_asset(own), quality, plant.registry, detection_config(), THRESHOLD)
    return judge_assets(file, context)[0]


def inject(
    plant: Plant, asset: Asset, fault: Fault, strength: int, seed: int
) -> tuple[Scene, pd.Timestamp, pd.Timestamp, np.ndarray] | None:
    """A stretch of the plant's history with the fault in one asset; None where it does not fit."""
    rng = np.random.default_rng(seed)
    frame = plant.frames[asset.id]
    days = fault.days[strength]
    first, last = frame["timestamp"].iloc[0], frame["timestamp"].iloc[-1]
    history = HISTORY_DAYS if (last - first).days > 80 else SHORT_HISTORY
    room = (last - first).days - history - days - 1
    if room < 1:
        return None
    place = asset.location
    assert place is not None
    per_day = (
        frame.set_index("timestamp")["pot_kw"].clip(upper=asset.capacity_kw).resample("1D").sum() / 4.0
    )
    enough = per_day / asset.capacity_kw
    for _ in range(60):
        start = first + pd.Timedelta(days=history + int(rng.integers(0, max(1, int(room)))))
        local = start.normalize() - pd.Timedelta(minutes=4 * place.longitude)
        hour = fault.start_hour if fault.start_hour is not None else 0.0
        begin = local + pd.Timedelta(hours=hour)
        end = begin + pd.Timedelta(days=days)
        span = enough[begin.normalize() : end.normalize() + pd.Timedelta(days=1)]
        hot = fault.truth not in ("overtemperature_derating", "fan_failure") or (
            frame.loc[frame["timestamp"].between(begin, end), "temperature_c"].quantile(0.97) > 36
        )
        cold = (
            fault.truth != "snow"
            or frame.loc[frame["timestamp"].between(begin, end), "temperature_c"].median() < 12
        )
        if len(span) and span.mean() >= MIN_HOURS_A_DAY and hot and cold:
            break
    else:
        return None
    lo, hi = begin - pd.Timedelta(days=history), end + pd.Timedelta(days=AFTER_DAYS)
    cut = {
        name: f[(f["timestamp"] >= lo) & (f["timestamp"] <= hi)].reset_index(drop=True)
        for name, f in plant.frames.items()
    }
    own = cut.pop(asset.id).copy()
    weather = plant.weather.loc[lo:hi].copy() if plant.weather is not None else None
    inside = own["timestamp"].between(begin, end - pd.Timedelta(minutes=1)).to_numpy().copy()
    if not inside.any():
        return None
    healthy = own["power_kw"].to_numpy(dtype=float).copy()
    others = {name: f.copy() for name, f in cut.items()}
    scene = Scene(own, inside, others, weather, asset.capacity_kw, rng, place.latitude, place.longitude)
    return scene, begin, end, healthy


def run_case(
    plant: Plant, asset: Asset, fault: Fault, strength: int, seed: int, *, peers: bool = True
) -> Outcome | None:
    made = inject(plant, asset, fault, strength, seed)
    if made is None:
        return None
    scene, begin, end, healthy = made
    times = scene.frame["timestamp"].copy()
    fault.apply(scene, fault.strengths[strength])
    lost = np.zeros(len(healthy))
    if fault.nature != "data":
        lost = np.nan_to_num(np.maximum(healthy - scene.frame["power_kw"].to_numpy(dtype=float), 0.0)) / 4.0
        due = float(np.nansum(healthy[scene.inside])) / 4.0
        if lost.sum() < max(0.2 * asset.capacity_kw, MIN_LOSS * due):
            return None
    own = canonical(scene.frame)
    beside = pd.concat([canonical(f) for f in scene.others.values()]) if scene.others else pd.DataFrame()
    weather = {asset.site_id: scene.weather} if scene.weather is not None else {}
    verdict = judged(plant, own, Context(neighbours=beside, weather=weather))
    detection = verdict.detection
    inside = [i for i in detection.incidents if i.window.start <= end and i.window.end >= begin]
    faults = [i for i in inside if i.kind not in NO_FAULT]
    covered = np.zeros(len(times), dtype=bool)
    for incident in inside if fault.nature == "no_fault" else faults:
        covered |= times.between(incident.window.start, incident.window.end).to_numpy()
    predicted = _predicted(fault, inside, detection.quality.issues, plant, asset)
    rule = causes.cause_rules().get(predicted)
    truth_rule = causes.cause_rules().get(fault.truth)
    before = [i for i in detection.incidents if i.window.end < begin and i.kind not in NO_FAULT]
    worst = max(inside, key=lambda i: i.lost_energy_kwh, default=None)
    detail = ""
    if worst is not None and predicted != fault.truth:
        detail = f"{worst.kind} {worst.signals.model_dump(exclude_none=True)}"
    return Outcome(
        plant.name,
        fault.name,
        fault.truth,
        fault.nature,
        strength,
        predicted,
        rule.category if rule else predicted,
        truth_rule.category if truth_rule else fault.truth,
        float(lost.sum()),
        float(lost[covered].sum()) if len(lost) == len(covered) else 0.0,
        _delay(asset, verdict.days, begin) if fault.nature == "asset" else None,
        len(before),
        baselines.found_kwh(own, beside, asset, lost, times) if peers and fault.nature == "asset" else {},
        detail,
    )


def _predicted(fault: Fault, inside: list[Incident], issues: list, plant: Plant, asset: Asset) -> str:
    faults = sorted(inside, key=lambda i: -i.lost_energy_kwh)
    if fault.nature == "data":
        told = {issue.kind for issue in issues}
        booked = [
            i for i in faults if i.kind not in NO_FAULT and i.lost_energy_kwh > 0.5 * asset.capacity_kw
        ]
        if booked:
            return diagnose(booked[0], asset).name
        return fault.truth if fault.truth in told else NOTHING
    return diagnose(faults[0], asset).name if faults else NOTHING


def _delay(asset: Asset, days: dict, begin: pd.Timestamp) -> float | None:
    """Hours from the fault's begin to the end of the day's file that first shows an incident."""
    rules = detection_config()
    for day in sorted(days):
        when = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)
        if when <= begin:
            continue
        part = with_days(empty(asset), "f", {d: item for d, item in days.items() if d <= day})
        for incident in incidents_of(part, rules, THRESHOLD):
            if incident.window.end >= begin and incident.kind not in NO_FAULT:
                return max((when - begin).total_seconds() / 3600.0, 0.0)
    return None


@dataclass
class Healthy:
    """Sound assets judged: asset-days, those without any incident, incidents."""

    plant: str
    days: int
    flagged: int
    incidents: int
    baseline_flagged: dict[str, int]
    detail: list[str]


def run_healthy(plant: Plant, asset: Asset) -> Healthy:
    own = canonical(plant.frames[asset.id])
    others = [canonical(f) for name, f in plant.frames.items() if name != asset.id]
    beside = pd.concat(others) if others else pd.DataFrame()
    weather = {asset.site_id: plant.weather} if plant.weather is not None else {}
    verdict = judged(plant, own, Context(neighbours=beside, weather=weather))
    days = verdict.days
    frame = plant.frames[asset.id]
    faults = [i for i in verdict.detection.incidents if i.kind not in NO_FAULT]
    if "troubled" in frame and bool(frame["troubled"].any()):  # its troubles are real, not injected
        return Healthy(plant.name, 0, 0, 0, {}, [])
    numbers = [pd.Timestamp(day, tz="UTC") for day, item in days.items() if item.judged_hours > 0]
    offset = pd.Timedelta(minutes=4 * (asset.location.longitude if asset.location else 0.0))
    bad = sum(
        any(
            (i.window.start + offset).floor("D") <= day <= (i.window.end + offset).floor("D")
            for i in faults
        )
        for day in numbers
    )
    detail = [
        f"{plant.name} {i.asset_id} {i.kind} {i.window.start:%m-%d %H:%M}..{i.window.end:%m-%d %H:%M} "
        f"{i.days} d {i.deviation_percent:.0f}%"
        for i in faults
    ]
    return Healthy(
        plant.name, len(numbers), bad, len(faults), baselines.flagged_days(own, beside, asset), detail
    )


_PLANTS: dict[str, Plant] = {}


def _load(tuning: bool) -> None:
    use_configs()
    for plant in plants.all_plants():
        if plant.for_tuning == tuning:
            _PLANTS[plant.name] = plant


def _job(job: tuple) -> Outcome | Healthy | None:
    kind, plant_name, asset_id, fault_index, strength, seed = job
    plant = _PLANTS[plant_name]
    asset = plant.registry.require(asset_id, "bench")
    if kind == "healthy":
        return run_healthy(plant, asset)
    return run_case(plant, asset, FAULTS[fault_index], strength, seed)


def jobs(quick: bool) -> list[tuple]:
    out: list[tuple] = []
    for plant in _PLANTS.values():
        names = [asset.id for asset in plant.registry.assets]
        sound = [
            n for n in names if "troubled" not in plant.frames[n] or not plant.frames[n]["troubled"].any()
        ]
        for name in sound[: 2 if quick else 20]:
            out.append(("healthy", plant.name, name, 0, 0, 0))
        for index, fault in enumerate(FAULTS):
            for_wind_too = fault.name in ("trip", "communication gap")
            if fault.kind != plant.kind and not (plant.kind == "wind" and for_wind_too):
                continue
            if fault.tracking and not plant.tracking:
                continue
            if not fault.needs <= plant.channels:
                continue
            if plant.tracking and not fault.tracking and index % 3:
                continue  # trackers are judged on their own faults and a third of the others
            for strength in range(3):
                for n in range(1 if quick else CASES):
                    seed = 7919 * index + 101 * strength + 13 * n + sum(map(ord, plant.name))
                    out.append(("fault", plant.name, sound[seed % len(sound)], index, strength, seed))
    return out


def f1(pairs: list[tuple[str, str]]) -> tuple[float, dict[str, tuple[float, float, float, int]]]:
    """Macro F1 over the true classes; precision, recall, F1 and count of each."""
    rows = {}
    for name in sorted({truth for truth, _ in pairs}):
        hit = sum(t == name and p == name for t, p in pairs)
        said = sum(p == name for _, p in pairs)
        real = sum(t == name for t, _ in pairs)
        precision, recall = hit / said if said else 0.0, hit / real
        score = 2 * precision * recall / (precision + recall) if hit else 0.0
        rows[name] = (precision, recall, score, real)
    return float(np.mean([row[2] for row in rows.values()])), rows


def report(outcomes: list[Outcome], healthy: list[Healthy], verbose: bool) -> None:
    of_assets = [o for o in outcomes if o.nature == "asset"]
    lost, detected = (
        sum(o.lost_kwh / _cap(o) for o in of_assets),
        sum(o.found_kwh / _cap(o) for o in of_assets),
    )
    days, flagged = sum(h.days for h in healthy), sum(h.flagged for h in healthy)
    months = days / 30.4
    print(f"{'':<34}{'lost energy found':>18}{'specificity':>13}{'false/asset-month':>19}")
    print(
        f"{'the platform':<34}{detected / lost:>18.1%}{1 - flagged / days:>13.2%}"
        f"{sum(h.incidents for h in healthy) / months:>19.2f}"
    )
    for name in baselines.NAMES:
        part = sum(o.baseline_kwh.get(name, 0.0) / _cap(o) for o in of_assets)
        bad = sum(h.baseline_flagged.get(name, 0) for h in healthy)
        print(f"{name:<34}{part / lost:>18.1%}{1 - bad / days:>13.2%}{'':>19}")
    print(
        f"({len(of_assets)} asset faults in {len({o.plant for o in of_assets})} plants; {days:,} sound "
        "asset-days; energy in full-load hours, so that each asset counts alike)"
    )
    for plant in sorted({o.plant for o in of_assets}):
        mine = [o for o in of_assets if o.plant == plant]
        sound = [h for h in healthy if h.plant == plant]
        d, b = sum(h.days for h in sound), sum(h.flagged for h in sound)
        print(
            f"  {plant:<32}{sum(o.found_kwh for o in mine) / sum(o.lost_kwh for o in mine):>18.1%}"
            f"{1 - b / max(d, 1):>13.2%}{sum(h.incidents for h in sound) / max(d / 30.4, 1e-9):>19.2f}"
        )
    cause, rows = f1([(o.truth, o.predicted) for o in outcomes])
    category, by_category = f1([(o.true_category, o.category) for o in outcomes])
    print(f"\ncause macro-F1 {cause:.3f}   category macro-F1 {category:.3f}   over {len(outcomes)} cases")
    wrong: dict[str, Counter[str]] = defaultdict(Counter)
    delays: dict[str, list[float]] = defaultdict(list)
    energy: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for o in outcomes:
        if o.predicted != o.truth:
            wrong[o.truth][o.predicted] += 1
        if o.hours_to_detect is not None:
            delays[o.truth].append(o.hours_to_detect)
        energy[o.truth][0] += o.lost_kwh / _cap(o)
        energy[o.truth][1] += o.found_kwh / _cap(o)
    print(f"{'cause':<28}{'n':>4}{'prec.':>7}{'recall':>8}{'F1':>6}{'energy':>8}{'hours':>7}  taken for")
    for name, (precision, recall, score, count) in rows.items():
        e = energy[name]
        share = f"{e[1] / e[0]:.0%}" if e[0] > 0 else ""
        delay = f"{np.median(delays[name]):.0f}" if delays[name] else ""
        print(
            f"{name:<28}{count:>4}{precision:>7.2f}{recall:>8.2f}{score:>6.2f}{share:>8}{delay:>7}  "
            f"{', '.join(f'{n}×{k}' for k, n in wrong[name].most_common(4))}"
        )
    print()
    for name, (precision, recall, score, count) in by_category.items():
        print(f"{name:<40}{count:>4}{precision:>7.2f}{recall:>8.2f}{score:>6.2f}")
    if verbose:
        for o in outcomes:
            if o.predicted != o.truth:
                print(
                    o.plant,
                    o.fault,
                    o.strength,
                    "->",
                    o.predicted,
                    f"{o.found_kwh:.0f}/{o.lost_kwh:.0f}",
                    o.detail,
                )
        for h in healthy:
            for line in h.detail:
                print("FALSE", line)


def plot(outcomes: list[Outcome], name: str) -> Path:
    """Who was taken for what, as a picture: `reports/detection/<name>.svg`; rows are the truth."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    truths = sorted({o.truth for o in outcomes})
    said = [*truths, *sorted({o.predicted for o in outcomes} - set(truths))]
    table = np.zeros((len(truths), len(said)))
    for o in outcomes:
        table[truths.index(o.truth), said.index(o.predicted)] += 1
    share = table / table.sum(axis=1, keepdims=True)
    figure, axis = pyplot.subplots(figsize=(0.28 * len(said) + 3, 0.26 * len(truths) + 2.4))
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(said)), [n.replace("_", " ") for n in said], rotation=90, fontsize=7)
    axis.set_yticks(range(len(truths)), [n.replace("_", " ") for n in truths], fontsize=7)
    axis.set_xlabel("taken for")
    axis.set_ylabel("injected")
    for row, column in zip(*np.nonzero(table), strict=True):
        axis.text(
            column,
            row,
            f"{table[row, column]:.0f}",
            ha="center",
            va="center",
            fontsize=6,
            color="white" if share[row, column] > 0.5 else "black",
        )
    figure.tight_layout()
    path = Path(__file__).resolve().parents[2] / "reports" / "detection" / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
    return path


def _cap(o: Outcome) -> float:
    return _PLANTS[o.plant].registry.assets[0].capacity_kw


def main() -> None:
    tuning, quick = "--tuning" in sys.argv, "--quick" in sys.argv
    started = time.perf_counter()
    _load(tuning)
    todo = jobs(quick)
    with ProcessPoolExecutor(2, initializer=_load, initargs=(tuning,)) as pool:
        results = list(pool.map(_job, todo, chunksize=4))
    outcomes = [r for r in results if isinstance(r, Outcome)]
    healthy = [r for r in results if isinstance(r, Healthy)]
    report(outcomes, healthy, "--verbose" in sys.argv)
    path = plot(outcomes, "confusion-tuning" if tuning else "confusion")
    print(
        f"{len(todo)} cases in {time.perf_counter() - started:.0f} s; picture: {path.name} in {path.parent}"
    )


if __name__ == "__main__":
    main()
