"""Witnesses of the wind by day: which contradicts the others, how far they may be believed, and which days
are no example.

A *gain* is a day's power over what a witness promised.

>>> sound = np.ones(20)
>>> high, low = np.append(sound, 0.75), np.append(sound, 1.01)  # one promises a third more than came
>>> contradicting([high, low], np.zeros(21, dtype=bool)).tolist()
[1, 0]
>>> ill(sound, 0.8), ill(sound, 0.99)
(True, False)
"""

from __future__ import annotations

from collections.abc import Sequence

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats, Ints, Mask

OFF, OFF_SIGMAS = 0.08, 2.5
"""A witness is off when it is by 8 % and by 2.5 of its usual spreads (chosen on the tuning half of the
strangers)."""
SURE, SURE_SIGMAS = 0.15, 2.0
"""That it contradicts the others is sure from 15 % on (5 % of the wind speed), and two of their spreads."""
ILL, ILL_SIGMAS = 0.05, 3.0
"""A day that gave 5 % and three spreads less than days did is no example of what the turbine gives."""
STILL = 0.5
"""The last day must still be off by half of what the run of days is."""
RUNS = (1, 3, 7)
"""Days. What is too little for one day may be enough for the mean of several."""
LEAST_DAYS, PAST_DAYS = 8, 60
"""Days that must have gone before, and that are looked at."""
LEAST_SPREAD, UNKNOWN_SPREAD = 0.015, 0.1
"""Of a day's energy: what a witness's days differ by at least, and while too few are known (ours)."""


def usual_spread(gains: Floats) -> float:
    """By how much days differ, a share of their energy."""
    gains = gains[np.isfinite(gains)]
    if len(gains) < LEAST_DAYS:
        return UNKNOWN_SPREAD
    return max(LEAST_SPREAD, _spread(np.log(np.maximum(gains, 1e-3))))


def ill(gains: Floats, gain: float) -> bool:
    """Whether a day gave less than those before it ever explain."""
    gains = gains[np.isfinite(gains)]
    if len(gains) < LEAST_DAYS or not np.isfinite(gain):
        return False
    less = float(np.log(np.median(gains)) - np.log(max(gain, 1e-3)))
    return less > max(ILL, ILL_SIGMAS * usual_spread(gains))


def contradicting(gains: Sequence[Floats], bad: Mask) -> Ints:
    """How far each witness contradicts the others on the last day, (witnesses,): 0 not, 1 so that it had
    better be silent, 2 surely.

    `gains`: of each witness, by day, NaN where it says nothing; `bad`: days that are no example. A
    witness is off when its promise is further from the turbine's power than it ever was. It contradicts
    the others when what they say together is nearer to that power: then there is no loss. The longest run
    of days on which it is off decides.
    """
    with np.errstate(invalid="ignore"):
        level = np.log(np.maximum(np.array(gains)[:, -PAST_DAYS - 1 :], 1e-3))
    good = ~bad[-PAST_DAYS - 1 :]
    good[-1] = False
    found = np.zeros(len(level), dtype=np.int64)
    today = np.array([_off(row, good, 1)[0] for row in level])
    if not (np.abs(today) > STILL * OFF).any():
        return found
    for run in RUNS:
        off, spread = np.array([_off(row, good, run) for row in level]).T
        still = today / np.where(off == 0.0, 1.0, off) > STILL
        for n in np.flatnonzero(still & (np.abs(off) > np.maximum(OFF, OFF_SIGMAS * spread))):
            others = np.isfinite(off) & (np.arange(len(off)) != n)
            if others.any():
                weight = spread[others] ** -2.0
                said = float((weight * off[others]).sum() / weight.sum())
                surely = run > 1 and abs(off[n]) > SURE
                surely &= bool(abs(off[n] - said) > SURE_SIGMAS / np.sqrt(weight.sum()))
                found[n] = (1 + surely) if abs(said) < abs(off[n] - said) else 0
    return found


def _off(level: Floats, good: Mask, run: int) -> tuple[float, float]:
    """By how much the last days' mean is off the usual, and the spread of such means; NaN where unknown."""
    there = np.isfinite(level)
    means = np.convolve(np.where(there, level, 0.0), np.ones(run))[: len(level)] / run
    whole = np.convolve(there, np.ones(run))[: len(level)] > run - 0.5
    past = means[whole & good]
    if len(past) < LEAST_DAYS or not whole[-1]:
        return np.nan, np.nan
    return float(means[-1] - bn.median(past)), max(LEAST_SPREAD, _spread(past))


def _spread(values: Floats) -> float:
    return 1.4826 * float(bn.median(np.abs(values - bn.median(values))))
