"""What lies around and on sound machines: a skyline, rows, fog, dust of a dry season, snow; a sensor askew,
and what the logger loses. All of it is common to the machines, or has been so since the first day.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pvlib

from benchmarks.detection.strangers.air import Air, drought, summer
from benchmarks.detection.strangers.machines import FINE
from benchmarks.detection.strangers.noise import Floats, generator
from benchmarks.detection.strangers.recipes import Recipe

SUN_DEG = 0.53
"""The sun's disc."""
RINSE_MM, DUST_MOST = 6.0, 0.25
"""Rain of a day that cleans, and the most that dust takes: after Kimber."""
MELT_MM = 4.0
"""Water that leaves the snow on the ground a day and degree above 0 °C: in the middle of Hock's range."""
PACKED = 0.4
"""cm of lying snow a mm of its water: a density of 250 kg/m³."""
SHINES = 0.03
"""What comes through the snow on a module."""
FOG = 0.42
"""What comes through fog of the light above it, all of it diffuse."""


# ------------------------------------------------------------------ skyline


def behind_skyline(
    recipe: Recipe, name: str, dni: Floats, dhi: Floats, zenith: Floats, azimuth: Floats
) -> tuple[Floats, Floats]:
    """(beam, diffuse) that are left behind hills, houses and trees, as seen from the place of `name`.

    The line is straight between the recipe's points. Each machine sees it a little higher or lower and
    turned, for it stands nearer or farther. Of the sun's disc, and over the rows of a machine, the part
    above the line shines; leaves let `foliage` of the rest through. Of a dull sky the share that a level
    surface sees is the mean over the azimuth of cos² of the line's elevation (Dozier and Frew, "Rapid
    calculation of terrain parameters for radiation modeling from digital elevation data", IEEE
    Transactions on Geoscience and Remote Sensing 28, 1990, equation 7b with no slope).
    """
    if not recipe.skyline:
        return dni, dhi
    rng = generator(recipe.seed, f"skyline {name}")
    higher, turned, wide = rng.normal(1.0, 0.05), rng.normal(0.0, 1.5), rng.uniform(0.8, 2.5)
    at, height = (np.array(part, dtype=float) for part in zip(*sorted(recipe.skyline), strict=True))

    def line(bearing: Floats) -> Floats:
        return np.asarray(higher * np.interp(bearing - turned, at, height, period=360.0))

    above = np.clip((90.0 - zenith - line(azimuth)) / (SUN_DEG + wide) + 0.5, 0.0, 1.0)
    seen = np.cos(np.radians(line(np.arange(360.0)))) ** 2
    return dni * (above + recipe.foliage * (1.0 - above)), dhi * float(seen.mean())


# ------------------------------------------------------------------ rows, fog


def between_rows(
    recipe: Recipe, name: str, zenith: Floats, azimuth: Floats, tilt: float, toward: float
) -> Floats:
    """What the row before leaves of the beam, a factor; the rows of one machine lie a little closer.

    The shaded share of a row is 1 − cos p / (w cos(p − tilt)) with the sun's height p from above in the
    rows' profile and their width w over their distance (Lorenzo, Narvarte and Muñoz, "Tracking and
    back-tracking", Progress in Photovoltaics 19, 2011). Shade costs substrings, so twice that share;
    a tenth of the modules stands in the first row.
    """
    if not recipe.rows:
        return np.ones(len(zenith))
    wide = recipe.rows * float(np.exp(0.015 * generator(recipe.seed, f"rows {name}").normal()))
    profile = np.radians(
        np.asarray(pvlib.shading.projected_solar_zenith_angle(zenith, azimuth, 0.0, toward - 90.0))
    )
    seen = np.cos(profile - np.radians(tilt))
    with np.errstate(all="ignore"):
        shaded = np.where(seen > 0, 1.0 - np.cos(profile) / (wide * seen), 0.0)
    return np.asarray(1.0 - 0.9 * np.clip(2.0 * np.nan_to_num(shaded), 0.0, 1.0))


def fog(
    recipe: Recipe, air: Air, name: str, dni: Floats, dhi: Floats, zenith: Floats
) -> tuple[Floats, Floats]:
    """(beam, diffuse) under fog of the morning, that the weather service does not see: for all on the same
    days, and gone from one machine some minutes before the next as the land lies."""
    if not recipe.fog:
        return dni, dhi
    rng, count, per_day = generator(recipe.seed, "fog"), len(dni), 1440 // FINE
    days = count // per_day + 2
    season = 0.5 - 0.5 * summer(recipe, np.arange(days, dtype=float))
    clears = np.where(rng.random(days) < 2.0 * recipe.fog * season, rng.uniform(7.5, 11.5, days), 0.0)
    clears = clears + generator(recipe.seed, f"fog {name}").normal(0.0, 0.1)
    solar = (np.arange(count) + 0.5) / per_day + recipe.longitude / 360.0
    day, hour = np.floor(solar).astype(int).clip(0), solar % 1.0 * 24.0
    thick = np.clip((clears[day] - hour) / 0.5, 0.0, 1.0)
    flat = np.cos(np.radians(np.minimum(zenith, 90.0)))
    return dni * (1.0 - thick), dhi * (1.0 - thick) + FOG * thick * (dni * flat + dhi)


# ------------------------------------------------------------------ dust


def dust(recipe: Recipe, air: Air, name: str, days: int) -> Floats:
    """What dust of the dry season leaves, a factor by day: nearly as much for all.

    After Kimber, Mitchell, Nogradi and Wenger, "The effect of soiling on large grid-connected photovoltaic
    systems in California and the Southwest region of the United States", WCPEC-4, 2006: a constant rate
    of dry days, and a rain of some millimetres cleans. Less rain than that takes a part of it here.
    """
    if not recipe.dust:
        return np.ones(days)
    every = generator(recipe.seed, "dust").gamma(6.0, 1 / 6.0, days)
    own = float(np.exp(0.03 * generator(recipe.seed, f"dust {name}").normal()))
    dry = drought(recipe, np.arange(days, dtype=float))
    rate = recipe.dust * every * dry / max(float(dry.max()), 1e-9)
    rain = air.rain.reshape(-1, 24).sum(axis=1)
    loss, out = 0.0, np.empty(days)
    for day in range(days):
        loss *= 1.0 - 0.95 * min(float(rain[day]) / RINSE_MM, 1.0) ** 1.5
        loss = min(loss + float(rate[day]), DUST_MOST)
        out[day] = 1.0 - own * loss
    return out


# ------------------------------------------------------------------ snow


def ground_snow(recipe: Recipe, air: Air) -> tuple[Floats, Floats]:
    """By hour: (cm that fall, cm that lie), by degrees above 0 °C and day (Hock, "Temperature index melt
    modelling in mountain areas", Journal of Hydrology 282, 2003). Below 0.5 °C it snows, 1 cm a mm."""
    fallen = np.where(air.temperature < 0.5, air.rain, 0.0) if recipe.snow else np.zeros(len(air.rain))
    melt = MELT_MM / 24.0 * np.maximum(air.temperature, 0.0)
    water, lies = 0.0, np.empty(len(fallen))
    for hour, (new, gone) in enumerate(zip(fallen, melt, strict=True)):
        water = max(water + new - gone, 0.0)
        lies[hour] = PACKED * water
    return fallen, lies


def albedo(recipe: Recipe, air: Air, count: int) -> Floats | float:
    """`ground` of the light comes back from below, 0.4 more where snow lies."""
    if not recipe.snow:
        return recipe.ground
    _, lies = ground_snow(recipe, air)
    return np.repeat(recipe.ground + 0.4 * np.clip(lies / 5.0, 0, 1), 60 // FINE)[:count]


def under_snow(recipe: Recipe, air: Air, name: str, light: Floats, tilt: float) -> Floats:
    """What snow leaves of the light in a plane at each fine instant.

    Marion, Schaefer, Caine and Sanchez, "Measured and modeled photovoltaic system energy losses from snow
    for Colorado and Wisconsin locations", Solar Energy 97, 2013, with the depth on the ground of Ryberg
    and Freeman, NREL/TP-6A20-68705, 2017; both as pvlib has them. All are covered at once; from one machine
    it slides a little faster than from the next.
    """
    count = len(light)
    if not recipe.snow:
        return np.ones(count)
    smooth = float(np.exp(0.1 * generator(recipe.seed, f"snow {name}").normal()))
    fallen, lies = (np.repeat(part, 60 // FINE)[:count] for part in ground_snow(recipe, air))
    times = pd.date_range(air.start, periods=count, freq=f"{FINE}min")
    warmth = np.repeat(air.temperature, 60 // FINE)[:count]
    covered = pvlib.snow.coverage_nrel(
        pd.Series(fallen * FINE / 60.0, index=times),
        pd.Series(light, index=times),
        pd.Series(warmth, index=times),
        max(tilt, 5.0),
        snow_depth=pd.Series(lies, index=times),
        slide_amount_coefficient=0.197 * smooth,
    )
    return np.asarray(1.0 - (1.0 - SHINES) * covered.to_numpy(dtype=float))


# ------------------------------------------------------------------ sensor, logger


def leaning(
    recipe: Recipe, tilt: Floats | float, toward: Floats | float
) -> tuple[Floats | float, Floats | float]:
    """Tilt and azimuth of a sensor whose plane is `askew` degrees off the plane in which it should lie: its
    normal is turned that far in a direction of its own."""
    if not recipe.askew:
        return tilt, toward
    side = float(generator(recipe.seed, "askew").uniform(0.0, 2 * np.pi))
    off, t, a = np.radians(recipe.askew), np.radians(tilt), np.radians(toward)
    down, across = np.sin(off) * np.cos(side), np.sin(off) * np.sin(side)
    flat = np.cos(off) * np.sin(t) + down * np.cos(t)
    east = flat * np.sin(a) + across * np.cos(a)
    north = flat * np.cos(a) - across * np.sin(a)
    up = np.cos(off) * np.cos(t) - down * np.sin(t)
    return np.degrees(np.arccos(np.clip(up, -1, 1))), np.degrees(np.arctan2(east, north)) % 360.0


def bursts(recipe: Recipe, name: str, count: int, share: float) -> np.ndarray:
    """Readings that never come, `share` of them: a chain of two states, there and gone (Gilbert, "Capacity
    of a burst-noise channel", Bell System Technical Journal 39, 1960). Half of what is lost goes in bursts
    of about half an hour, half in bursts of about seven hours."""
    rng = generator(recipe.seed, f"bursts {name}")
    gone = np.zeros(count, dtype=bool)
    for minutes in (30.0, 420.0):
        long = max(minutes / recipe.step, 1.5)
        between = long * (1.0 - share / 2.0) / max(share / 2.0, 1e-9)
        at = int(rng.geometric(min(1.0 / between, 1.0))) if share else count
        while at < count:
            stays = int(rng.geometric(1.0 / long))
            gone[at : at + stays] = True
            at += stays + int(rng.geometric(1.0 / between))
    return gone
