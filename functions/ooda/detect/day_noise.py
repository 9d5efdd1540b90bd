"""The noise of days: how far the loss of a sound asset's day lies from none, and how long that lasts.

Two parts: a white one, new each day, and a slow one that a day hands on to the next (AR(1)), because
weather, dirt and the seasons last. How much there is of each is read off the variogram: half the squared
difference of days so far apart. A fault that begins once touches few such pairs; medians leave them out.

>>> alternating = np.array([0.0, 0.02] * 30)  # white: days next to each other differ as much as any
>>> noise = noise_before(alternating, np.full(60, 100.0), np.arange(60))
>>> bool(noise.slow[-1] < 0.5)
True
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.rolling import quantile_of_rows, windows
from ooda.detect.sky import Floats, Ints

PHI = 0.85
"""What a day hands on of its slow part to the next."""
SLOW, SLOW_DAYS = 0.5, 20
"""The share of the slow part in the variance that is assumed, and the days that it weighs as much as."""
USUAL, USUAL_DAYS = 0.02, 7
"""The standard deviation of a day's log loss that is assumed, and the days that it weighs as much as."""
LEAST = 0.006
"""Log loss. Days are never trusted to differ less."""
FIRST = 7
"""Days. The first week is judged by itself: there is none before it."""
LEAST_PAIRS = 6
"""Pairs of days that must be there, before their differences say something."""
WINDOW = 120
"""Days before, of which the noise is learned."""
LAGS = (1, 2, 4, 8)
"""Days between the pairs of the variogram."""
ANEW = 7
"""Days. The noise is learned anew after so many."""
HAZE, HAZE_DAYS = 0.10, 10
"""The standard deviation of a log loss under a clear sky that is assumed, which is also the most, and the
pairs of days that it weighs as much as."""
HAZE_LAG, HAZE_QUANTILE, HAZE_SURE = 4, 0.9, 1.5
"""Pairs of clear days so far apart; the quantile of their differences; how many times more is assumed."""
DULLEST = 4.0
"""Times the usual standard deviation: more is not assumed of a day, however little it promised."""


@dataclass(frozen=True)
class Noise:
    """Of D days: `sd`, (D,), the standard deviation of each one's log loss; `slow`, (D,), the share of the
    slow part in its variance."""

    sd: Floats
    slow: Floats


def noise_before(x: Floats, due: Floats, number: Ints) -> Noise:
    """The noise of each of D days, as the days before it show it.

    `x`: log losses, (D,); `due`: expected energy, kWh, (D,): what a dull day promises is known less well,
    by the root of it; `number`: days since 1970, rising.
    """
    weeks, week = np.unique(number // ANEW, return_inverse=True)
    first = np.searchsorted(week, np.arange(len(weeks)))
    ends = np.maximum(first, min(FIRST, len(x)))
    promised = windows(due, ends, WINDOW)
    usual = bn.nanmedian(promised, axis=1)
    of_week, slow = _learned(windows(x, ends, WINDOW), _dullness(promised, usual[:, None]))
    return Noise(of_week[week] * _dullness(due, usual[week]), slow[week])


def haze_before(x: Floats) -> Floats:
    """The standard deviation, at least, of each of D days of which only the clear sky tells, (D,): by the
    far ends of what days differed before, where `noise_before` goes by the middle.

    Haze, thin clouds and a low sun are rare and large. A fault that begins once touches few pairs of days.
    """
    ends = np.maximum(np.arange(len(x)) // ANEW * ANEW, min(FIRST, len(x)))
    every, of_day = np.unique(ends, return_inverse=True)
    before = windows(x, every, WINDOW)
    pairs = np.abs(before[:, HAZE_LAG:] - before[:, :-HAZE_LAG])
    count = np.isfinite(pairs).sum(axis=1)
    far = quantile_of_rows(pairs, HAZE_QUANTILE) / (1.645 * np.sqrt(2.0 * (1.0 - SLOW * PHI**HAZE_LAG)))
    log = np.nan_to_num(np.log(np.clip(HAZE_SURE * far, LEAST, HAZE)), nan=0.0)
    sd = np.exp((count * log + HAZE_DAYS * np.log(HAZE)) / (count + HAZE_DAYS))
    return np.asarray(sd[of_day])


def _dullness(due: Floats, usual: Floats) -> Floats:
    """By how much less well known a day is than a usual one, 1 at least."""
    return np.asarray(np.clip(np.sqrt(usual / np.maximum(due, 1e-9)), 1.0, DULLEST))


def _learned(x: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Standard deviation and share of the slow part, (W,) each, of the days in each of W windows that
    promised as much as usual; (W, 120), NaN where there is no day."""
    n = np.isfinite(x).sum(axis=1)
    variance, unlike = np.full((len(x), len(LAGS)), np.nan), 1.0 - PHI ** np.array(LAGS)
    for column, lag in enumerate(LAGS):
        pairs = np.abs(x[:, lag:] - x[:, :-lag]) / np.hypot(scale[:, lag:], scale[:, :-lag])
        enough = n - lag >= LEAST_PAIRS
        variance[enough, column] = (1.4826 * bn.nanmedian(pairs[enough], axis=1)) ** 2
    slow = np.full(len(x), SLOW)
    whole = np.isfinite(variance).all(axis=1)
    if whole.any():
        known = np.column_stack((np.ones(len(LAGS)), unlike))
        (white, handed), *_ = np.linalg.lstsq(known, variance[whole].T, rcond=None)
        handed, white = np.maximum(handed, 0.0), np.maximum(white, 0.0)
        share = handed / np.maximum(handed + white, 1e-12)
        slow[whole] = (n[whole] * share + SLOW_DAYS * SLOW) / (n[whole] + SLOW_DAYS)
    parts = variance / (1.0 - slow[:, None] + slow[:, None] * unlike)
    seen = np.maximum(bn.nanmedian(parts, axis=1), LEAST**2)
    log = (n * np.log(seen) + 2.0 * USUAL_DAYS * np.log(USUAL)) / (n + USUAL_DAYS)
    some = np.isfinite(variance).any(axis=1)
    return np.where(some, np.exp(log / 2.0), USUAL), slow
