"""Energy of an interval read as power, where the clear sky is the only witness.

A clear day is known by its form, in any unit (`day_marks.clear_by_form`). Its level steps by exactly the
interval in hours on one day and stays there, or comes back; between clear days no other day gives more than
that unit lets the sun give. A dull spell, snow and strings lost have other levels, and brighter hours.

>>> import numpy as np
>>> clear = np.array([0.80, np.nan, 0.83, 0.81, np.nan, 0.21, 0.20, np.nan, 0.21])
>>> most = np.array([0.85, 0.4, 0.9, 0.86, 0.5, 0.22, 0.21, 0.1, 0.22])
>>> energy_days(clear, most, 0.25).astype(int).tolist()
[0, 0, 0, 0, 0, 1, 1, 1, 1]
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ooda.detect.change_point import change_points
from ooda.detect.sky import Floats, Mask

NOISE, LEAST, ALIKE = 0.03, 0.3, 0.35
"""Natural logarithms: clear days are never trusted to differ less; smaller steps are none, nor are those
that lie farther from the factor."""
EXACT, MOST_SCATTER = 0.10, 0.15
"""How near to the factor, as a logarithm, the step must come: usually, and where clear days scatter."""
BESIDE, LEAST_RIGHT, LEAST_WRONG = 10, 3, 2
"""Clear days on each side that are compared; fewer in the right unit, or the wrong one, are too few."""
RIGHT = (0.4, 2.0)
"""Power over the clear sky's in the right unit: lowest, highest. The modules' plane is often unknown."""
BRIGHTER, MOST_OVER = 1.25, 0.98
"""Beside what the same quantile of the right days gives over their clear level, a day of the wrong unit gives
at most so much more; the quantile leaves out a spike."""


def energy_days(clear: Floats, most: Floats, factor: float) -> Mask:
    """Days, (D,), whose power is the energy of an interval. `clear`: power over the clear sky's on clear
    days, NaN on others; `most`: the same at each day's highest; `factor`: the interval in hours."""
    wrong = np.zeros(len(clear), dtype=bool)
    known = np.flatnonzero(np.isfinite(clear) & (clear > 0.0))
    log = np.log(clear[known])
    steps = change_points(log, least=LEAST, noise=NOISE)
    turns = [step for step in steps if abs(abs(step.change) + np.log(factor)) < ALIKE]
    for n, step in enumerate(turns):
        down = step.change < 0.0
        if n and (turns[n - 1].change < 0.0) == down:
            continue
        before = slice(turns[n - 1].day if n else 0, step.day)
        after = slice(step.day, turns[n + 1].day if n + 1 < len(turns) else len(known))
        right, unit = (before, after) if down else (after, before)
        at_right = log[right][-BESIDE:] if down else log[right][:BESIDE]
        at_unit = log[unit][:BESIDE] if down else log[unit][-BESIDE:]
        if not _is_exact(at_right, at_unit, factor):
            continue
        level = float(np.exp(np.median(at_right)))
        over = float(np.nanquantile(most[known[right][0] : known[right][-1] + 1], MOST_OVER)) / level
        limit = factor * level * max(1.0, over) * BRIGHTER
        days = known[unit]
        if np.nanquantile(most[days[0] : days[-1] + 1], MOST_OVER) <= limit:
            first, last = _between(most > limit, known, unit)
            wrong[first:last] = True
    return wrong


def _is_exact(right: Floats, unit: Floats, factor: float) -> bool:
    """Whether clear days (logarithms) of a level that can be right lie off by the factor from some others."""
    if len(right) < LEAST_RIGHT or len(unit) < LEAST_WRONG:
        return False
    middle = float(np.median(right))
    scatter = float(np.quantile(right, 0.9) - np.quantile(right, 0.1)) / 2.0
    off = abs(float(np.median(unit)) - middle - np.log(factor))
    return off <= max(EXACT, min(MOST_SCATTER, scatter)) and RIGHT[0] <= np.exp(middle) <= RIGHT[1]


def _between(bright: Mask, known: Floats, unit: slice) -> tuple[int, int]:
    """From the last day before the unit's clear days that was too bright for it to the first one after."""
    before = known[unit.start - 1] if unit.start else -1
    after = known[unit.stop] if unit.stop < len(known) else len(bright)
    first, last = int(known[unit.start]), int(known[unit.stop - 1])
    seen = np.flatnonzero(bright[before + 1 : first])
    then = np.flatnonzero(bright[last + 1 : after])
    return (
        int(before + 1 + seen[-1] + 1) if len(seen) else int(before + 1),
        int(last + 1 + then[0]) if len(then) else int(after),
    )
