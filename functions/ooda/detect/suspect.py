"""Readings that Detect does not trust, and readings that are clipped.

Not trusted are: power that is stuck, a spike, power in the dark, and days with a wrong clock. Clipped
readings are right, and no fault.
"""

from __future__ import annotations

import math

import bottleneck as bn
import numpy as np

from ooda.config.detection import DetectionConfig
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs

NIGHT_SHARE = 0.03
"""Share of capacity (0…1). More power than this in the dark is a wrong reading."""
CLIP_LEAST, CLIP_QUANTILE, CLIP_BAND, CLIP_RATIO = 0.3, 0.995, 0.995, 3.0
"""How `clipped` finds the asset's ceiling. Only readings above 0.3 of capacity count. The ceiling is their
0.995-quantile. Near it are readings of at least 0.995 of the ceiling; just below are those from 0.99 to
0.995. There must be at least three times as many near it as just below."""
TWILIGHT_MINUTES = 30.0
"""Minutes before sunrise and after sunset in which power is not called wrong."""
SPIKE_SHARE = 0.25
"""Share of capacity (0…1). A spike is more than this above the reading before and the one after."""
CLOCK_MINUTES = 40.0
"""Minutes. The clock is wrong where a day's power both begins and ends at least this early, or late."""
CLOCK_AGREEMENT = 25.0
"""Minutes. The shift at the begin and the shift at the end may differ by so much."""
MIN_CLOCK_READINGS = 8
"""Readings at work that a day needs, before its clock is checked."""
STUCK_CHANNELS = ("volts", "temperature", "dc_power")
"""Channels of a track that show whether a logger is alive while power does not move."""


def stale(track: Track, config: DetectionConfig) -> Mask:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Power near zero (night, a stop) does not count. Other channels (`STUCK_CHANNELS`) decide where they are
    measured: if one of them changes, the logger works and the power was really constant. Where none is
    measured, constant power at the asset's highest value is taken for a limit, not for a stuck logger.
    """
    need = max(4, math.ceil(config.algorithms.duration.stale_minutes / track.step))
    power = track.power
    with np.errstate(invalid="ignore"):
        same = np.concatenate(([False], np.diff(power) == 0.0)) & (power > 0.005 * track.capacity)
    frozen = np.zeros(len(track), dtype=bool)
    if not same.any():
        return frozen
    highest = np.nanmax(power)
    for start, end in runs(same):
        if end - start + 1 < need:
            continue
        block = slice(start - 1, end)
        others = [
            values[np.isfinite(values)]
            for name in STUCK_CHANNELS
            if np.isfinite(values := getattr(track, name)[block]).sum() > 1
        ]
        stuck = all(np.ptp(values) == 0.0 for values in others)
        if stuck and (others or power[start] < highest):
            frozen[block] = True
    return frozen


def clipped(share: Floats) -> Mask:
    """Readings at the asset's own ceiling, shape (n,). `share`: power over capacity, (n,).

    The constants above say what the ceiling is and when there is one. At least two readings in a row must
    be near it. This is no fault: the inverter or a contract limits the power, and expected power is limited
    in the same way.
    """
    at_work = share[np.isfinite(share) & (share > CLIP_LEAST)]
    if at_work.size < 20:
        return np.zeros(len(share), dtype=bool)
    ceiling = float(np.quantile(at_work, CLIP_QUANTILE))
    with np.errstate(invalid="ignore"):
        near = share >= CLIP_BAND * ceiling
        below = (share >= (2 * CLIP_BAND - 1) * ceiling) & ~near
    if int(near.sum()) < CLIP_RATIO * max(int(below.sum()), 1):
        return np.zeros(len(share), dtype=bool)
    paired = near & (np.roll(near, 1) | np.roll(near, -1))
    return np.asarray(paired)


def outliers(track: Track) -> Mask:
    """Readings that are a spike, or that show power in the dark, shape (n,). A turbine has none.

    A spike is more than a quarter of the capacity above the reading before and the one after, while these
    two are alike and the irradiance did not rise. A sudden drop is not called wrong: it may be a cloud.
    """
    share = track.share
    before, after = np.roll(share, 1), np.roll(share, -1)
    with np.errstate(invalid="ignore"):
        above = share - np.maximum(before, after)
        spike = (above > SPIKE_SHARE) & (np.abs(before - after) < SPIKE_SHARE / 2)
        if np.isfinite(track.irradiance).any():
            sun = track.irradiance / 1000.0
            spike &= ~(sun - np.maximum(np.roll(sun, 1), np.roll(sun, -1)) > SPIKE_SHARE / 3)
    spike[[0, -1]] = False
    if track.asset.is_wind:
        return np.zeros(len(track), dtype=bool)
    reach = math.ceil(TWILIGHT_MINUTES / track.step)
    night = track.sky.clear_ghi <= 0.0
    near = np.convolve(~night, np.ones(2 * reach + 1), mode="same")[: len(night)] > 0
    with np.errstate(invalid="ignore"):
        dark = ~near & (share > NIGHT_SHARE) & np.isfinite(track.sky.clear_ghi)
    return np.asarray(spike | dark)


def clock_shift(track: Track) -> tuple[Mask, float]:
    """Readings of days with a wrong clock, shape (n,), and the median shift of these days in minutes.

    The shift is below 0 where power is early, above 0 where it is late, and 0.0 where no day is wrong. The
    first and the last reading above 1 % of capacity are compared with sunrise and sunset. Both must be
    shifted the same way: a late start alone, or an early stop alone, is no wrong clock.
    """
    shifted = np.zeros(len(track), dtype=bool)
    if track.asset.is_wind or not np.isfinite(track.sky.clear_ghi).any():
        return shifted, 0.0
    with np.errstate(invalid="ignore"):
        works = track.share > 0.01
    lit = track.sky.clear_ghi > 10.0
    days, minutes = track.days, track.sky.minutes
    wide = days.count(works) >= MIN_CLOCK_READINGS

    def ends(mask: Mask) -> tuple[Floats, Floats]:
        table = days.table(minutes, mask)
        return np.asarray(bn.nanmin(table, axis=1)), np.asarray(bn.nanmax(table, axis=1))

    with np.errstate(all="ignore"):
        rise, set_ = ends(lit)
        first, last = ends(works)
        early, late = first - rise, last - set_
        whole = days.count(lit) * track.step >= 360.0
        off = (early + late) / 2.0
        agree = (np.sign(early) == np.sign(late)) & (np.abs(early - late) <= CLOCK_AGREEMENT)
        wrong = wide & whole & agree & (np.minimum(np.abs(early), np.abs(late)) >= CLOCK_MINUTES)
    if not wrong.any():
        return shifted, 0.0
    return np.asarray(wrong[days.row]), float(np.median(off[wrong]))
