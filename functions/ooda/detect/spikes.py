"""Single readings that are wrong: far from the readings beside them, or power in the dark."""

from __future__ import annotations

import math

import numpy as np

from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track

SPIKE_SHARE = 0.25
"""Share of capacity (0…1). A single reading is further than this from both readings beside it."""
ALIKE = 0.5
"""Share of its distance by which the two beside it may differ."""
GONE = 0.15
"""Share of the lower of the two beside it. A cloud leaves more than this of the power: diffuse light."""
OFTEN, ABOVE = 0.95, 1.05
"""Quantile of the file's shares of the clear sky that the asset reaches often; what is 5 % above that, or
above the nameplate, is no gap in the clouds."""
NEGATIVE_SHARE = 0.05
"""Share of capacity. A machine takes less than this for itself."""
NIGHT_SHARE = 0.03
"""Share of capacity (0…1). More power than this in the dark is a wrong reading."""
TWILIGHT_MINUTES = 30.0
"""Minutes before sunrise and after sunset in which power is not called wrong."""


def outliers(track: Track) -> Mask:
    """Single wrong readings, and those that show power in the dark, shape (n,). A turbine has none.

    A reading is wrong that stands alone above the two beside it or, nearly without power, below them, while
    these are alike and the irradiance did not do the same.
    """
    if track.asset.is_wind:
        return np.zeros(len(track), dtype=bool)
    share = track.share
    with np.errstate(invalid="ignore"):
        wrong = _alone(share) & ~_followed(track) & ~_sunny(track)
        wrong |= share < -NEGATIVE_SHARE
        reach = math.ceil(TWILIGHT_MINUTES / track.step)
        night = track.sky.clear_ghi <= 0.0
        near = np.convolve(~night, np.ones(2 * reach + 1), mode="same")[: len(night)] > 0
        dark = ~near & (share > NIGHT_SHARE) & np.isfinite(track.sky.clear_ghi)
    return np.asarray(wrong | dark)


def _alone(share: Floats) -> Mask:
    """Readings far from both beside them, which are alike."""
    before, after = np.roll(share, 1), np.roll(share, -1)
    high, low = np.maximum(before, after), np.minimum(before, after)
    distance = np.maximum(share - high, low - share)
    alone = (distance > SPIKE_SHARE) & (high - low < ALIKE * distance)
    alone &= (share > high) | (share < GONE * low)
    alone[[0, -1]] = False
    return alone


def _followed(track: Track) -> Mask:
    """Readings at which the irradiance rose or fell alone as well, a third as far."""
    sun = track.irradiance / 1000.0
    before, after = np.roll(sun, 1), np.roll(sun, -1)
    moved = np.maximum(sun - np.maximum(before, after), np.minimum(before, after) - sun)
    return np.asarray(moved > SPIKE_SHARE / 3)


def _sunny(track: Track) -> Mask:
    """Readings above the ones beside them that a gap in the clouds explains: no irradiance is measured, and
    the asset often gives as much of the clear sky."""
    clear, share = track.sky.clear_ghi / 1000.0, track.share
    index = share / np.maximum(clear, 0.05)
    known = index[np.isfinite(index) & (clear > 0.1) & (share > 0.0)]
    most = ABOVE * (np.quantile(known, OFTEN) * clear if len(known) else np.ones(len(track)))
    gap = (share > np.roll(share, 1)) & (share <= np.minimum(most, ABOVE))
    return np.asarray(gap & ~np.isfinite(track.irradiance))
