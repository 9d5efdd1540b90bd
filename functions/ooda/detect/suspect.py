"""Readings that cannot be believed: stuck, alone, at night, by a wrong clock; and those that are
clipped."""

from __future__ import annotations

import math

import bottleneck as bn
import numpy as np

from ooda.config.detection import DetectionConfig
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs

NIGHT_SHARE = 0.03
"""Of capacity. More power than this without the sun is an error."""
CLIP_LEAST, CLIP_QUANTILE, CLIP_BAND, CLIP_RATIO = 0.3, 0.995, 0.995, 3.0
"""A ceiling is looked for above 0.3 of capacity: at the 0.995-quantile of the shares, if three times as
many readings lie in the half per cent below it as in the next half per cent."""
TWILIGHT_MINUTES = 30.0
"""Minutes before sunrise and after sunset in which power is no error."""
SPIKE_SHARE = 0.25
"""Of capacity: a reading this far above both neighbours is a spike."""
CLOCK_MINUTES = 40.0
"""Minutes. Where a day's power begins and ends this much early, or late, the clock is wrong."""
CLOCK_AGREEMENT = 25.0
"""Minutes by which begin and end may differ in that."""
MIN_CLOCK_READINGS = 8
"""Readings at work that a day needs, before its clock is checked."""
STUCK_CHANNELS = ("volts", "temperature", "dc_power")
"""Channels of a track that show whether a logger is alive while power does not move."""


def stale(track: Track, config: DetectionConfig) -> Mask:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Zero (night, a stop) does not count. Where other channels are measured they decide: if one of them
    moves, the logger is alive and the plateau is honest. Where none is, a plateau at the asset's highest
    power is taken for its or the grid's limit.
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
    """Readings at the asset's own ceiling, shape (n,): within 0.5 % of its highest usual power (the
    0.995-quantile of what it gives at work), two in a row, if more time is spent there than just below.

    No fault: the inverter's or the contract's limit. The expectation is clipped too.
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
    """Readings far from both neighbours while these agree, or with power in the dark, shape (n,).

    A spike lies a quarter of the capacity above both neighbours, and more than irradiance moved; a
    cloud takes power away, so that only readings above their neighbours are called spikes.
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
    """Readings of days whose power begins and ends early, or late, alike; and by how many minutes at most.

    Compared are the first and last reading above 1 % of capacity with the sun's rising and setting over the
    horizon; only both together tell a clock from a late start or an early stop.
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
