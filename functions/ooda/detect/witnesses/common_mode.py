"""What befalls all machines of a site at once, so that none of them is a witness of the sky any more.

A command holds machines at one share of their capacity: power stays, while the sun goes on. Clouds do not
do that: under a quiet cloud it is the ratio to the clear sky that stays. Or all stand still under a high
sun: no cloud is so dark. What would have come then is told by the clear sky and by how clear it was before
and after.

>>> sun = np.sin(np.linspace(0.3, 2.8, 60))  # of a day; power that does not pass 0.6, and a thin cloud
>>> at_level(np.array([np.minimum(sun, 0.6), 0.6 * sun]), np.array([sun, sun]), 15.0).sum(axis=1).tolist()
[43, 0]
"""

from __future__ import annotations

import math

import bottleneck as bn
import numpy as np

from ooda.detect.rolling import middles
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Days, runs

HELD_MINUTES, LEAST_READINGS = 90.0, 6
"""Minutes, and readings at least, over which power stays at a level."""
BAND, BAND_OF_CAPACITY = 0.03, 0.006
"""Of the level, and of capacity: how far power that is held strays from its middle."""
MOSTLY = 0.5
"""Of the readings from the first to the last that is held: so many are."""
STEADIER = 0.5
"""Of the spread of its ratio to the clear sky: power that is held spreads less."""
LEVELS, OVERCAST = (0.1, 0.95), 0.25
"""Shares of capacity between which a level is a command: above is a ceiling of the machine's own. Where no
sensor tells, a level below the second may be a quiet overcast sky."""
ALIKE, MOST_HELD, LEAST_HELD = 0.05, 0.4, 2
"""Of the level: how far machines of one command are apart; the share of the site's machines, and how many
at least, that are at it."""
AROUND_MINUTES = 120.0
"""Minutes before and after that tell how clear it was."""
USUAL_INDEX = 0.5
"""Of the clear sky's light, where nothing tells."""
HIGH, HIGH_SUN = 0.2, 15.0
"""Share of capacity that the clear sky gives, and degrees: below them all may stand still."""


def at_level(share: Floats, clear: Floats, step: float, lowest: float = LEVELS[0], enough: int = 1) -> Mask:
    """Which readings of one day of M machines are held at a level, (M, T): power comes to it again and
    again, never passes it meanwhile, and strays from it less than from the sun's course. `share`: power
    over capacity; `clear`: what the clear sky would give, as a share; `step`: minutes between instants.
    Where fewer than `enough` machines can be held, none is."""
    held = np.zeros(share.shape, dtype=bool)
    least = max(LEAST_READINGS, math.ceil(HELD_MINUTES / step))
    with np.errstate(invalid="ignore"):
        below = (share > lowest) & (share < LEVELS[1]) & (clear > share * (1.0 + BAND))
    tried = np.flatnonzero(below.sum(axis=1) >= least)
    found = 0
    for n, m in enumerate(tried):
        if found + len(tried) - n < enough:
            return np.zeros(share.shape, dtype=bool)
        ranked = np.sort(share[m, below[m]])
        top = ranked * (1.0 + 2.0 * BAND) + 2.0 * BAND_OF_CAPACITY
        count = np.searchsorted(ranked, top, side="right") - np.arange(len(ranked))
        best = int(count.argmax())
        if count[best] < least:
            continue
        with np.errstate(invalid="ignore"):
            at = np.flatnonzero(below[m] & (share[m] >= ranked[best]) & (share[m] <= top[best]))
            passed = np.cumsum(share[m] > top[best])[at]  # how often power was above the level before
        rows = at[passed == np.bincount(passed).argmax()]
        if len(rows) >= max(least, MOSTLY * (rows[-1] + 1 - rows[0])) and _steady(
            share[m, rows], clear[m, rows]
        ):
            held[m, rows] = True
            found += 1
    return held


def _steady(share: Floats, clear: Floats) -> bool:
    own, beside = np.log(share), np.log(share / clear)
    own, beside = own - own.mean(), beside - beside.mean()
    return math.sqrt(own @ own) <= STEADIER * math.sqrt(beside @ beside)


def shared(losses: Floats) -> Floats:
    """What machines (M, D) lost together on each day, (D,): the median; of an even number, what both in the
    middle lost. Where half of them are ill, the others were well.

    >>> shared(np.array([[0.0, 0.02, 0.3], [0.01, 0.03, 0.3], [0.4, 0.04, 0.3], [0.5, 0.05, np.nan]]))
    array([0.01, 0.03, 0.3 ])
    """
    return np.clip(0.0, *middles(losses))


def limited(share: Floats, clear: Floats, days: Days, step: float, *, sensed: bool) -> Mask:
    """At which of T instants a command holds a site of M machines: enough of them are at one level.
    Arguments as of `at_level`, (M, T); `sensed`: whether a sensor tells how dull it is."""
    lowest = LEVELS[0] if sensed else OVERCAST
    out = np.zeros(share.shape[1], dtype=bool)
    ends = np.append(days.first[1:], share.shape[1])
    for first, last in zip(days.first, ends, strict=True):
        there = np.isfinite(share[:, first:last]).sum(axis=0)
        fewest = there[there >= LEAST_HELD].min(initial=len(share))  # at some instant so many are held
        enough = max(LEAST_HELD, math.ceil(MOST_HELD * fewest))
        held = at_level(share[:, first:last], clear[:, first:last], step, lowest, enough)
        if not held.any():
            continue
        level = bn.nanmedian(np.where(held, share[:, first:last], np.nan), axis=1)
        with np.errstate(invalid="ignore"):
            same = np.abs(level / bn.nanmedian(level) - 1.0) <= ALIKE
        count = held[same].sum(axis=0)
        out[first:last] = (count >= LEAST_HELD) & (count >= MOST_HELD * there)
    return out


def usual_index(index: Floats, blind: Mask, days: Days, step: float) -> Floats:
    """The clear-sky index, (T,), where machines are `blind` as it was around that time of the day, else as
    it is."""
    out = index.copy()
    if not blind.any():
        return out
    told = np.where(blind, np.nan, index)
    usual = float(bn.nanmedian(told)) if np.isfinite(told).any() else USUAL_INDEX
    around = max(2, round(AROUND_MINUTES / step))
    ends = np.append(days.first[1:], len(index))
    for begin, end in runs(blind):
        day = int(days.row[begin])
        first, last = int(days.first[day]), int(ends[day])
        near = np.concatenate(
            (told[max(first, begin - around) : begin], told[end : min(last, end + around)])
        )
        out[begin:end] = float(bn.nanmedian(near)) if np.isfinite(near).any() else usual
    return out
