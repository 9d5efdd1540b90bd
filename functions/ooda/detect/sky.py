"""Sun, night and solar time of one site's instants; computed once for all its assets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.assets import Asset, Location
from ona.sky.almanac import sun_position
from ooda.config.detection import Filtering

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MIN_ELEVATION_DEG = 5.0
"""Degrees. Below this the array is mostly in its own and the terrain's shadow."""
SLOTS = 48
"""Half hours of the solar day: the resolution of an asset's usual shape."""
MINUTE = 60_000_000
"""Microseconds: times are counted in these."""
DAY_MINUTES = 1440
"""Minutes of a day."""


@dataclass(frozen=True)
class Sky:
    """Of n instants, each array of shape (n,): `minutes` since 1970 UTC, solar `day` since 1970, `of_day`
    (minute of the solar day in the middle of the interval), `light` (output can be judged), `clear_ghi`
    (W/m², NaN where the location is unknown), `azimuth` and `elevation` of the sun (degrees, NaN where
    unknown)."""

    minutes: Floats
    day: Ints
    of_day: Floats
    light: Mask
    clear_ghi: Floats
    azimuth: Floats
    elevation: Floats

    @cached_property
    def slot(self) -> Ints:
        """The half hour of the solar day, 0…47, (n,)."""
        return np.minimum(self.of_day // (DAY_MINUTES // SLOTS), SLOTS - 1).astype(np.int64)

    def at(self, rows: NDArray[np.intp] | None) -> Sky:
        """The same for some of the instants; None means all of them."""
        return (
            self
            if rows is None
            else Sky(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))
        )


@dataclass(frozen=True)
class Clock:
    """The instants at which any of several assets reports, (n,); whether all report at all of them."""

    times: pd.DatetimeIndex
    together: bool

    @classmethod
    def of(cls, reported: list[pd.Series]) -> Clock:
        """From each asset's rising times."""
        ticks = [pd.DatetimeIndex(times).asi8 for times in reported]
        if all(np.array_equal(ticks[0], other) for other in ticks[1:]):
            return cls(pd.DatetimeIndex(reported[0]), True)
        return cls(pd.DatetimeIndex(pd.concat(reported).unique()).sort_values(), False)

    def rows(self, reported: pd.Series) -> NDArray[np.intp] | None:
        """Where an asset's times stand among the instants, (m,); None where they are all of them."""
        return None if self.together else self.times.searchsorted(reported)


def sky(
    times: pd.DatetimeIndex, location: Location | None, rules: Filtering, to_middle: float = 0.0
) -> Sky:
    """Sun and solar time of instants, shape (n,). `to_middle`: minutes from a stamp to the middle of its
    interval, where the sun is looked at (`stamps.py`).

    With a location by `almanac`, days broken at solar midnight (so that no daylight is cut in
    two) and clear-sky irradiance by Haurwitz (1945): 1098 · cos z · exp(−0.057 / cos z). Without one: UTC
    days, and the configured hours for the night.
    """
    minutes = times.as_unit("us").asi8.astype(float) / MINUTE
    solar = minutes + (location.longitude * 4.0 if location else 0.0)
    day = solar_days(minutes, location)
    of_day = np.clip(solar + to_middle - day * DAY_MINUTES, 0.0, DAY_MINUTES - 1.0)
    if location is None:
        unknown = np.full(len(times), np.nan)
        return Sky(minutes, day, of_day, _by_clock(of_day, rules), unknown, unknown, unknown)
    seconds = times.as_unit("us").asi8 / 1e6 + 60.0 * to_middle
    elevation, _, azimuth = sun_position(seconds, location.latitude, location.longitude)
    cosine = np.sin(np.radians(np.maximum(elevation, 0.0)))
    clear = 1098.0 * cosine * np.exp(-0.057 / np.maximum(cosine, 1e-3))
    light = elevation > MIN_ELEVATION_DEG
    return Sky(minutes, day, of_day, light, clear, azimuth, elevation)


def place_of_days(asset: Asset) -> Location | None:
    """The place whose solar midnight parts an asset's days; None for UTC days.

    A turbine has no night that could part them, so its days are those of its files, and no day is cut.
    """
    return None if asset.is_wind else asset.location


def by_utc(sky: Sky) -> Sky:
    """The same instants by UTC days, as turbines have them."""
    return replace(sky, day=solar_days(sky.minutes, None))


def solar_days(minutes: Floats, location: Location | None) -> Ints:
    """The solar day, days since 1970, of minutes since 1970 UTC, (n,): the UTC day without a place."""
    offset = location.longitude * 4.0 if location else 0.0
    return np.asarray(np.floor((minutes + offset) / DAY_MINUTES).astype(np.int64))


def _by_clock(of_day: Floats, rules: Filtering) -> Mask:
    start, end = (t.hour * 60 + t.minute for t in (rules.night_hours_start, rules.night_hours_end))
    dark = (of_day >= start) | (of_day < end) if start > end else (of_day >= start) & (of_day < end)
    return np.asarray(~dark)


def judged_light(site: Sky, asset: Asset, rules: Filtering) -> Mask:
    """Where an asset's output can be judged for the light, shape (n,). A wind turbine has no night."""
    if asset.is_wind or not rules.exclude_night_hours:
        return np.ones(len(site.light), dtype=bool)
    return site.light


def in_maintenance(minutes: Floats, asset: Asset, rules: Filtering) -> Mask:
    """True where planned work on the asset excuses what it does, shape (n,)."""
    planned = np.zeros(len(minutes), dtype=bool)
    if rules.exclude_maintenance_windows:
        for window in rules.maintenance_windows:
            if window.asset_id == asset.id:
                start, end = (t.timestamp() / 60.0 for t in (window.start, window.end))
                planned |= (minutes >= start) & (minutes <= end)
    return planned
