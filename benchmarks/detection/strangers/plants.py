"""Plants made of recipes, kept in the system's temporary folder, and what their loggers write."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection.strangers import roofs, surroundings, turbines
from benchmarks.detection.strangers.air import make_air, service
from benchmarks.detection.strangers.machines import FINE, Drive, Ill, Output, Plant
from benchmarks.detection.strangers.noise import Floats, generator, remembering
from benchmarks.detection.strangers.recipes import Recipe

_MAKERS = ("noise.py", "air.py", "machines.py", "roofs.py", "surroundings.py", "turbines.py", "plants.py")
_CODE = b"".join((Path(__file__).parent / name).read_bytes() for name in _MAKERS)
"""The code that is running, as it stood when it was loaded."""


def plant(recipe: Recipe) -> Plant:
    """The plant of a recipe, from the cache where it was made before by the same code."""
    code = _CODE + repr(recipe).encode()
    folder = Path(tempfile.gettempdir()) / "ona-strangers"
    kept = folder / f"{recipe.name}-{hashlib.sha256(code).hexdigest()[:16]}.pickle"
    if kept.exists():
        with kept.open("rb") as file:
            return pickle.load(file)
    made = make(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{np.random.default_rng().integers(1 << 40)}")
    with part.open("wb") as file:
        pickle.dump(made, file)
    part.replace(kept)
    return made


def make(recipe: Recipe, days: int = 366) -> Plant:
    """A plant and its year, from the recipe alone."""
    air = make_air(recipe, days)
    sun = roofs.Sun(recipe, air)
    count = len(sun.times)
    at, hours = (np.arange(count) + 0.5) * FINE / 60.0, np.arange(len(air.wind)) + 0.5
    drift = roofs.drifts(recipe, days)
    dni, dhi = roofs.patch(recipe, air, sun, 0.0, 0.0, 0.0, drift)
    flat = np.cos(np.radians(np.minimum(sun.zenith, 90.0)))
    made = Plant(
        recipe=recipe,
        machines=turbines.make_turbines(recipe) if recipe.kind == "wind" else roofs.make_machines(recipe),
        times=sun.times.as_unit("us"),
        zenith=sun.zenith,
        bearing=sun.azimuth,
        mass=sun.mass,
        drives={},
        station=np.empty(0),
        air=np.interp(at, hours, air.temperature),
        wind=np.interp(at, hours, air.wind),
        meters={},
        lost={},
        service=service(recipe, air, _hourly(sun.ghi), _hourly(dni * flat + dhi)),
        weather=air,
    )
    if recipe.kind == "wind":
        made.drives, made.vane = turbines.drives(recipe, air, made.machines, count)
    else:
        _light(made, sun, drift, days)
        seen = surroundings.fog(recipe, air, "sensor", dni, dhi, sun.zenith)
        seen = surroundings.behind_skyline(recipe, "sensor", *seen, sun.zenith, sun.azimuth)
        made.station = roofs.sensor(recipe, air, sun, *seen, made.machines[0]).astype(np.float32)
    _meters(made)
    air.direct, air.veil, air.scatter = (np.empty(0, np.float32) for _ in range(3))
    return made


def _hourly(fine: Floats) -> Floats:
    return np.asarray(fine.reshape(-1, 60 // FINE).mean(axis=1))


def _light(made: Plant, sun: roofs.Sun, drift: tuple[Floats, Floats], days: int) -> None:
    recipe, air, count = made.recipe, made.weather, len(sun.times)
    rng = generator(recipe.seed, "modules")
    common = roofs.dirt(recipe, air, rng, days)
    ground = surroundings.albedo(recipe, air, count)
    day = np.arange(count) // (1440 // FINE)
    for machine in made.machines:
        size = 6.0 * np.sqrt(machine.capacity_kw)
        dni, dhi = roofs.patch(recipe, air, sun, machine.east, machine.north, size, drift)
        dni, dhi = surroundings.fog(recipe, air, machine.name, dni, dhi, sun.zenith)
        dni, dhi = surroundings.behind_skyline(recipe, machine.name, dni, dhi, sun.zenith, sun.azimuth)
        tilt: Floats | float = machine.tilt
        toward: Floats | float = machine.azimuth
        if recipe.kind == "tracked":
            tilt, toward = roofs.turned(machine, sun.zenith, sun.azimuth)
        beam, sky = roofs.in_plane(
            machine, dni, dhi, sun.zenith, sun.azimuth, sun.mass, sun.extra, tilt, toward, ground
        )
        beam = beam * surroundings.between_rows(
            recipe, machine.name, sun.zenith, sun.azimuth, machine.tilt, machine.azimuth
        )
        if recipe.snow:
            bare = surroundings.under_snow(recipe, air, machine.name, beam + sky, machine.tilt)
            beam, sky = beam * bare, sky * bare
        own = 1 - (1 - common) * float(np.exp(0.25 * rng.normal()))
        days_own = 0.005 * recipe.noise * remembering(rng, days, 8.0)
        quick = 0.006 * recipe.noise * remembering(rng, count, 7.0)
        aged = 1 - 0.007 * day / 365.0
        own = own * surroundings.dust(recipe, air, machine.name, days)
        factor = own[day] * np.exp(days_own[day] + quick) * aged
        made.drives[machine.name] = Drive(
            *(np.asarray(part, dtype=np.float32) for part in (beam, sky, dni, dhi, factor))
        )


def _meters(made: Plant) -> None:
    recipe, count = made.recipe, len(made.times) // made.every
    rng = generator(recipe.seed, "meters")
    alike = rng.random(count) < 0.0008
    alike |= surroundings.bursts(recipe, "all", count, 0.5 * recipe.gaps)
    first = dict(zip((m.name for m in reversed(made.machines)), reversed(recipe.joined), strict=False))
    for machine in made.machines:
        quiet = 0.0012 if recipe.kind != "wind" else 0.004
        made.meters[machine.name] = (
            quiet * recipe.noise * (0.8 * remembering(rng, count, 3.0) + 0.6 * rng.normal(size=count))
        ).astype(np.float32)
        own = surroundings.bursts(recipe, machine.name, count, 0.5 * recipe.gaps)
        made.lost[machine.name] = alike | (rng.random(count) < 0.0008) | own
        made.lost[machine.name][: first.get(machine.name, 0) * 1440 // recipe.step] = True


def run(made: Plant, name: str, part: slice, ill: Ill | None = None) -> Output:
    """What a machine gives over a stretch of fine instants."""
    model = turbines.run if made.recipe.kind == "wind" else roofs.run
    return model(made.machine(name), made.drives[name].cut(part), made, part, ill)


def coarse(fine: Floats, every: int) -> Floats:
    """Means over output intervals."""
    return np.asarray(np.asarray(fine, dtype=float).reshape(-1, every).mean(axis=1))


def logged(made: Plant, name: str, part: slice, output: Output) -> pd.DataFrame:
    """What the logger writes of a stretch: one row an output interval, at its end or begin.

    `part` begins and ends on whole output intervals.
    """
    recipe, every, machine = made.recipe, made.every, made.machine(name)
    rows = slice(part.start // every, part.stop // every)
    power = coarse(output.ac, every)
    works = power > 0
    noisy = power * (1 + 0.4 * made.meters[name][rows]) + made.meters[name][rows] * machine.capacity_kw
    digits = max(0, 3 - int(np.floor(np.log10(machine.capacity_kw))))
    given = np.where(works, np.maximum(noisy, 0.0), 0.0 - recipe.draw * machine.capacity_kw)
    if recipe.coarse:
        given = np.round(given / recipe.coarse) * recipe.coarse
    rng = generator(recipe.seed, f"channels {name} {part.start}")
    count = len(power)
    ends = made.times[part][every - 1 :: every]
    frame = pd.DataFrame(
        {
            "timestamp": ends - pd.Timedelta(minutes=recipe.step if recipe.stamp == "begin" else 0),
            "asset_id": name,
            "power_kw": np.round(given, digits),
        }
    )
    if "temperature" in recipe.channels:
        frame["temperature_c"] = np.round(
            coarse(output.device, every) + 0.4 * remembering(rng, count, 5), 1
        )
    if "voltage" in recipe.channels:
        volts = coarse(output.volts, every)
        frame["voltage_v"] = np.round(
            np.where(volts > 0, volts * (1 + 0.003 * rng.normal(size=count)), 0.0), 1
        )
    if "dc" in recipe.channels and recipe.kind != "wind":
        frame["dc_power_kw"] = np.round(
            coarse(output.dc, every) * (1 + 0.002 * remembering(rng, count, 4)), digits
        )
    if recipe.kind == "wind":
        frame["wind_speed_m_s"] = np.round(coarse(made.drives[name].nacelle[part], every), 2)
        if recipe.direction:
            frame["wind_direction_deg"] = np.round(made.vane[part][every - 1 :: every], 0)
    elif len(made.station):
        frame["irradiance_w_m2"] = np.round(coarse(made.station[part], every), 1)
    return frame[~made.lost[name][rows]].reset_index(drop=True)
