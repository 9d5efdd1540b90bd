"""A wind farm as one of its turbines sees it: the others' wind and power at its instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.detect.power_curve import wind_speed_corrected
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Indices, Track

STANDING_SHARE = 0.01
"""Of capacity. A turbine at or below this stands still."""
SERVICE = ("wind_speed_hub_m_s", "wind_speed_m_s")
"""The weather service's winds, the better one first."""
TURNING_M_S = 5.0
"""m/s. A turbine that stands in this wind stands for a reason of its own, and says nothing of the wind: all
that are sold turn from 3 to 4 m/s on."""


@dataclass(frozen=True)
class Others:
    """The other turbines at an asset's n instants, (n,), NaN where none reports: the median of their
    density-corrected wind speeds, m/s, and of the power of those that work, as a share of capacity.
    `down`: two or more report, and all stand in the wind."""

    speed: Floats
    share: Floats
    down: Mask

    @classmethod
    def of(cls, track: Track, turbines: Sequence[Track], weather: pd.DataFrame | None) -> Others:
        """As one of the turbines sees them; `weather`: the site's, by hour."""
        others = [own for own in turbines if own.asset.id != track.asset.id]
        shape = (len(track), max(len(others), 1))
        speed, share = np.full(shape, np.nan), np.full(shape, np.nan)
        for column, own in enumerate(others):
            rows, there = _at(own, track)
            speed[there, column] = wind_speed_corrected(own, weather)[rows]
            share[there, column] = own.share[rows]
        with np.errstate(invalid="ignore"):
            stands = (share <= STANDING_SHARE) & (speed > TURNING_M_S)
        reports = np.isfinite(share).sum(axis=1)
        down = (reports >= 2) & (stands.sum(axis=1) == reports)
        works = np.where(stands, np.nan, share)
        return cls(bn.nanmedian(speed, axis=1), bn.nanmedian(works, axis=1), down)


def winds_beside(
    track: Track, turbines: Sequence[Track], weather: pd.DataFrame | None
) -> tuple[Floats, Floats] | None:
    """The median of the other turbines' wind, and the weather service's at the hub or else near the ground,
    m/s, (n,) each, NaN where there is none; None for what is no turbine."""
    if not track.asset.is_wind:
        return None
    speeds = np.full((len(track), max(len(turbines), 1)), np.nan)
    for column, own in enumerate(turbines):
        if own.asset.id != track.asset.id:
            rows, there = _at(own, track)
            speeds[there, column] = own.wind[rows]
    service = np.full(len(track), np.nan)
    name = next((n for n in SERVICE if weather is not None and n in weather), "")
    if weather is not None and name and len(hours := weather[name].dropna()) > 1:
        at = (pd.DatetimeIndex(hours.index) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(minutes=1)
        values = hours.to_numpy(dtype=float)
        service = np.interp(track.sky.minutes, at, values, left=np.nan, right=np.nan)
    return bn.nanmedian(speeds, axis=1), service


def _at(own: Track, track: Track) -> tuple[Indices, Indices]:
    """Where another's readings stand at a track's instants: its rows, and the track's."""
    if np.array_equal(own.sky.minutes, track.sky.minutes):
        every = np.arange(len(track))
        return every, every
    _, rows, there = np.intersect1d(
        own.sky.minutes, track.sky.minutes, assume_unique=True, return_indices=True
    )
    return rows, there
