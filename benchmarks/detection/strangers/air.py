"""The weather of a year, minute by minute: clouds as a chain in continuous time, air, wind, rain, storms.

Clouds go between six states (clear, thin, scattered, broken, overcast, rain). How long one stays is
exponential, whether it gets duller or clearer next depends on a slow synoptic state and the season. Within
a state single clouds pass: an autocorrelated field cut at the state's cover, with an autocorrelated optical
depth. Storms and heat waves come by themselves; nothing here knows of faults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.detection.strangers.noise import Floats, generator, remembering, smooth
from benchmarks.detection.strangers.recipes import Recipe

DWELL_MIN = (190.0, 65.0, 70.0, 65.0, 150.0, 85.0)
"""Mean stay in each state, minutes."""
COVER = (0.004, 0.80, 0.28, 0.62, 0.985, 0.999)
"""Share of the sky's dome under cloud in each state."""
DEPTH = (2.0, 0.35, 5.0, 8.0, 13.0, 34.0)
"""Median optical depth of the clouds of each state."""
RAIN = 5
DAY = 1440


@dataclass
class Storm:
    """A thunderstorm or a gale: begin (UTC), rain and its hourly peak in mm, gust in m/s, hail or not."""

    begin: pd.Timestamp
    kind: str
    rain_mm: float
    peak_mm: float
    gust_m_s: float
    hail: bool


@dataclass
class Air:
    """Minutes of a year from `start` (UTC). `direct`: what clouds leave of the beam; `veil`: of the clear
    sky's diffuse light; `scatter`: share of the beam that reaches the ground as diffuse light. By hour:
    `temperature` °C, `wind` m/s, `bearing` degrees, `rain` mm. `turbidity`: Linke's, by day."""

    start: pd.Timestamp
    direct: NDArray[np.float32]
    veil: NDArray[np.float32]
    scatter: NDArray[np.float32]
    temperature: Floats
    wind: Floats
    bearing: Floats
    rain: Floats
    cover: Floats
    turbidity: Floats
    storms: list[Storm]
    heat: list[tuple[pd.Timestamp, pd.Timestamp]]


def summer(recipe: Recipe, days: Floats) -> Floats:
    """1 at the height of the hemisphere's summer, −1 in winter; nearly nothing near the equator.

    `days`: since the file's beginning."""
    phase = 2 * np.pi * (days + recipe.first_day - 202.0) / 365.25
    return np.asarray(np.cos(phase) * np.sign(recipe.latitude) * min(1.0, abs(recipe.latitude) / 25.0))


def drought(recipe: Recipe, days: Floats) -> Floats:
    """`Climate.dry` in the middle of the dry season, 0 in the other half of the year."""
    phase = 2 * np.pi * (days + recipe.first_day - recipe.climate.dry_day) / 365.25
    return np.asarray(recipe.climate.dry * np.maximum(np.cos(phase), 0.0))


def make_air(recipe: Recipe, days: int = 366) -> Air:
    """A year of weather for a recipe, from its seed alone."""
    start = pd.Timestamp(f"{recipe.year}-{recipe.month:02d}-01", tz="UTC")
    minutes = days * DAY
    rng = generator(recipe.seed, "air")
    season = summer(recipe, np.arange(days, dtype=float))
    synoptic = remembering(rng, days + 1, 2.6)
    dry = drought(recipe, np.arange(days, dtype=float))
    dull = recipe.climate.cloudiness + 0.9 * synoptic[:-1] - 0.35 * season - dry
    storms = _storms(recipe, rng, start, days, 1.1 * season - 2.5 * dry)
    states = _chain(rng, minutes, dull)
    first = [int((s.begin - start).total_seconds() // 60) for s in storms]
    for at, storm in zip(first, storms, strict=True):
        states[at - 40 : at] = 3
        states[at : at + (110 if storm.kind == "thunderstorm" else 300)] = RAIN
    direct, veil, scatter, cover = _clouds(rng, states)
    hourly_cover = cover.reshape(-1, 60).mean(axis=1)
    heat = _heat(recipe, rng, start, days, season)
    air, wind, bearing, rain = _hours(
        recipe, rng, states, hourly_cover, synoptic, season, storms, heat, start
    )
    turbidity = recipe.climate.turbidity * np.exp(
        0.12 * season + 0.1 * dry + 0.13 * remembering(rng, days, 3.5) + 0.05 * rng.normal(size=days)
    )
    hazy = turbidity.clip(1.8, 8.0)
    return Air(start, direct, veil, scatter, air, wind, bearing, rain, hourly_cover, hazy, storms, heat)


def _chain(rng: np.random.Generator, minutes: int, dull: Floats) -> NDArray[np.int8]:
    states = np.zeros(minutes, dtype=np.int8)
    at, state = 0, 2
    while at < minutes:
        gloom = float(dull[at // DAY])
        longer = np.exp((gloom if state >= 4 else -gloom if state == 0 else 0.0) * 0.9)
        stay = max(4, int(rng.exponential(DWELL_MIN[state] * longer)))
        states[at : at + stay] = state
        at += stay
        up = 1.0 / (1.0 + np.exp(-(0.9 * gloom + 0.15 * (2 - state))))
        jump = 2 if rng.random() < 0.15 else 1
        state = int(np.clip(state + (jump if rng.random() < up else -jump), 0, 5))
    return states


def _clouds(
    rng: np.random.Generator, states: NDArray[np.int8]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], Floats]:
    count = len(states)
    edge = smooth(ndtri(np.asarray(COVER))[states], 17)
    field = 0.75 * remembering(rng, count, 5.0) + 0.66 * remembering(rng, count, 34.0)
    cloud = 1.0 / (1.0 + np.exp(-(edge + field) / 0.13))
    depth = np.exp(smooth(np.log(np.asarray(DEPTH))[states], 21) + 0.45 * remembering(rng, count, 45.0))
    left, through = np.exp(-depth), 1.0 / (1.0 + 0.13 * depth)
    dome = smooth(cloud, 41)
    direct = 1.0 - cloud * (1.0 - left)
    veil = 1.0 - dome + dome * through
    scatter = dome * np.maximum(through - left, 0.0)
    small = np.float32
    return direct.astype(small), veil.astype(small), scatter.astype(small), dome


def _storms(
    recipe: Recipe, rng: np.random.Generator, start: pd.Timestamp, days: int, likely: Floats
) -> list[Storm]:
    out = []
    weight = np.exp(likely)
    for day in rng.choice(
        days - 2, recipe.climate.storms, replace=False, p=weight[: days - 2] / weight[: days - 2].sum()
    ):
        thunder = rng.random() < 0.7
        solar = rng.uniform(12.5, 19.0) if thunder else rng.uniform(3.0, 20.0)
        begin = start + pd.Timedelta(days=int(day)) + pd.Timedelta(hours=solar - recipe.longitude / 15.0)
        rain = float(rng.gamma(2.2, 7.0)) if thunder else float(rng.gamma(1.5, 5.0))
        peak = rain * float(rng.uniform(0.55, 0.9))
        gust = float(rng.uniform(11, 24)) if thunder else float(rng.uniform(17, 30))
        hail = thunder and rng.random() < 0.3
        out.append(Storm(begin.floor("min"), "thunderstorm" if thunder else "gale", rain, peak, gust, hail))
    out = [s for s in out if start + pd.Timedelta(hours=6) < s.begin]
    return sorted(out, key=lambda storm: storm.begin)


def _heat(
    recipe: Recipe, rng: np.random.Generator, start: pd.Timestamp, days: int, season: Floats
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    weight = np.exp(3.0 * season)
    firsts = rng.choice(days, recipe.climate.heat_waves, replace=False, p=weight / weight.sum())
    return sorted(
        (start + pd.Timedelta(days=int(d)), start + pd.Timedelta(days=int(d) + int(rng.integers(4, 9))))
        for d in firsts
    )


def _hours(
    recipe: Recipe,
    rng: np.random.Generator,
    states: NDArray[np.int8],
    cover: Floats,
    synoptic: Floats,
    season: Floats,
    storms: list[Storm],
    heat: list[tuple[pd.Timestamp, pd.Timestamp]],
    start: pd.Timestamp,
) -> tuple[Floats, Floats, Floats, Floats]:
    hours = len(cover)
    climate = recipe.climate
    clock = (np.arange(hours) + 0.5 + recipe.longitude / 15.0) % 24
    lane = np.interp(np.arange(hours), np.arange(0, hours + 24, 24), synoptic[: hours // 24 + 1])
    drawn = np.repeat(season, 24)[:hours]
    clear = 1.0 - 0.65 * cover
    air = climate.mean_c + climate.season_c * np.roll(drawn, 24 * 20)
    air = air + climate.day_c * clear * np.cos(2 * np.pi * (clock - 15.0) / 24.0)
    air = air + 3.0 * remembering(rng, hours, 60.0) - 1.2 * lane * drawn
    for begin, end in heat:
        a, b = (int((t - start).total_seconds() // 3600) for t in (begin, end))
        air[a:b] += rng.uniform(5, 9) * np.sin(np.linspace(0.25, np.pi - 0.25, len(air[a:b])))
    calm = 0.55 * remembering(rng, hours, 30.0) + 0.45 * remembering(rng, hours, 5.0) + 0.3 * lane
    wind = (
        climate.wind_m_s * np.exp(0.55 * calm - 0.15) * (1 + 0.22 * np.cos(2 * np.pi * (clock - 14) / 24))
    )
    u, v = 0.7 + remembering(rng, hours, 26.0), -0.2 + remembering(rng, hours, 31.0)
    bearing = (np.degrees(np.arctan2(u, v)) + 10.0 * recipe.seed) % 360.0
    wet = (states.reshape(-1, 60) == RAIN).mean(axis=1)
    rain = wet * rng.gamma(0.8, 1.0, hours) * (rng.random(hours) < 0.55)
    for storm in storms:
        at = int((storm.begin - start).total_seconds() // 3600)
        rain[at : at + 3] = 0.0
        rain[at] = storm.peak_mm
        rain[at + 1 : at + 3] = (storm.rain_mm - storm.peak_mm) / 2
        wind[at] = storm.gust_m_s
        wind[at + 1 : at + 3] = np.maximum(wind[at + 1 : at + 3], 0.5 * storm.gust_m_s)
        if storm.kind == "thunderstorm":
            air[at : at + 5] -= np.array([6.0, 7.0, 6.0, 4.0, 2.0])[: len(air[at : at + 5])]
    return air, wind, bearing, rain


def service(recipe: Recipe, air: Air, clear_ghi: Floats, ghi: Floats) -> pd.DataFrame:
    """What a weather service says of the site, by hours (UTC, the interval's end), with errors of its own:
    clouds seen coarsely and late, a bias in air and wind, showers at the wrong hour."""
    rng = generator(recipe.seed, "service")
    hours = len(air.temperature)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.where(clear_ghi > 20, ghi / clear_ghi, np.nan)
    index = pd.Series(index).interpolate(limit_direction="both").to_numpy()
    coarse = smooth(index, 3)
    coarse = 0.9 * coarse + 0.08 + 0.09 * remembering(rng, hours, 4.0) + 0.05 * rng.normal()
    rain = np.roll(air.rain, int(rng.integers(0, 2))) * np.exp(0.35 * rng.normal(size=hours))
    rain[rng.random(hours) < 0.08] = 0.0
    return pd.DataFrame(
        {
            "ghi_w_m2": np.clip(coarse, 0.03, 1.1) * clear_ghi,
            "temperature_c": air.temperature + rng.normal(0, 0.8) + 0.9 * remembering(rng, hours, 8.0),
            "wind_speed_m_s": np.maximum(
                air.wind * np.exp(0.12 * rng.normal()) + 0.6 * remembering(rng, hours, 4.0), 0.0
            ),
            "wind_direction_deg": (air.bearing + 8.0 * remembering(rng, hours, 5.0)) % 360.0,
            "precipitation_mm": rain,
        },
        index=pd.date_range(air.start + pd.Timedelta(hours=1), periods=hours, freq="h").as_unit("us"),
    )
