"""Wind farms: free wind of several scales, shear and density, wakes by direction, terrain, a power curve of
its own by aerodynamic power with a soft knee that turbulence rounds off, storms with a restart below.
"""

from __future__ import annotations

import numpy as np

from benchmarks.detection.strangers.air import Air
from benchmarks.detection.strangers.machines import FINE, Drive, Ill, Machine, Output, Plant, times_of
from benchmarks.detection.strangers.noise import Floats, generator, remembering, slowed
from benchmarks.detection.strangers.recipes import Recipe

CUT_OUT, RESTART = 25.0, 21.0
"""m/s: a turbine stops above the first and starts again below the second."""


def make_turbines(recipe: Recipe) -> list[Machine]:
    """The turbines, rows apart by four to seven rotors."""
    rng = generator(recipe.seed, "machines")
    out = []
    for number in range(recipe.turbines):
        row, column = divmod(number, 4)
        apart = recipe.rotor_m * float(rng.uniform(4.0, 5.5))
        out.append(
            Machine(
                name=f"{recipe.name}-{number + 1:02d}",
                capacity_kw=recipe.capacity_kw,
                east=column * apart + float(rng.normal(0, 60)),
                north=row * apart * 1.4 + float(rng.normal(0, 60)),
                gain=float(np.exp(rng.normal(0, 0.008 * recipe.noise))),
                warm=float(rng.uniform(10, 20)),
                best=float(rng.uniform(0.425, 0.465)),
                terrain=(
                    float(rng.uniform(0.0, 0.035)), float(rng.uniform(0, 2 * np.pi)),
                    float(rng.uniform(0.0, 0.02)), float(rng.uniform(0, 2 * np.pi)),
                ),
                vane=float(rng.normal(0.97, 0.035)),
            )
        )  # fmt: skip
    return out


def free_wind(recipe: Recipe, air: Air, count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """(speed m/s at hub height, bearing °, turbulence, shear exponent) of the undisturbed wind."""
    rng = generator(recipe.seed, "wind")
    per_day = 1440 // FINE
    day = np.arange(count) / per_day
    clock = (24.0 * day + recipe.longitude / 15.0) % 24
    hours = np.arange(len(air.wind)) + 0.5
    at = (np.arange(count) + 0.5) * FINE / 60.0
    near = np.interp(at, hours, np.log(np.maximum(air.wind, 0.3)))
    near = (near - near.mean()) / near.std()
    scales = 0.62 * near + 0.6 * remembering(rng, count, 26 * 12) + 0.42 * remembering(rng, count, 3 * 12)
    scales = np.clip(scales / scales.std(), -3.2, 3.2)
    from scipy.special import ndtr

    winter = -np.cos(2 * np.pi * (day + recipe.first_day - 202.0) / 365.25) * np.sign(recipe.latitude)
    mean = recipe.climate.wind_m_s * (1.0 + 0.11 * winter)
    stable = np.clip(np.cos(2 * np.pi * (clock - 1.5) / 24.0), -1, 1)
    shear = 0.2 + 0.09 * stable + 0.04 * remembering(rng, count, 4 * 12)
    lift = (recipe.hub_m / 10.0) ** np.clip(shear, 0.03, 0.45)
    shape = 2.05
    speed = mean * lift * 1.1 * (-np.log(np.maximum(1.0 - ndtr(scales), 1e-9))) ** (1.0 / shape)
    gusty = (0.115 - 0.035 * stable) * np.exp(0.2 * remembering(rng, count, 18))
    turn = 12.0 * remembering(rng, count, 12) + np.interp(
        at, hours, np.unwrap(np.radians(air.bearing)) * 57.29578
    )
    return speed, np.asarray(turn % 360.0), gusty, shear


def wakes(machines: list[Machine], rotor: float, speed: Floats, bearing: Floats) -> dict[str, Floats]:
    """What the others' wakes leave of the wind at each turbine: top-hat wakes with soft edges."""
    toward = np.radians(bearing + 180.0)  # downwind, clockwise from north
    thrust = np.where(speed < 11.0, 0.8, 0.8 * (11.0 / np.maximum(speed, 11.0)) ** 2.4)
    out = {}
    for mine in machines:
        square = np.zeros(len(speed))
        for other in machines:
            if other is mine:
                continue
            east, north = mine.east - other.east, mine.north - other.north
            down = (east * np.sin(toward) + north * np.cos(toward)) / rotor
            across = (east * np.cos(toward) - north * np.sin(toward)) / rotor
            wide = 0.5 + 0.055 * np.maximum(down, 0.0)
            inside = np.exp(-0.5 * (across / (0.9 * wide)) ** 2)
            deficit = (1 - np.sqrt(1 - thrust)) / (1 + 0.11 * np.maximum(down, 0.5)) ** 2 * inside
            square += np.where((down > 0.5) & (down < 30), deficit**2, 0.0)
        out[mine.name] = 1.0 - np.minimum(np.sqrt(square), 0.5)
    return out


def drives(
    recipe: Recipe, air: Air, machines: list[Machine], count: int
) -> tuple[dict[str, Drive], Floats]:
    """What drives each turbine, and the direction that the farm's vane reads."""
    speed, bearing, gusty, shear = free_wind(recipe, air, count)
    rng = generator(recipe.seed, "farm")
    left = wakes(machines, recipe.rotor_m, speed, bearing)
    empty = np.zeros(count, dtype=np.float32)
    out = {}
    for machine in machines:
        one, first, two, second = machine.terrain
        angle = np.radians(bearing)
        hill = 1 + one * np.cos(angle - first) + two * np.cos(2 * angle - second)
        flutter = 0.45 * gusty * remembering(rng, count, 1.3) + 0.02 * remembering(rng, count, 9)
        here = np.maximum(speed * left[machine.name] * hill * (1 + flutter), 0.0)
        swirl = gusty + 0.06 * (1 - left[machine.name])
        seen = here * machine.vane * (1 + 0.012 * np.cos(angle - 2 * first)) + 0.2
        seen = seen + 0.15 * recipe.noise * remembering(rng, count, 3)
        seen = seen * (1 + 0.006 * recipe.noise * remembering(rng, count, 1440 / FINE * 12))
        # the rotor's mean wind differs from the hub's with shear
        rotor = here * (1 + 0.05 * (shear - 0.2))
        per_day = 1440 // FINE
        days = remembering(rng, count // per_day + 2, 11.0) * 0.006 * recipe.noise
        factor = np.exp(
            np.repeat(days, per_day)[:count] + 0.012 * recipe.noise * remembering(rng, count, 5)
        )
        out[machine.name] = Drive(
            empty, empty, empty, empty, factor.astype(np.float32), rotor.astype(np.float32),
            swirl.astype(np.float32), np.maximum(seen, 0.0).astype(np.float32),
        )  # fmt: skip
    vane = (bearing + rng.normal(0, 4.0) + 3.0 * remembering(rng, count, 4)) % 360.0
    return out, np.asarray(vane)


def run(machine: Machine, drive: Drive, plant: Plant, part: slice, ill: Ill | None = None) -> Output:
    """What a turbine gives over a stretch of fine instants, well or ill."""
    ill = ill or Ill()
    recipe, count = plant.recipe, len(drive.speed)
    air = plant.air[part]
    pressure = 101325.0 * np.exp(-recipe.altitude / 8400.0)
    density = pressure / (287.05 * (air + 273.15))
    speed = drive.speed * times_of(ill.speed, ill.where, count)
    area = np.pi * (recipe.rotor_m / 2) ** 2
    start = 1.0 - np.exp(-((np.maximum(speed - 2.7, 0.0) / 1.3) ** 2))
    aero = 0.5 * density * area * machine.best * speed**3 / 1000.0 * start * (1 + 1.4 * drive.turbulence**2)
    aero = aero * drive.factor * times_of(ill.thrust, ill.where, count)
    knee = np.clip(9.5 - 28.0 * drive.turbulence, 4.0, 9.0)
    rated = machine.capacity_kw
    with np.errstate(all="ignore"):
        ac = np.where(aero > 0, aero / (1 + (aero / rated) ** knee) ** (1 / knee), 0.0)
    ac = np.where(ac < 0.004 * rated, 0.0, ac) * machine.gain
    stopped = _storm(drive.speed)
    where = np.ones(count, bool) if ill.where is None else ill.where
    ac = ac * times_of(ill.ac, ill.where, count)
    if ill.limit is not None:
        ac = np.where(where, np.minimum(ac, np.asarray(ill.limit) * rated), ac)
    off = stopped if ill.off is None else stopped | ill.off
    ac = np.where(off, 0.0, np.minimum(ac, 1.01 * rated))
    heat = np.where(where, 0.0 if ill.heat is None else ill.heat, 0.0)
    load = slowed(ac / rated, 40.0 / FINE)
    device = air + 5.0 + (machine.warm + heat) * np.sqrt(np.clip(load, 0, None))
    volts = np.full(count, 690.0) * (1 + 0.004 * (ac / rated))
    return Output(ac, np.full(count, np.nan), volts, device, air)


def _storm(speed: Floats) -> np.ndarray:
    """Stopped by storm: from above `CUT_OUT` until below `RESTART`."""
    state = np.where(speed > CUT_OUT, 1.0, np.where(speed < RESTART, 0.0, np.nan))
    held = np.zeros(len(speed), dtype=bool)
    if (state == 1.0).any():
        known = np.flatnonzero(~np.isnan(state))
        last = np.searchsorted(known, np.arange(len(speed)), side="right") - 1
        held = np.where(last >= 0, state[known[np.maximum(last, 0)]] == 1.0, False)
    return held
