"""What the season makes of the gain of a machine that has no other in its plane.

What lies otherwise, a sensor or neighbours, sees another part of the sky, and the other the lower the sun.
A plane that is known to a few degrees, glass and haze at low sun then move the gain by some per cent from
summer to winter: no loss. How the gain went with the season is read off the days before, by the upper
quartile of what is left, so that days with a loss do not bend it.

>>> season = np.linspace(0.0, 0.3, 61)[None, :]  # the log of what the plane sees over the flat
>>> gone = gain_of_season(np.exp(-0.4 * season), season, np.array([0.3]))  # all as on the last day
>>> bool(np.abs(gone[0] / gone[0, -1] - 1.0).max() < 0.03)
True
"""

from __future__ import annotations

import bottleneck as bn
import numpy as np

from ooda.detect.rolling import quantile_of_rows
from ooda.detect.sky import Floats

SLOPES = np.linspace(-1.0, 1.0, 41)
"""Log of the gain by log of the season that are tried."""
USUAL_SLOPE, NOISE = 0.4, 0.02
"""Standard deviations: of the slope, and of a day's log gain about it."""
OWN_SHARE = 0.25
"""Of a day's say: days next to each other err alike."""
QUARTILE = 0.75
AT_ONCE = 16
"""Windows for which all slopes are tried at once (ours): more do not stay in the processor's cache."""


def gain_of_season(gains: Floats, season: Floats, now: Floats, usual: float = USUAL_SLOPE) -> Floats:
    """The gains of W windows of days, (W, N), as they would be in the season of each window's own day.

    `season`, (W, N), and `now`, (W,): log of what a clear day gives in the modules' plane over the other;
    `usual`: the standard deviation of the slope.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.log(gains)
    away = season - now[:, None]
    count = OWN_SHARE * np.isfinite(log + away).sum(axis=1)
    pieces = range(0, max(1, len(log)), AT_ONCE)
    parts = [(log[n : n + AT_ONCE], away[n : n + AT_ONCE], count[n : n + AT_ONCE]) for n in pieces]
    best = np.concatenate([_slopes(*part, usual) for part in parts])
    return np.asarray(np.exp(log - best[:, None] * away))


def _slopes(log: Floats, away: Floats, count: Floats, usual: float) -> Floats:
    """The slope that fits each window best, (W,); of two the lower."""
    left = (log - SLOPES[:, None, None] * away).reshape(len(SLOPES) * len(log), log.shape[1])
    left = left - quantile_of_rows(left, QUARTILE)[:, None]
    pinball = bn.nanmean(np.where(left > 0.0, QUARTILE * left, (QUARTILE - 1.0) * left), axis=1)
    loss = count * np.nan_to_num(pinball).reshape(len(SLOPES), len(log)) / NOISE
    return np.asarray(SLOPES[np.argmin(loss + ((SLOPES / usual) ** 2 / 2.0)[:, None], axis=0)])
