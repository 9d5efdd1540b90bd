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

import numpy as np

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
    d = len(x)
    sd, slow = np.empty(d), np.empty(d)
    for week in np.unique(number // ANEW):
        rows = np.flatnonzero(number // ANEW == week)
        end = max(int(rows[0]), min(FIRST, d))
        begin = max(0, end - WINDOW)
        usual = float(np.median(due[begin:end]))
        scale = np.clip(
            np.sqrt(usual / np.maximum(due[begin : max(end, int(rows[-1]) + 1)], 1e-9)), 1.0, DULLEST
        )
        of_day, slow[rows] = _learned(x[begin:end], scale[: end - begin])
        sd[rows] = of_day * scale[rows - begin]
    return Noise(sd, slow)


def _learned(x: Floats, scale: Floats) -> tuple[float, float]:
    """Standard deviation and share of the slow part, of n days that promised as much as usual."""
    n, variance, unlike = len(x), [], []
    for lag in LAGS:
        if n - lag >= LEAST_PAIRS:
            pairs = np.abs(x[lag:] - x[:-lag]) / np.hypot(scale[lag:], scale[:-lag])
            variance.append((1.4826 * float(np.median(pairs))) ** 2)
            unlike.append(1.0 - PHI**lag)
    if not variance:
        return USUAL, SLOW
    slow = SLOW
    if len(variance) == len(LAGS):
        (white, handed), *_ = np.linalg.lstsq(
            np.column_stack((np.ones(len(LAGS)), unlike)), np.array(variance), rcond=None
        )
        share = max(handed, 0.0) / max(max(handed, 0.0) + max(white, 0.0), 1e-12)
        slow = (n * share + SLOW_DAYS * SLOW) / (n + SLOW_DAYS)
    seen = np.median([v / (1.0 - slow + slow * part) for v, part in zip(variance, unlike, strict=True)])
    log = (n * np.log(max(float(seen), LEAST**2)) + 2.0 * USUAL_DAYS * np.log(USUAL)) / (n + USUAL_DAYS)
    return float(np.exp(log / 2.0)), float(slow)
