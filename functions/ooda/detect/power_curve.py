"""Power curve of a wind turbine from its own days, by bins of density-corrected wind speed.

Source: IEC 61400-12-1, method of bins (bins of 0.5 m/s).

>>> curve_of(np.array([0.0, np.nan, 0.4, 0.3, 1.0]))  # a hole is bridged, and the curve never falls
array([0. , 0.2, 0.4, 0.4, 1. ])
"""

from __future__ import annotations

import numpy as np

from ooda.detect.levels import STANDING_SHARE, Levels
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, slots_of

BINS, BIN_M_S = 60, 0.5
"""Bins of wind speed, and the width of one, m/s (IEC 61400-12-1)."""
STANDARD_DENSITY = 1.225
"""Of air at 15 °C and sea level, kg/m³ (ISO 2533)."""
CUT_IN_M_S = 4.0
"""m/s. Above this a sound turbine turns: without power it stands, and does not teach the curve."""


def measure_wind(track: Track, speed: Floats, usable: Mask) -> Levels:
    """Mean share of capacity by wind-speed bin of each day, as `shape`; the gain of a curve is 1."""
    days = track.days
    bins = np.clip(np.nan_to_num(speed) / BIN_M_S, 0, BINS - 1).astype(np.int64)
    works = usable & np.isfinite(speed) & np.isfinite(track.share)
    with np.errstate(invalid="ignore"):
        works &= ~((track.share <= STANDING_SHARE) & (speed > CUT_IN_M_S))
    shape = slots_of(days.row, bins, track.share, works, len(days), BINS)
    gain = np.where(np.isfinite(shape).any(axis=1), 1.0, np.nan)
    unknown = np.full(len(days), np.nan)
    return Levels(days.number, gain, unknown, unknown, shape)


def curve_of(shape: Floats) -> Floats:
    """A power curve by bin from medians with holes: rising to rated, holes bridged; NaN beyond the last
    bin that was measured."""
    measured = np.flatnonzero(np.isfinite(shape))
    if len(measured) < 3:
        return np.full(len(shape), np.nan)
    out = np.interp(np.arange(len(shape)), measured, np.maximum.accumulate(shape[measured]))
    out[measured[-1] + 2 :] = np.nan
    return np.asarray(out)


def wind_speed_corrected(track: Track) -> Floats:
    """Wind speed at standard air density, m/s: v · (ρ/1.225)^⅓ with ρ = p/(R·T) at 1 013 hPa.

    Source: IEC 61400-12-1, eq. 5 (normalisation for turbines with active power control).
    """
    kelvin = np.where(np.isfinite(track.temperature), track.temperature, 15.0) + 273.15
    density = 101_325.0 / (287.05 * kelvin)
    return np.asarray(track.wind * (density / STANDARD_DENSITY) ** (1.0 / 3.0))
