"""How good a forecast was: pinball loss, coverage, sharpness, skill, accuracy.

>>> pinball(np.array([1.0]), np.array([[0.0, 1.0, 2.0]]), np.array([0.1, 0.5, 0.9]))
0.06666666666666667
>>> skill(error=0.05, reference_error=0.10)
0.5
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ona.sky.sun import Floats

CENTILES: NDArray[np.float64] = np.arange(1, 100) / 100.0
"""The levels at which GEFCom2014 scored: 0.01 … 0.99."""
BRIGHT_W_M2 = 50.0
"""Clear-sky irradiance from which yesterday's clear-sky index is carried on; below, it is noise. Ours."""


def pinball(actual: Floats, quantiles: Floats, levels: Floats = CENTILES) -> float:
    """Mean pinball loss of quantiles, shape (n, levels), against what came, shape (n,).

    Source: Hong et al., Int. J. of Forecasting 32(3), 2016, eq. 1; unit of `actual`.
    """
    error = actual[:, None] - quantiles
    return float(np.maximum(levels * error, (levels - 1.0) * error).mean())


def coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Share of values inside their interval, bounds included, 0…1."""
    return float(((actual >= lower) & (actual <= upper)).mean())


def sharpness(lower: Floats, upper: Floats) -> float:
    """Mean width of the intervals, in the unit of the values: less is sharper."""
    return float((upper - lower).mean())


def mean_absolute_error(actual: Floats, predicted: Floats) -> float:
    """Mean absolute error, unit of the values; pairs with a missing value are left out."""
    both = ~(np.isnan(actual) | np.isnan(predicted))
    return float(np.abs(actual[both] - predicted[both]).mean()) if both.any() else float("nan")


def skill(error: float, reference_error: float) -> float:
    """1 − error / reference error: 1 is perfect, 0 no better than the reference."""
    return 1.0 - error / reference_error if reference_error > 0 else float("nan")


def accuracy_percent(actual_kw: Floats, predicted_kw: Floats, capacity_kw: float) -> float:
    """100 · (1 − MAE / capacity), as the daily metric has it; give daylight values only."""
    return 100.0 * (1.0 - mean_absolute_error(actual_kw, predicted_kw) / capacity_kw)


def clear_sky_persistence(share: Floats, clear: Floats, steps_a_day: int) -> Floats:
    """Tomorrow's clear-sky index is today's: share(t − 24 h) / clear(t − 24 h) · clear(t), shape (n,).

    Where yesterday's sky was dark, yesterday's share stands as it is; the first day is unknown (NaN).
    """
    before_share = np.concatenate([np.full(steps_a_day, np.nan), share[:-steps_a_day]])
    before_clear = np.concatenate([np.full(steps_a_day, np.nan), clear[:-steps_a_day]])
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(before_clear > BRIGHT_W_M2, before_share / before_clear, np.nan)
    return np.asarray(np.where(np.isnan(index), before_share, np.clip(index * clear, 0.0, 1.0)))
