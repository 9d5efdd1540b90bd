"""Intervals that hold what they promise: conformal factors on each tail, renewed from recent outcomes.

A raw interval of the model is stretched about the median: lower = median − f_low (median − raw lower),
upper likewise. The factor of a tail is the smallest with which the tail's share of recent out-of-sample
outcomes would have been what it should be; recent means a trailing window of days the model was not
trained on. Source of the idea: conformalised quantile regression (Romano, Patterson, Candès, 2019) with a
window in place of exchangeability (Barber, Candès, Ramdas, Tibshirani, Annals of Statistics 51(2), 2023).
Between trainings the factors go on to adapt: every measured day moves each tail a little towards what it
should miss (adaptive conformal inference, Gibbs, Candès, NeurIPS 2021), on the factor's logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.model.booster import at_levels
from ona.sky.sun import Floats

INTERVALS: dict[int, tuple[float, float]] = {80: (0.1, 0.9), 95: (0.025, 0.975)}
"""Quantile levels of the bounds by interval (%); the contract's intervals."""
MIN_WIDTH = 0.004
"""Half widths below this share of capacity are not scaled: a factor of nothing is nothing."""
FACTORS = (0.3, 4.0)
"""Least and greatest factor of a training. Ours."""
MIN_OUTCOMES = 80
"""Outcomes that calibrate: with fewer, a tail of 2.5 % holds less than two. Ours."""
ADAPTATION = 0.1
"""How fast live factors move: a day that misses throughout widens its tail by a tenth."""
LIVE_FACTORS = (0.5, 2.5)
"""Least and greatest live factor, so that a broken meter does not widen intervals without end. Ours."""


@dataclass(frozen=True)
class Tail:
    """Factors of one interval's lower and upper half."""

    lower: float = 1.0
    upper: float = 1.0


Calibration = Mapping[int, Tail]
UNCALIBRATED: Calibration = {level: Tail() for level in INTERVALS}
"""Factors of 1: intervals as the model gives them."""


def calibrate(actual: Floats, quantiles: Floats, levels: tuple[float, ...]) -> dict[int, Tail]:
    """Factors from outcomes, shape (n,), and the raw quantiles that had been forecast, shape (n, levels).

    Give daylight outcomes of a trailing window, none of which the model was trained on. Too few of them
    calibrate nothing.
    """
    came = ~np.isnan(actual)
    if came.sum() < MIN_OUTCOMES:
        return dict(UNCALIBRATED)
    actual, quantiles = actual[came], quantiles[came]
    median = at_levels(quantiles, levels, np.array([0.5]))[:, 0]
    factors = {}
    for level, (low, high) in INTERVALS.items():
        bounds = at_levels(quantiles, levels, np.array([low, high]))
        below = (median - actual) / np.maximum(median - bounds[:, 0], MIN_WIDTH)
        above = (actual - median) / np.maximum(bounds[:, 1] - median, MIN_WIDTH)
        factors[level] = Tail(_factor(below, low), _factor(above, 1.0 - high))
    return factors


def adapted(live: Calibration, misses: Mapping[int, tuple[float, float]]) -> dict[int, Tail]:
    """Live factors after a day whose values fell below and above each interval in these shares, 0…1.

    A tail that missed more than it should is widened, one that missed less is narrowed.
    """
    moved = {}
    for level, (below, above) in misses.items():
        should = INTERVALS[level][0]
        tail = live.get(level, Tail())
        factors = [
            float(np.clip(old * np.exp(ADAPTATION * (missed - should)), *LIVE_FACTORS))
            for old, missed in ((tail.lower, below), (tail.upper, above))
        ]
        moved[level] = Tail(*factors)
    return moved


def combined(trained: Calibration, live: Calibration) -> dict[int, Tail]:
    """Factors from training times the live ones."""
    return {
        level: Tail(
            trained.get(level, Tail()).lower * live.get(level, Tail()).lower,
            trained.get(level, Tail()).upper * live.get(level, Tail()).upper,
        )
        for level in INTERVALS
    }


def _factor(scores: Floats, tail: float) -> float:
    n = len(scores)
    level = min(1.0, np.ceil((n + 1) * (1.0 - tail)) / n)
    return float(np.clip(np.quantile(scores, level), *FACTORS))


def intervals(
    quantiles: Floats, levels: tuple[float, ...], calibration: Calibration
) -> tuple[Floats, dict[int, tuple[Floats, Floats]]]:
    """Median, and the calibrated (lower, upper) by interval, shares of capacity; a wider one holds the
    narrower one, all of them hold the median, none leaves 0…1."""
    wanted: NDArray[np.float64] = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    q = at_levels(quantiles, levels, wanted)
    median = q[:, 2]
    raw = {80: (q[:, 1], q[:, 3]), 95: (q[:, 0], q[:, 4])}
    out: dict[int, tuple[Floats, Floats]] = {}
    inner = (median, median)
    for level in sorted(raw):
        tail = calibration.get(level, Tail())
        lower = np.minimum(median - tail.lower * (median - raw[level][0]), inner[0])
        upper = np.maximum(median + tail.upper * (raw[level][1] - median), inner[1])
        inner = (np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0))
        out[level] = inner
    return median, out
