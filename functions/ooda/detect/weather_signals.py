"""Signals of the weather in which a stretch began: rain, snow, wind, cold, and how usual that is there.

The weather is hourly, as a weather service tells it: showers come an hour early or late.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ooda.detect.sky import Floats

SNOW_C = 2.0
"""°C. What falls in air this cold is mostly snow: half of it at 1 to 2 °C (Jennings and others, 2018)."""
SNOW_HOURS = 48
"""Hours for which snow is taken to stay on modules."""
AFTER_STORM = pd.Timedelta(hours=4)
"""A weather service tells a storm hours late or early, and what it struck may run on for a little."""
FILM_MM = 1.0
"""mm of water that stay on surfaces and in gaps; more runs off."""
DRIES_MM, DARK_MM = 0.5, 0.02
"""mm that dry in an hour in the sun of 1 kW/m² (latent heat 0.68 kWh/kg, and most of the sun's heat goes to
the air) and in the dark."""
MEAN_W_M2 = 150.0
"""W/m² of sun where the service tells none: the mean of day and night."""
FILM_HOURS = 48
"""Hours of rain that are looked back at: longer no film lasts."""
WIND_M_S, PEAK_MM, DROP_C = 12.5, 6.0, 4.5
"""m/s, mm in an hour, °C within an hour: weather from which on it is compared with the site's other
days."""
APART = pd.Timedelta(hours=48)
"""Between a stretch and other days."""
FROST_C = (1.0, 4.0)
"""°C that a weather service tells: down to the first it freezes on blades, from the second on it thaws."""
MEASURED = ("precipitation_mm", "temperature_c", "wind_speed_m_s", "ghi_w_m2")
Signs = dict[str, float | None]
AS_BAD = 0.9
"""Share of a storm's wind, rain or cooling that counts as the same."""


def _hours(weather: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, Floats]:
    """The columns that tell of the hours from `start` to `end`, both with it. A stretch has five such
    parts, and a file hundreds of stretches: frames of them took longer than all else of a stretch."""
    rows = weather.index.slice_indexer(start, end)
    return {name: weather[name].to_numpy(dtype=float)[rows] for name in MEASURED if name in weather}


def snow_mm(weather: pd.DataFrame, until: pd.Timestamp) -> float | None:
    """mm of water that fell as snow in the `SNOW_HOURS` before `until` and the hour after it: no provider
    delivers snowfall, so it is what fell in frost. None without rain and temperature.

    >>> hours = pd.date_range("2025-01-10", periods=3, freq="h", tz="UTC")
    >>> columns = {"precipitation_mm": [1.0, 2.0, 4.0], "temperature_c": [-1.0, 0.5, 6.0]}
    >>> snow_mm(pd.DataFrame(columns, index=hours), hours[-1])
    3.0
    """
    part = _hours(weather, until - pd.Timedelta(hours=SNOW_HOURS), until + pd.Timedelta(hours=1))
    rain, air = part.get("precipitation_mm"), part.get("temperature_c")
    if rain is None or air is None:
        return None
    known = ~(np.isnan(rain) | np.isnan(air))
    return round(float(rain[known & (air <= SNOW_C)].sum()), 2) if known.any() else None


def film_mm(weather: pd.DataFrame, until: pd.Timestamp) -> float | None:
    """mm of water that rain has left on surfaces at `until` or in the hour after it, dried by the sun. None
    without rain.

    >>> hours = pd.date_range("2025-06-10", periods=4, freq="h", tz="UTC")
    >>> columns = {"precipitation_mm": [9.0, 0.0, 0.0, 0.0], "ghi_w_m2": [0.0, 0.0, 800.0, 900.0]}
    >>> film_mm(pd.DataFrame(columns, index=hours), hours[0])
    0.98
    >>> film_mm(pd.DataFrame(columns, index=hours), hours[3])
    0.54
    """
    part = _hours(weather, until - pd.Timedelta(hours=FILM_HOURS), until + pd.Timedelta(hours=1))
    rain = part.get("precipitation_mm")
    if rain is None or not np.isfinite(rain).any():
        return None
    sun = part.get("ghi_w_m2", np.full(len(rain), MEAN_W_M2))
    dries = DARK_MM + DRIES_MM * np.nan_to_num(sun) / 1000.0
    film, last = 0.0, 0.0
    for fell, gone in zip(np.nan_to_num(rain), dries, strict=True):
        last = film
        film = max(min(film + fell, FILM_MM) - gone, 0.0)
    return round(float(max(film, last)), 2)


def by_day(weather: pd.DataFrame | None) -> pd.DataFrame:
    """The strongest wind, the heaviest hour of rain and the largest cooling within an hour of each UTC day;
    empty without weather."""
    if weather is None or weather.empty:
        return pd.DataFrame()
    hours = pd.DataFrame(index=weather.index)
    for name, column in (("wind", "wind_speed_m_s"), ("peak", "precipitation_mm")):
        hours[name] = weather.get(column, np.nan)
    hours["drop"] = -weather["temperature_c"].diff() if "temperature_c" in weather else np.nan
    return hours.groupby(pd.DatetimeIndex(hours.index).floor("D")).max()


def usual(days: pd.DataFrame, ends: tuple[pd.Timestamp, pd.Timestamp], seen: Signs) -> Signs:
    """How often the site's other days are as bad as this storm, in all in which it is bad, and how many
    they are; nothing of weather that is no storm. `seen`: the weather signals of the stretch between
    `ends`; `days`: from `by_day`."""
    measures = (
        ("wind", seen["gust_m_s"], WIND_M_S),
        ("peak", seen["rain_peak_mm"], PEAK_MM),
        ("drop", seen.get("ambient_drop_c"), DROP_C),
    )
    bad = [(name, value) for name, value, least in measures if value is not None and value >= least]
    first, last = (end + sign * APART for end, sign in zip(ends, (-1, 1), strict=True))
    others = days[(days.index < first) | (days.index > last)] if len(days) and bad else days
    if not bad or others.empty:
        return {}
    alike = np.all([others[name].to_numpy() >= AS_BAD * value for name, value in bad], axis=0)
    return {"storm_rate": round(float(np.mean(alike)), 4), "storm_days": float(len(others))}


def _frost(air: Floats) -> float | None:
    """Share of the hours in frost; an hour counts the less, the warmer it is than `FROST_C`."""
    air = air[~np.isnan(air)]
    cold, mild = FROST_C
    return round(float(((mild - air) / (mild - cold)).clip(0.0, 1.0).mean()), 3) if len(air) else None


def _number(values: Floats, how: Callable[[Floats], float]) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(how(known)), 2) if len(known) else None


def of_stretch(
    weather: pd.DataFrame | None,
    days: pd.DataFrame,
    times: pd.Series,
    share: Floats,
    worked: pd.Timestamp | None,
) -> Signs:
    """Weather signals: mm of rain, m/s of gusts, °C; empty without weather.

    `times` and `share`: the stretch's readings and the loss share of each. `worked`: when the machine was
    last seen to work before a stop. Rain and gusts are of the 24 hours before the onset and the hour after
    it. The onset is where a tenth of the stretch's loss has accrued. What struck a machine that stopped
    came after it was last seen to work: rain by the hour, wind and cooling are then of the time since
    `AFTER_STORM` before that. Air temperature is of the time from an hour before the onset to an hour after
    the end. `days`: from `by_day`.
    """
    out: Signs = {}
    if weather is None or weather.empty:
        return out
    cost = np.cumsum(np.maximum(np.nan_to_num(share), 0.0))
    onset = int(np.searchsorted(cost, 0.1 * cost[-1])) if cost[-1] > 0 else 0
    begin = times.iloc[onset]
    day = begin - pd.Timedelta(hours=24)
    hour, none = pd.Timedelta(hours=1), np.empty(0)
    before = _hours(weather, day, begin + hour)
    since = max(day, worked - AFTER_STORM) if worked is not None else day
    struck = _hours(weather, since, begin + hour)
    during = _hours(weather, begin - hour, times.iloc[-1] + hour)
    out["rain_mm"] = _number(before.get("precipitation_mm", none), np.sum)
    out["wet_mm"] = film_mm(weather, begin)
    out["snow_mm"] = snow_mm(weather, begin)
    out["rain_peak_mm"] = _number(struck.get("precipitation_mm", none), np.max)
    out["gust_m_s"] = _number(struck.get("wind_speed_m_s", none), np.max)
    air = during.get("temperature_c", none)
    out["ambient_c"] = _number(air, np.median)
    out["frost_share"] = _frost(air)
    out["ambient_min_c"] = _number(air, np.min)
    air = struck.get("temperature_c", none)
    if (~np.isnan(air)).sum() > 3:
        out["ambient_drop_c"] = _number(np.diff(air), lambda changes: -min(changes.min(), 0.0))
    return {**out, **usual(days, (begin, times.iloc[-1]), out)}
