"""What a plant makes of the true sky, and what its meters say of it.

Plane of array: Hay and Davies (1980), ground by albedo. Glass: ASHRAE's angle modifier. Cells: Faiman
(2008). Tracker: one axis, backtracking (Lorenzo, Narvarte, Munoz, 2011). Inverter: constant, linear and
quadratic losses (Schmidt, Sauer, 1996), clipped at its rating. Snow covers and slides off; dust gathers
until rain washes it off. Wind: a logistic power curve on density-corrected wind, wakes by direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import sun
from benchmarks.forecasting.strangers.archive import hourly_means
from benchmarks.forecasting.strangers.sky import PER_HOUR, Sky, wander
from benchmarks.forecasting.strangers.sun import Floats

UNITS = (0.6, 0.4)
"""Shares of the capacity of a site's two machines."""
TRACKER_LIMIT = np.radians(55.0)
ROW_COVER = 0.42
"""Width of a tracker's row over the distance between rows."""


@dataclass(frozen=True)
class Plant:
    """A plant as it really is. Angles in degrees; `said_factor` is said over true capacity."""

    kind: str
    tilt: float = 20.0
    azimuth: float = 180.0
    dc_ac: float = 1.1
    gamma: float = -0.0037
    faiman: tuple[float, float] = (25.0, 6.8)
    losses: float = 0.06
    ages_per_year: float = 0.006
    dust_per_day: float = 0.0005
    washed_by_mm: float = 2.0
    horizon: tuple[tuple[float, float, float], ...] = ()
    """(from, to, height): obstacles far away, degrees."""
    snow_stays: float = 0.97
    """Share of the snow on the modules that is still there after a thawing hour."""
    said_factor: float = 1.0
    curtailed_days: float = 0.0
    curtailed_to: float = 0.5
    gap_share: float = 0.08
    silent_at_night: bool = True


def output(plant: Plant, sky: Sky, seed: list[int]) -> Floats:
    """AC power as a share of the true capacity at each step of the sky, before meters and orders."""
    if plant.kind == "wind":
        return _wind(plant, sky)
    planes = _planes(plant, sky)
    snow, ground = _snow(plant, sky)
    dust = _dust(plant, sky)
    age = (sky.seconds - sky.seconds[0]) / (365.25 * sun.DAY_S)
    kept = (1 - plant.losses) * (1 - dust) * (1 - plant.ages_per_year * age) * (1 - snow)
    total = np.zeros(len(sky.seconds))
    for share, tilt, azimuth in planes:
        light = _on_plane(plant, sky, tilt, azimuth, ground)
        cell = sky.temperature_c + light / (plant.faiman[0] + plant.faiman[1] * sky.wind_m_s)
        weak = 1.0 - 0.011 * np.log(np.maximum(light, 1.0) / 1000.0) ** 2
        dc = plant.dc_ac * light / 1000.0 * np.maximum(weak, 0.0) * (1 + plant.gamma * (cell - 25.0))
        total += share * dc * kept
    return np.clip(total - 0.005 - 0.011 * total - 0.013 * total**2, 0.0, 1.0)


def _planes(plant: Plant, sky: Sky) -> list[tuple[float, Floats, Floats]]:
    """Share of the modules, tilt and azimuth (radians, shape (n,)) of each of its planes."""
    n = len(sky.seconds)
    if plant.kind == "tracker":
        across = np.cos(sky.elevation) * np.sin(sky.azimuth)
        turn = np.arctan2(across, np.maximum(np.sin(sky.elevation), 1e-6))
        reach = np.cos(turn) / ROW_COVER
        back = np.arccos(np.clip(reach, -1.0, 1.0)) * np.sign(turn)
        turn = np.clip(np.where(reach < 1.0, turn - back, turn), -TRACKER_LIMIT, TRACKER_LIMIT)
        return [(1.0, np.abs(turn), np.where(turn >= 0, np.pi / 2, 3 * np.pi / 2))]
    if plant.kind == "east_west":
        east = np.full(n, np.radians(plant.azimuth - 90.0))
        tilt = np.full(n, np.radians(plant.tilt))
        return [(0.5, tilt, east), (0.5, tilt, east + np.pi)]
    return [(1.0, np.full(n, np.radians(plant.tilt)), np.full(n, np.radians(plant.azimuth)))]


def _on_plane(plant: Plant, sky: Sky, tilt: Floats, azimuth: Floats, ground: Floats) -> Floats:
    up = np.maximum(sky.elevation, 0.0)
    cosine = np.sin(up) * np.cos(tilt) + np.cos(up) * np.sin(tilt) * np.cos(sky.azimuth - azimuth)
    cosine = np.where(sky.elevation > 0, np.maximum(cosine, 0.0), 0.0)
    beam, diffuse = sky.beam, sky.diffuse
    compass = np.degrees(sky.azimuth)
    for begins, ends, height in plant.horizon:
        hidden = (compass >= begins) & (compass < ends) & (np.degrees(sky.elevation) < height)
        beam = np.where(hidden, 0.0, beam)
    circumsolar = np.clip(beam / sun.CONSTANT_W_M2, 0.0, 1.0)
    around = circumsolar * cosine / np.maximum(np.sin(up), 0.087)
    spread = diffuse * (around + (1 - circumsolar) * (1 + np.cos(tilt)) / 2)
    back = (beam * np.sin(up) + diffuse) * ground * (1 - np.cos(tilt)) / 2
    glass = np.clip(1.0 - 0.05 * (1.0 / np.maximum(cosine, 0.05) - 1.0), 0.0, 1.0)
    return np.asarray(beam * cosine * glass + 0.96 * (spread + back))


def _snow(plant: Plant, sky: Sky) -> tuple[Floats, Floats]:
    """Share of the modules under snow and the ground's albedo at each step."""
    rain, warm = hourly_means(sky.rain_mm_h), hourly_means(sky.temperature_c)
    bright = hourly_means(sky.beam * np.sin(np.maximum(sky.elevation, 0.0)))
    cover, depth = np.zeros(len(rain)), np.zeros(len(rain))
    on, lies = 0.0, 0.0
    for at in range(len(rain)):
        if warm[at] < 0.7 and rain[at] > 0.03:
            on, lies = min(1.0, on + 0.3 * rain[at]), lies + rain[at]
        if warm[at] > 0.0 or (warm[at] > -7.0 and bright[at] > 120.0):
            on *= plant.snow_stays - 0.002 * plant.tilt
        lies = max(0.0, lies - max(0.0, warm[at]) * 0.06)
        cover[at], depth[at] = on, lies
    ground = np.where(depth > 2.0, 0.6, 0.18)
    return tuple(np.repeat(v, PER_HOUR)[: len(sky.seconds)] for v in (cover, ground))  # type: ignore[return-value]


def _dust(plant: Plant, sky: Sky) -> Floats:
    days = sky.rain_mm_h[: len(sky.rain_mm_h) // 96 * 96].reshape(-1, 96).sum(axis=1) / PER_HOUR
    lost, out = 0.0, []
    for rain in days:
        lost = 0.15 * lost if rain > plant.washed_by_mm else min(0.25, lost + plant.dust_per_day)
        out.append(lost)
    return np.resize(np.repeat(out, 96), len(sky.seconds))


def _wind(plant: Plant, sky: Sky) -> Floats:
    density = sky.pressure_hpa * 100.0 / (287.0 * (sky.temperature_c + 273.15))
    speed = sky.hub_m_s * (density / 1.225) ** (1 / 3)
    speed = speed * (1.0 - 0.07 * np.exp(-0.5 * ((sky.wind_from_deg - plant.azimuth) / 22.0) ** 2))
    made = 1.0 / (1.0 + np.exp(-(speed - 8.3) / 1.15)) * (1.0 - plant.losses)
    made = np.where(speed < 3.2, 0.0, made)
    return np.asarray(np.where(speed > 24.0, np.maximum(0.0, made * (27.0 - speed) / 3.0), made))


def readings(plant: Plant, sky: Sky, made: Floats, capacity_kw: float, seed: list[int]) -> pd.DataFrame:
    """What the two machines' meters said: kW by interval's end (UTC) and machine; NaN where nothing came.

    `capacity_kw`: what the customer says; the true one is that over `said_factor`.
    """
    random = np.random.default_rng([*seed, 7])
    n = len(sky.seconds)
    days = n // 96 + 1
    ordered = np.repeat(random.random(days) < plant.curtailed_days, 96)[:n]
    first, long = random.uniform(8, 13, days), random.uniform(1.5, 6, days)
    hour = (sky.seconds / 3600.0 + sky.longitude / 15.0) % 24.0
    begins = np.repeat(first, 96)[:n]
    ordered &= (hour >= begins) & (hour < begins + np.repeat(long, 96)[:n])
    made = np.where(ordered, np.minimum(made, plant.curtailed_to), made)
    lost_both = _gaps(random, n, 0.6 * plant.gap_share)
    night = np.degrees(sky.elevation) < -1.0
    out = {}
    for unit, share in enumerate(UNITS):
        own = made * capacity_kw * share / plant.said_factor
        own = own * (
            1 + 0.01 * wander(random, n, 400)
        ) + 0.002 * capacity_kw * share * random.standard_normal(n)
        own = np.round(np.where(made > 0, np.maximum(own, 0.0), 0.0), 3)
        own[lost_both | _gaps(random, n, 0.5 * plant.gap_share)] = np.nan
        if plant.silent_at_night and plant.kind != "wind":
            own[night] = np.nan
        out[f"unit-{unit + 1}"] = own
    end = pd.to_datetime((sky.seconds + 450.0).astype("int64"), unit="s", utc=True).as_unit("us")
    return pd.DataFrame(out, index=pd.DatetimeIndex(end))


def _gaps(random: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Steps that nothing came of: short drops, silent hours, and loggers that are off for days."""
    lost = np.zeros(n, dtype=bool)
    for part, low, high in ((0.15, 1, 6), (0.35, 8, 60), (0.5, 96, 800)):
        mean = (low + high) / 2
        for at in random.integers(0, n, random.poisson(part * share * n / mean)):
            lost[at : at + int(random.integers(low, high + 1))] = True
    return lost


def hourly(table: pd.DataFrame, sky: Sky, capacity_kw: float, is_wind: bool) -> pd.Series:
    """Measured power by the hour (UTC, hour's end) as a share of what the customer calls the capacity.

    NaN where less than half of it was measured; a machine that is silent in the dark gives nothing.
    """
    dark = np.degrees(sky.elevation) < -1.0
    weights = np.array(UNITS)
    power = table.to_numpy() / capacity_kw
    if not is_wind:
        power = np.where(np.isnan(power) & dark[:, None], 0.0, power)
    came = ~np.isnan(power)
    reporting = (came * weights).sum(axis=1)
    share = np.nansum(power, axis=1) / np.where(reporting > 0, reporting, np.nan)
    whole = len(share) // PER_HOUR * PER_HOUR
    steps, held = share[:whole].reshape(-1, PER_HOUR), reporting[:whole].reshape(-1, PER_HOUR)
    measured = held.mean(axis=1)
    count = np.maximum((~np.isnan(steps)).sum(axis=1), 1)
    mean = np.where(measured >= 0.5, np.nansum(steps, axis=1) / count, np.nan)
    return pd.Series(mean, index=table.index[PER_HOUR - 1 : whole : PER_HOUR])
