"""Levels: what each day says of an asset against a driver, and the baseline that earlier days give.

A *driver* says what power was to be had: PVWatts' form on the irradiance ("sun"), or the median of the
neighbours ("peers"). The *gain* of a day is the median of share of capacity over driver. The *shape* is the
same by half hour of the solar day, relative to the gain: azimuth, tilt, horizon and an off-plane sensor
show in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.config.detection import ReferenceRules
from ooda.detect.peers import BRIGHT
from ooda.detect.rolling import ends_of, quantile_of_rows, windows
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.track import Track, slots_of

CLIPPED_SHARE = 0.97
"""Of capacity. An asset above this may be at its limit, and says nothing of its gain. Chosen on plants."""
STANDING_SHARE = 0.01
"""Of capacity. An asset below this stands still."""
SHAPE_DRIVER = 0.08
"""Of capacity, that is 80 W/m². In less light the shape of the day is not learned."""
GAIN_QUANTILE, GAIN_SIGMAS = 0.9, 1.2816
"""The gain is the 0.9-quantile of the days' gains less what their noise adds to it (1.2816 σ: the same
quantile of the normal distribution). Days with a fault do not lower it, unless nearly all days have one."""
RELEARN_DAYS = 7
"""Days between two learnings of the shape in one long file."""
MIN_SHAPE_DAYS = 3
"""Days that a half hour must have been measured on, before its shape counts."""
CLEAR, MIN_CLEAR_READINGS, MIN_CLEAR_DAYS = 0.75, 4, 0.2
"""A gain is best learned under a clear sky: 75 % of the clear-sky irradiance, in at least 4 readings of a
day, if a fifth of the days have such readings. Thresholds were chosen on the plants of the bench."""


@dataclass(frozen=True)
class Levels:
    """An asset's D days against one driver: `gain`, `spread` and `cloudy` (spread under clouds) of shape
    (D,), `shape` of (D, S); NaN where a day says nothing. `day`, (D,), are days since 1970, rising."""

    day: Ints
    gain: Floats
    spread: Floats
    cloudy: Floats
    shape: Floats

    @classmethod
    def none(cls, width: int = SLOTS) -> Levels:
        """No day."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty((0, width)))


@dataclass(frozen=True)
class Baseline:
    """What earlier days say of the D days judged: gain (D,), shape (D, S), how many earlier days there are
    (`count`, (D,)), and their median gain (`middle`, (D,))."""

    gain: Floats
    shape: Floats
    count: Ints
    middle: Floats


def measure(track: Track, driver: Floats, usable: Mask) -> Levels:
    """Gain and shape of each day against a driver, shape (n,), from readings in light at work."""
    days = track.days
    with np.errstate(invalid="ignore", divide="ignore"):
        works = usable & (track.share > STANDING_SHARE) & (track.share < CLIPPED_SHARE)
        ratio = track.share / driver
        bright = works & (driver >= BRIGHT)
        dim = works & (driver >= SHAPE_DRIVER)
        clear = bright & (track.clearness >= CLEAR)
    gain = np.where(days.count(clear) >= MIN_CLEAR_READINGS, days.median(ratio, clear), np.nan)
    level = gain
    if not np.isfinite(gain).all():
        every = days.median(ratio, bright)
        if np.isfinite(gain).mean() < MIN_CLEAR_DAYS:  # a dull month, or no location
            gain = every
        level = np.where(np.isfinite(gain), gain, every)
    relative = ratio / level[days.row]
    dim &= np.isfinite(relative)
    shape = slots_of(days.row, track.sky.slot, relative, dim, len(days), SLOTS)
    unknown = np.full(len(days), np.nan)
    return Levels(days.number, gain, unknown, unknown, shape)


def baseline(history: Levels, levels: Levels, rules: ReferenceRules) -> Baseline:
    """Gain and shape for each of the file's D days, from the days before it.

    The first `FIRST_DAYS` days of all stand for the days that they lack before them.
    """
    gains = np.concatenate((history.gain, levels.gain))
    d = len(levels.gain)
    ends = ends_of(len(gains), d)
    window = windows(gains, ends, rules.baseline_days)
    count = np.isfinite(window).sum(axis=1)
    if d == 0 or not count.any():
        unknown = np.full(d, np.nan)
        return Baseline(unknown, np.ones((d, levels.shape.shape[1])), count, unknown)
    with np.errstate(invalid="ignore"):
        noise = 1.4826 / np.sqrt(2.0) * bn.nanmedian(np.abs(np.diff(window, axis=1)), axis=1)
        middle = bn.nanmedian(window, axis=1)
        gain = np.maximum(
            quantile_of_rows(window, GAIN_QUANTILE) - GAIN_SIGMAS * np.nan_to_num(noise), middle
        )
    shapes = np.concatenate((history.shape, levels.shape))
    shape = np.ones((d, shapes.shape[1]))
    for start in range(0, d, RELEARN_DAYS):
        end = int(ends[start])
        part = shapes[max(0, end - rules.shape_days) : end]
        learned = bn.nanmedian(part, axis=0) if len(part) else np.full(shapes.shape[1], np.nan)
        enough = np.isfinite(part).sum(axis=0) >= MIN_SHAPE_DAYS
        shape[start : start + RELEARN_DAYS] = np.where(enough, learned, np.nan)
    return Baseline(gain, shape, count, middle)
