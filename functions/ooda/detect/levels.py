"""Levels: an asset's gain and shape on each day, and the baseline that earlier days give.

The *driver* (the glossary's reference) is the power that was possible at an instant, as a share of
capacity. It comes from irradiance by PVWatts ("sun"), or is the median of the neighbours ("peers").

The *gain* of a day is one number: the median of measured share of capacity over driver. A gain of 0.96
means that the asset gave 4 % less than the driver.

The *shape* of a day has one number for each solar half hour: the same ratio in that half hour, over the
day's gain. A shape of 0.9 at 8:00 means 10 % less at 8:00 than the gain says. Azimuth, tilt, the horizon
and a sensor outside the plane of array show in the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.config.detection import ReferenceRules
from ooda.detect.rolling import ends_of, quantile_of_rows, windows
from ooda.detect.sky import Floats, Ints

NEAR_CAPACITY_SHARE = 0.97
"""Share of capacity (0…1), the nameplate. At or above it an asset may be clipped, and the reading is not
used for gain and shape. Chosen on the plants of the bench. `geometry.NEAR_HIGHEST_SHARE` is something else:
a share of the asset's own highest power."""
STANDING_SHARE = 0.01
"""Share of capacity (0…1). An asset at or below this stands still."""
GAIN_QUANTILE, GAIN_SIGMAS = 0.9, 1.2816
"""The gain is the 0.9-quantile of the days' gains less what their noise adds to it (1.2816 σ: the same
quantile of the normal distribution). Days with a fault do not lower it, unless nearly all days have one."""
RELEARN_DAYS = 7
"""Days. In a file of many days the shape is learned anew after so many days."""
MIN_SHAPE_DAYS = 3
"""Days on which a solar half hour must have been measured before its shape is used."""
CLEAR = 0.75
"""Of the clear sky's irradiance: above it a sky is clear, and a gain is best learned."""


@dataclass(frozen=True)
class Levels:
    """An asset's D days against one driver: `gain`, `spread` and `cloudy` (spread under clouds) of shape
    (D,), `shape` of (D, S); NaN where a day says nothing. `day`, (D,), are days since 1970, rising."""

    day: Ints
    gain: Floats
    spread: Floats
    cloudy: Floats
    shape: Floats


@dataclass(frozen=True)
class Baseline:
    """What to expect of each of the file's D days, from the days before it.

    `gain`, (D,), and `shape`, (D, S), as the module explains them. `count`, (D,): how many earlier days
    have a gain.
    """

    gain: Floats
    shape: Floats
    count: Ints


def baseline(
    history: Levels,
    levels: Levels,
    rules: ReferenceRules,
    as_now: Callable[[Floats, Ints], Floats] | None = None,
) -> Baseline:
    """Gain and shape for each of the file's D days, from the days before it.

    The first `FIRST_DAYS` days of all stand for the days that they lack before them. `as_now`: what the
    gains before each day, (D, N), that end at `ends`, (D,), would be on that day; the lower counts.
    """
    gains = np.concatenate((history.gain, levels.gain))
    d = len(levels.gain)
    ends = ends_of(len(gains), d)
    window = windows(gains, ends, rules.baseline_days)
    count = np.isfinite(window).sum(axis=1)
    if d == 0 or not count.any():
        unknown = np.full(d, np.nan)
        return Baseline(unknown, np.ones((d, levels.shape.shape[1])), count)
    gain = _high(window)
    if as_now is not None:
        gain = np.fmin(gain, _high(as_now(window, ends)))
    shapes = np.concatenate((history.shape, levels.shape))
    shape = np.ones((d, shapes.shape[1]))
    for start in range(0, d, RELEARN_DAYS):
        end = int(ends[start])
        part = shapes[max(0, end - rules.shape_days) : end]
        learned = bn.nanmedian(part, axis=0) if len(part) else np.full(shapes.shape[1], np.nan)
        enough = np.isfinite(part).sum(axis=0) >= MIN_SHAPE_DAYS
        shape[start : start + RELEARN_DAYS] = np.where(enough, learned, np.nan)
    return Baseline(gain, shape, count)


def _high(window: Floats) -> Floats:
    """The high quantile of each window of gains, (D,), less what noise adds to it."""
    with np.errstate(invalid="ignore"):
        noise = 1.4826 / np.sqrt(2.0) * bn.nanmedian(np.abs(np.diff(window, axis=1)), axis=1)
        middle = bn.nanmedian(window, axis=1)
        high = quantile_of_rows(window, GAIN_QUANTILE) - GAIN_SIGMAS * np.nan_to_num(noise)
        return np.asarray(np.maximum(high, middle))
