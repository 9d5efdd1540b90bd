"""Photovoltaic machines: light in the plane, cells, strings, inverter.

Clear sky by Ineichen with a turbidity of each day; Perez in the plane; Martin-Ruiz at the glass; a
polynomial of air mass for the spectrum; Faiman's cell with a lag; Huld's module; Sandia's inverter.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pvlib

from benchmarks.detection.strangers import surroundings
from benchmarks.detection.strangers.air import Air
from benchmarks.detection.strangers.machines import FINE, Drive, Ill, Machine, Output, Plant, times_of
from benchmarks.detection.strangers.noise import Floats, generator, remembering, slowed, smooth
from benchmarks.detection.strangers.recipes import Recipe


class Sun:
    """Sun and clear sky of a place at the middle of each fine interval of a year."""

    def __init__(self, recipe: Recipe, air: Air) -> None:
        count = len(air.direct) // FINE
        self.times = pd.date_range(air.start + pd.Timedelta(minutes=FINE), periods=count, freq=f"{FINE}min")
        middle = self.times - pd.Timedelta(minutes=FINE / 2)
        place = pvlib.solarposition.get_solarposition(
            middle, recipe.latitude, recipe.longitude, altitude=recipe.altitude
        )
        self.zenith = place["apparent_zenith"].to_numpy()
        self.azimuth = place["azimuth"].to_numpy()
        self.middle = middle
        with np.errstate(all="ignore"):
            self.mass = np.nan_to_num(pvlib.atmosphere.get_relative_airmass(self.zenith), nan=38.0)
        pressure = pvlib.atmosphere.alt2pres(recipe.altitude)
        day = np.arange(count) // (1440 // FINE)
        between = smooth(air.turbidity[np.minimum(day, len(air.turbidity) - 1)], 1440 // FINE)
        self.extra = np.asarray(
            pvlib.irradiance.get_extra_radiation(middle.day_of_year.to_numpy()), dtype=float
        )
        with np.errstate(all="ignore"):
            clear = pvlib.clearsky.ineichen(
                self.zenith,
                pvlib.atmosphere.get_absolute_airmass(self.mass, pressure),
                between,
                recipe.altitude,
                self.extra,
            )
        up = self.zenith < 89.5
        self.ghi = np.where(up, np.nan_to_num(clear["ghi"]), 0.0)
        self.dni = np.where(up, np.nan_to_num(clear["dni"]), 0.0)
        self.dhi = np.where(up, np.nan_to_num(clear["dhi"]), 0.0)


def patch(
    recipe: Recipe, air: Air, sun: Sun, east: float, north: float, size: float, drift: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """(beam normal, diffuse) over a patch of ground, W/m²: the clouds come there with the wind aloft.

    `size`: metres over which the patch takes the mean. `drift`: the clouds' way, m a minute east and north.
    """
    count = len(sun.times)
    square = drift[0] ** 2 + drift[1] ** 2
    late = np.repeat((east * drift[0] + north * drift[1]) / square, 1440)[: len(air.direct)]
    ends = np.arange(1, count + 1) * float(FINE) - late[FINE - 1 :: FINE][:count]
    wide = max(1, int(size / 500.0))

    def mean(minutes: np.ndarray) -> Floats:
        total = np.concatenate(([0.0], np.cumsum(smooth(minutes.astype(float), wide))))
        at = np.arange(len(total), dtype=float)
        return np.asarray((np.interp(ends, at, total) - np.interp(ends - FINE, at, total)) / FINE)

    flat = np.cos(np.radians(np.minimum(sun.zenith, 90.0)))
    dni = sun.dni * np.clip(mean(air.direct), 0, 1)
    dhi = sun.dhi * mean(air.veil) + sun.dni * flat * mean(air.scatter)
    if recipe.split == "dirint":
        ghi = dni * flat + dhi
        pressure = pvlib.atmosphere.alt2pres(recipe.altitude)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parted = pvlib.irradiance.dirint(ghi, sun.zenith, sun.middle, pressure=pressure)
        dni = np.minimum(np.nan_to_num(np.asarray(parted)), sun.dni * 1.05)
        dni = np.where(flat > 0.02, np.minimum(dni, ghi / np.maximum(flat, 0.02)), 0.0)
        dhi = np.maximum(ghi - dni * flat, 0.0)
    return dni, dhi


def drifts(recipe: Recipe, days: int) -> tuple[Floats, Floats]:
    """The way of the clouds by day: metres a minute to the east and to the north."""
    rng = generator(recipe.seed, "aloft")
    speed = 60.0 * 9.0 * np.exp(0.35 * rng.normal(size=days))
    toward = 0.6 + 1.0 * remembering(rng, days, 2.0)
    return speed * np.cos(toward), speed * np.sin(toward)


def in_plane(
    machine: Machine,
    dni: Floats,
    dhi: Floats,
    zenith: Floats,
    azimuth: Floats,
    mass: Floats,
    extra: Floats,
    tilt: Floats | float,
    toward: Floats | float,
    albedo: Floats | float | None = None,
) -> tuple[Floats, Floats]:
    """(beam, sky and ground) in the plane after the glass, W/m²; a near obstacle takes its part.

    `albedo`: of the ground, where it is not always that of the machine's."""
    flat = np.cos(np.radians(np.minimum(zenith, 90.0)))
    angle = pvlib.irradiance.aoi(tilt, toward, zenith, azimuth)
    beam = dni * np.maximum(np.cos(np.radians(angle)), 0.0) * (zenith < 89.5)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sky = pvlib.irradiance.perez(tilt, toward, dhi, dni, extra, zenith, azimuth, mass)
    sky = np.nan_to_num(np.asarray(sky, dtype=float))
    back = (dni * flat + dhi) * (machine.ground if albedo is None else albedo)
    ground = back * ((1 - np.cos(np.radians(tilt))) + machine.rear * (1 + np.cos(np.radians(tilt)))) / 2
    through = np.nan_to_num(pvlib.iam.martin_ruiz(angle, machine.optics))
    if machine.shade is not None:
        centre, half, height, takes = machine.shade
        behind = np.abs((azimuth - centre + 180) % 360 - 180) < half
        beam = beam * np.where(behind & (90 - zenith < height), 1 - takes, 1.0)
    return beam * through, (sky + ground) * 0.95 * (zenith < 95)


def turned(machine: Machine, zenith: Floats, azimuth: Floats) -> tuple[Floats, Floats]:
    """Where a tracker's plane lies: tilt, azimuth."""
    with np.errstate(all="ignore"):
        turn = pvlib.tracking.singleaxis(
            zenith, azimuth, axis_azimuth=machine.azimuth, max_angle=machine.most, gcr=machine.cover
        )
    tilt = np.nan_to_num(np.asarray(turn["surface_tilt"], dtype=float))
    return tilt, np.nan_to_num(np.asarray(turn["surface_azimuth"], dtype=float), nan=90.0)


def make_machines(recipe: Recipe) -> list[Machine]:
    """The machines of a plant with all in which they differ."""
    rng = generator(recipe.seed, "machines")
    spread = 8.0 * np.sqrt(recipe.capacity_kw * recipe.count)
    out = []
    mixed = rng.random() < 0.4
    fewer = generator(recipe.seed, "fewer").permutation(recipe.count)[: recipe.fewer]
    for number, roof in enumerate(each for each in recipe.roofs for _ in range(each.count)):
        size = recipe.capacity_kw * (float(rng.choice([0.6, 1.0, 1.0, 1.4])) if mixed else 1.0)
        shade = None
        if recipe.kind == "roofs" and recipe.capacity_kw < 150 and rng.random() < 0.2:
            shade = (
                float(rng.uniform(60, 300)), float(rng.uniform(6, 14)), float(rng.uniform(12, 28)),
                float(rng.uniform(0.1, 0.3)),
            )  # fmt: skip
        turning = recipe.kind == "tracked"
        ratio = rng.uniform(1.02, 1.32) if recipe.ratio is None else recipe.ratio * rng.normal(1, 0.012)
        if number in fewer:
            ratio *= generator(recipe.seed, f"fewer {number}").uniform(0.82, 0.92)
        out.append(
            Machine(
                name=f"{recipe.name}-{number + 1:02d}",
                capacity_kw=round(size, 1),
                dc_kw=size * float(ratio),
                tilt=0.0 if turning else roof.tilt + rng.normal(0, 0.8),
                azimuth=roof.azimuth + (rng.normal(0, 0.5) if turning else rng.normal(0, 2.0)),
                most=float([45, 52, 60][recipe.seed % 3]),
                cover=0.3 + 0.04 * (recipe.seed % 4),
                east=float(rng.uniform(-spread, spread)),
                north=float(rng.uniform(-spread, spread)),
                shade=shade,
                strings=int(rng.integers(6, 25)) if size < 400 else int(rng.integers(40, 120)),
                mppts=int(rng.integers(2, 7)),
                volts=float(rng.uniform(560, 780)) if size < 400 else float(rng.uniform(850, 1150)),
                gain=float(np.exp(rng.normal(0, 0.012 * recipe.noise))) * 0.955,
                u0=float(rng.uniform(22, 30)),
                u1=float(rng.uniform(4, 8)),
                warm=float(rng.uniform(8, 19)),
                optics=float(rng.uniform(0.14, 0.2)),
                best=float(rng.uniform(0.968, 0.985)),
                rear=recipe.rear,
                ground=recipe.ground,
            )
        )
    return out


def run(machine: Machine, drive: Drive, plant: Plant, part: slice, ill: Ill | None = None) -> Output:
    """What an inverter gives over a stretch of fine instants, well or ill."""
    ill = ill or Ill()
    count = len(drive.beam)
    air, wind = plant.air[part], plant.wind[part]
    beam, sky = drive.beam, drive.sky
    if ill.tilt is not None and ill.azimuth is not None:
        zenith, bearing, mass = plant.zenith[part], plant.bearing[part], plant.mass[part]
        extra = np.full(count, 1361.0)
        stuck = in_plane(machine, drive.dni, drive.dhi, zenith, bearing, mass, extra, ill.tilt, ill.azimuth)
        where = np.ones(count, bool) if ill.where is None else ill.where
        beam, sky = (np.where(where, new, old) for new, old in zip(stuck, (beam, sky), strict=True))
    beam = beam * times_of(ill.beam, ill.where, count)
    sky = sky * times_of(ill.sky, ill.where, count)
    mass = np.clip(plant.mass[part], 1.0, 6.0)
    colour = 0.985 + 0.02 * (mass - 1.0) - 0.0047 * (mass - 1.0) ** 2
    light = (beam * colour + sky) * times_of(ill.light, ill.where, count)
    cell = slowed(pvlib.temperature.faiman(beam + sky, air, wind, machine.u0, machine.u1), 8.0 / FINE)
    with np.errstate(all="ignore"):
        watts = pvlib.pvarray.huld(np.maximum(light, 0.5), cell, machine.dc_kw, cell_type="csi")
    dc = np.where(light > 2.0, np.maximum(np.nan_to_num(watts), 0.0), 0.0) * drive.factor * machine.gain
    dc = dc * times_of(ill.dc, ill.where, count)
    volts = machine.volts * (1 - 0.0031 * (cell - 25.0)) * (1 + 0.022 * np.log(np.maximum(light, 3) / 1000))
    volts = volts * times_of(ill.volts, ill.where, count)
    ac = np.minimum(_inverter(machine, dc, volts), plant.recipe.cap * machine.capacity_kw)
    ac = ac * times_of(ill.ac, ill.where, count)
    where = np.ones(count, bool) if ill.where is None else ill.where
    heat = np.where(where, 0.0 if ill.heat is None else ill.heat, 0.0)
    load = slowed(ac / machine.capacity_kw, 25.0 / FINE)
    device = air + (machine.warm + heat) * np.clip(load, 0, None) ** 1.2 + 2.0
    if ill.derate is not None:
        limit, slope, by = ill.derate
        hot = cell if by == "cell" else device
        allowed = np.clip(1.0 - slope * np.maximum(hot - limit, 0.0), 0.05, 1.0)
        factor = np.where(where, slowed(allowed, 15.0 / FINE), 1.0)
        ac = ac * factor if by == "cell" else np.minimum(ac, factor * machine.capacity_kw)
    if ill.limit is not None:
        ac = np.where(where, np.minimum(ac, np.asarray(ill.limit) * machine.capacity_kw), ac)
    with np.errstate(all="ignore"):
        dc = np.minimum(dc, np.where(ac > 0, ac / np.maximum(machine.best - 0.01, 0.5), dc))
    if ill.off is not None:
        ac, dc = np.where(ill.off, 0.0, ac), np.where(ill.off, 0.0, dc)
        volts = np.where(ill.off, volts * ill.open_volts, volts)
        load = slowed(ac / machine.capacity_kw, 25.0 / FINE)
        device = np.where(
            ill.off, air + 2.0, air + (machine.warm + heat) * np.clip(load, 0, None) ** 1.2 + 2.0
        )
    lit = light > 12.0
    return Output(ac, dc, np.where(lit, volts, 0.0), device, cell)


def _inverter(machine: Machine, dc: Floats, volts: Floats) -> Floats:
    rated = machine.capacity_kw
    parameters = {
        "Paco": rated, "Pdco": rated / machine.best, "Vdco": machine.volts, "Pso": 0.006 * rated,
        "C0": -0.025 / rated, "C1": 1.5e-5, "C2": 4e-4, "C3": -2e-4, "Pnt": 0.0004 * rated,
    }  # fmt: skip
    given = pvlib.inverter.sandia(np.maximum(volts, 1.0), dc, parameters)
    return np.where(dc > 0, np.maximum(np.nan_to_num(given), 0.0), 0.0)


def dirt(recipe: Recipe, air: Air, rng: np.random.Generator, days: int) -> Floats:
    """Common soiling by day, a factor: grows in the dry, washed off by rain, in part by little."""
    rate = 0.0004 * np.exp(0.4 * rng.normal()) * (1.8 if recipe.climate.cloudiness < -0.3 else 1.0)
    rain = air.rain.reshape(-1, 24).sum(axis=1)
    loss, out = 0.0, np.empty(days)
    for day in range(days):
        loss = loss * float(np.exp(-rain[day] / 3.0)) + rate * float(rng.gamma(2.0, 0.5))
        out[day] = 1.0 - min(loss, 0.06)
    return out


def sensor(recipe: Recipe, air: Air, sun: Sun, dni: Floats, dhi: Floats, first: Machine) -> Floats:
    """What the station's irradiance sensor reads, W/m², with all its errors; empty where there is none.

    `dni`, `dhi`: what its place sees of the sky."""
    if recipe.sensor == "none":
        return np.empty(0)
    rng = generator(recipe.seed, "sensor")
    flat = np.cos(np.radians(np.minimum(sun.zenith, 90.0)))
    if recipe.sensor == "plane":
        lies = Machine("sensor", 1.0, optics=0.1, ground=recipe.ground)
        tilt, toward = first.tilt + rng.normal(0, 0.8), first.azimuth + rng.normal(0, 1.5)
        if recipe.kind == "tracked":
            tilt, toward = turned(first, sun.zenith, sun.azimuth)
        plane = surroundings.leaning(recipe, tilt, toward)
        beam, sky = in_plane(lies, dni, dhi, sun.zenith, sun.azimuth, sun.mass, sun.extra, *plane)
        true = beam + sky / 0.95
        if recipe.snow:
            true = true * surroundings.under_snow(recipe, air, "sensor", true, float(first.tilt))
    else:
        if recipe.askew:
            lean = surroundings.leaning(recipe, 0.0, 180.0)
            flat = np.maximum(np.cos(np.radians(pvlib.irradiance.aoi(*lean, sun.zenith, sun.azimuth))), 0.0)
        wrong = 1 + rng.normal(0, 0.03) * np.clip((np.minimum(sun.zenith, 89) - 55) / 34, 0, 1)
        true = dni * flat * wrong + dhi
    count = len(true)
    days = np.arange(count) // (1440 // FINE)
    own = dirt(recipe, air, rng, int(days[-1]) + 1)[days]
    own = own * surroundings.dust(recipe, air, "sensor", int(days[-1]) + 1)[days]
    slow = 1 + 0.004 * recipe.noise * remembering(rng, count, 1440 / FINE * 5)
    quick = 1 + 0.006 * recipe.noise * remembering(rng, count, 4)
    reads = true * own * slow * quick * float(np.exp(rng.normal(0, 0.02))) + rng.normal(0, 1.5)
    says = np.maximum(slowed(reads, 1.0 / FINE), 0.0)
    return np.interp(np.arange(count) + recipe.late * (days % 60) / 30.0 / FINE, np.arange(count), says)
