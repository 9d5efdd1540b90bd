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
ABOVE = 1.05
"""Share of capacity (0…1). What is above it is no gap in the clouds, though nobody else saw the sky."""
NEGATIVE_SHARE = 0.05
"""Share of capacity. A machine takes less than this for itself."""
NIGHT_SHARE = 0.03
"""Share of capacity (0…1). More power than this in the dark is a wrong reading."""
TWILIGHT_MINUTES = 30.0
"""Minutes before sunrise and after sunset in which power is not called wrong."""


def outliers(track: Track, due: Floats) -> Mask:
    """Single wrong readings, and those that show power in the dark, shape (n,). A turbine has none.

    A reading is wrong that stands alone above the two beside it or, nearly without power, below them, while
    these are alike and neither irradiance nor `due`, the share of capacity that others foretell, (n,), did
    the same.
    """
    if track.asset.is_wind:
        return np.zeros(len(track), dtype=bool)
    share = track.share
    with np.errstate(invalid="ignore"):
        wrong = _alone(share) & ~_followed(track, due)
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


def _followed(track: Track, due: Floats) -> Mask:
    """Readings at which the light rose or fell alone as well, a third as far: as the irradiance or the
    other machines saw it. Where nobody saw it, a gap in the clouds gives up to `ABOVE`."""
    seen = np.zeros(len(track), dtype=bool)
    for light in (track.irradiance / 1000.0, due):
        before, after = np.roll(light, 1), np.roll(light, -1)
        moved = np.maximum(light - np.maximum(before, after), np.minimum(before, after) - light)
        seen |= moved > SPIKE_SHARE / 3
    alone = ~np.isfinite(track.irradiance) & ~np.isfinite(due)
    return np.asarray(seen | (alone & (track.share > np.roll(track.share, 1)) & (track.share <= ABOVE)))
