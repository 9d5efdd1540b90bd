"""Energy of an interval read as power, where the clear sky is the only witness.

A clear day is known by its form, in any unit (`day_marks.clear_by_form`). Its level steps by exactly the
interval in hours on one day and stays there, or comes back; and no day between gives more than the sun can
in that unit. A dull spell, snow and strings lost have other levels, and brighter hours.

>>> import numpy as np
>>> clear = np.array([0.80, np.nan, 0.83, 0.81, np.nan, 0.21, 0.20, np.nan, 0.21])
>>> most = np.array([0.85, 0.4, 0.9, 0.86, 0.5, 0.22, 0.21, 0.1, 0.22])
>>> energy_days(clear, most, 0.25).astype(int).tolist()
[0, 0, 0, 0, 0, 1, 1, 1, 1]
"""

from __future__ import annotations

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import runs

SIDES = ((10, 10), (10, 2), (2, 10))
"""Clear days before and after a possible step that are compared."""
LEAST_RIGHT, LEAST_WRONG = 3, 2
"""Clear days in the right unit, and in the wrong one, that are needed."""
ALIKE = 0.35
"""Natural logarithm: how near to the factor medians must come for a step to be looked at."""
EXACT, BY_DAY, MOST = 0.10, 0.002, 0.20
"""…and how near the step must come: usually, more for each day between the middles of the two sides, and
at most. Nobody knows how modules lie, so a season takes from their clear days or gives (ours)."""
SEASON, SPREAD = 0.0015, 0.04
"""What a season takes or gives by the day at first sight, and how little clear days are trusted to scatter;
logarithms."""
UNEVEN = 0.1
"""Median distance from the middle of clear days that are of one level; more where the right ones lie so."""
RIGHT = (0.4, 2.0)
"""Power over the clear sky's in the right unit: lowest, highest. The modules' plane is often unknown."""
BRIGHTER, OUTER = 1.5, 0.97
"""This quantile of the days' highest may be so much more in the wrong unit than in the right one."""


def energy_days(clear: Floats, most: Floats, factor: float) -> Mask:
    """Days, (D,), whose power is the energy of an interval. `clear`: power over the clear sky's on clear
    days, NaN on others; `most`: the same at each day's highest; `factor`: the interval in hours."""
    wrong = np.zeros(len(clear), dtype=bool)
    known = np.flatnonzero(np.isfinite(clear) & (clear > 0.0))
    log = np.log(clear[known])
    turns = _turns(log, float(np.log(factor)))
    bounds = [0, *(place for place, _ in turns), len(known)]
    for n, (place, down) in enumerate(turns):
        old, new = slice(max(bounds[n], place - 10), place), slice(place, min(bounds[n + 2], place + 10))
        right, unit = (old, new) if down else (new, old)
        level = _level(log, known, right, unit, factor)
        if level is None:
            continue
        over = max(1.0, float(np.nanquantile(most[_days(known, right)], OUTER)) / level)
        limit = factor * level * over * BRIGHTER
        whole = slice(place, bounds[n + 2]) if down else slice(bounds[n], place)
        if np.nanquantile(most[_days(known, whole)], OUTER) <= limit:
            first, last = _between(most > limit, known, whole)
            wrong[first:last] = True
    return wrong


def _turns(log: Floats, factor: float) -> list[tuple[int, bool]]:
    """Where clear days step by about a factor (both logarithms), and whether down; down and up in turn."""
    fits = {True: np.full(len(log), np.inf), False: np.full(len(log), np.inf)}
    for place in range(1, len(log)):
        for before, after in SIDES:
            old, new = log[max(0, place - before) : place], log[place : place + after]
            if min(len(old), len(new)) < LEAST_WRONG:
                continue
            middles = float(bn.median(old)), float(bn.median(new))
            change = middles[1] - middles[0]
            down = change < 0.0
            if abs(abs(change) + factor) < ALIKE:
                cost = float(np.abs(old - middles[0]).mean() + np.abs(new - middles[1]).mean())
                fits[down][place] = min(fits[down][place], cost)
    turns = [
        (start + int(np.argmin(costs[start:end])), down)
        for down, costs in fits.items()
        for start, end in runs(np.isfinite(costs))
    ]
    turns.sort()
    return [turn for n, turn in enumerate(turns) if not n or turns[n - 1][1] != turn[1]]


def _level(log: Floats, known: Ints, right: slice, unit: slice, factor: float) -> float | None:
    """The level of clear days in the right unit, if some others lie off it by the factor, season apart."""
    own, other = log[right], log[unit]
    if len(own) < LEAST_RIGHT or len(other) < LEAST_WRONG:
        return None
    level = float(np.exp(np.median(own)))
    own_off, other_off = own - np.median(own), other - np.median(other)
    if np.median(np.abs(other_off)) > max(UNEVEN, 2.0 * float(np.median(np.abs(own_off)))):
        return None
    middles = float(np.median(known[right])), float(np.median(known[unit]))
    off = np.concatenate((own_off, other_off))
    day = np.concatenate((known[right] - middles[0], known[unit] - middles[1]))
    apart = middles[1] - middles[0]
    step = float(np.median(other) - np.median(own)) - _by_day(off, day) * apart
    near = abs(step - np.log(factor)) <= min(MOST, EXACT + BY_DAY * abs(apart))
    return level if near and RIGHT[0] <= level <= RIGHT[1] else None


def _by_day(off: Floats, day: Floats) -> float:
    """By how much a level goes with the season, a day; odd days weigh less."""
    spread = max(SPREAD, 1.4826 * float(np.median(np.abs(off))))
    weight = 1.0 / np.maximum(1.0, (off / spread / 1.5) ** 2) / spread**2
    return float((weight * day * off).sum() / ((weight * day * day).sum() + SEASON**-2))


def _days(known: Ints, part: slice) -> slice:
    """The days from the first to the last of some clear ones."""
    return slice(int(known[part][0]), int(known[part][-1]) + 1)


def _between(bright: Mask, known: Ints, unit: slice) -> tuple[int, int]:
    """From the day after the last one, before the unit's clear days, that was too bright for it to the
    first one after them that is."""
    within = _days(known, unit)
    before = int(known[unit.start - 1]) + 1 if unit.start else 0
    after = int(known[unit.stop]) if unit.stop < len(known) else len(bright)
    seen = np.flatnonzero(bright[before : within.start])
    then = np.flatnonzero(bright[within.stop : after])
    return (
        before + int(seen[-1]) + 1 if len(seen) else before,
        within.stop + int(then[0]) if len(then) else after,
    )
