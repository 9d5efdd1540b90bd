"""Incidents of known cause: faults put into the sound plants of `benchmarks/detection`, and detected."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import pandas as pd

from benchmarks.detection import plants
from benchmarks.detection.fault_bench import canonical, inject, judged
from benchmarks.detection.faults import FAULTS
from benchmarks.detection.plants import Plant
from benchmarks.diagnosis.scenes import FORMS, Form
from ona.documents.assets import Asset
from ooda.detect.context import Context
from ooda.documents.detections import Incident
from ops.target import use_configs

CASES = 3
"""Injections of each form and strength in each plant."""


@dataclass(frozen=True)
class Known:
    """An incident whose cause is known. `also`: other answers that are as good. `incident`: None where
    nothing was found. `own`: the form is one of `scenes.py`."""

    plant: str
    form: str
    truth: str
    also: tuple[str, ...]
    own: bool
    asset: Asset
    incident: Incident | None


def known(plant: Plant, asset: Asset, form: Form, strength: int, seed: int) -> Known | None:
    """One form injected once: its costliest incident; None where it does not fit the plant."""
    made = inject(plant, asset, form.fault, strength, seed)
    if made is None:
        return None
    scene, begin, end, healthy = made
    form.fault.apply(scene, form.fault.strengths[strength])
    lost = (healthy - scene.frame["power_kw"].to_numpy(dtype=float)).clip(min=0.0)
    if pd.Series(lost).sum() / 4.0 < 0.2 * asset.capacity_kw:
        return None
    own = canonical(scene.frame)
    beside = pd.concat([canonical(f) for f in scene.others.values()]) if scene.others else pd.DataFrame()
    weather = {asset.site_id: scene.weather} if scene.weather is not None else {}
    incidents = judged(plant, own, Context(neighbours=beside, weather=weather)).detection.incidents
    inside = [i for i in incidents if i.window.start <= end and i.window.end >= begin]
    worst = max(inside, key=lambda i: i.lost_energy_kwh, default=None)
    fault = form.fault
    return Known(plant.name, fault.name, fault.truth, form.also, form in FORMS, asset, worst)


_PLANTS: dict[str, Plant] = {}


def _load(tuning: bool) -> None:
    use_configs()
    _PLANTS.update({p.name: p for p in plants.all_plants() if p.for_tuning == tuning})


def _all_forms() -> list[Form]:
    return [*(Form(f) for f in FAULTS if f.nature != "data"), *FORMS]


def _jobs() -> Iterator[tuple[str, str, int, int, int]]:
    for plant in _PLANTS.values():
        sound = [
            asset.id
            for asset in plant.registry.assets
            if "troubled" not in plant.frames[asset.id] or not plant.frames[asset.id]["troubled"].any()
        ]
        for index, form in enumerate(_all_forms()):
            fault = form.fault
            if fault.kind != plant.kind and not (plant.kind == "wind" and fault.name == "trip"):
                continue
            if (fault.tracking and not plant.tracking) or not fault.needs <= plant.channels:
                continue
            if plant.tracking and not fault.tracking and index % 3:
                continue
            for strength in range(3):
                for n in range(CASES):
                    seed = 104_729 + 7919 * index + 101 * strength + 13 * n + sum(map(ord, plant.name))
                    yield plant.name, sound[seed % len(sound)], index, strength, seed


def _job(job: tuple[str, str, int, int, int]) -> Known | None:
    name, asset_id, index, strength, seed = job
    plant = _PLANTS[name]
    return known(plant, plant.registry.require(asset_id, "bench"), _all_forms()[index], strength, seed)


def all_known(tuning: bool) -> list[Known]:
    """The cases of the plants that the table was tuned on, or of those that judge it."""
    _load(tuning)
    with ProcessPoolExecutor(2, initializer=_load, initargs=(tuning,)) as pool:
        return [case for case in pool.map(_job, list(_jobs()), chunksize=4) if case is not None]
