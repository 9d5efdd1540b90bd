"""Shares of a capacity that was corrected, and of a plant that has grown.

What was learned is a share of the capacity that `assets.json` named then. Where it names another one now,
either the entry was wrong: then the kW of before are right; or the plant has grown: then the shares of
before are. The measured level tells which.

>>> was_wrong(10.0, before=0.09, now=0.8), was_wrong(0.5, before=0.8, now=0.75)
(True, False)
"""

from __future__ import annotations

from math import log

import numpy as np

from ona.sky.sun import Floats

SAME = 0.1
"""So far apart, as a logarithm, two capacities are one: levels of two seasons cannot tell them. Ours."""


def same(one: float, other: float) -> bool:
    """Whether two capacities, kW, are as good as one."""
    return abs(log(one / other)) < SAME


def was_wrong(factor: float, *, before: float, now: float) -> bool:
    """Whether the capacity of before was wrong, so that its shares times `factor` (the capacity of before
    over that of now) are those of now. `before`, `now`: the levels that were measured, as shares of the
    capacity of then; 0 where nothing was: then kW count, which were measured."""
    if not before > 0.0 or not now > 0.0:
        return True
    return abs(log(before * factor / now)) < abs(log(before / now))


def factor(learned_kw: float, kw: float, learned: Floats, recent: Floats | None) -> float:
    """What learned shares are times, where the capacity is `kw` now and was `learned_kw`.

    `learned`, `recent`: what the site would give in the same hours by what was learned, and by its last
    days, shares of the capacity of then, shape (n,); None where nothing was measured.
    """
    if same(learned_kw, kw):
        return 1.0
    before, now = _mean(learned), _mean(recent) if recent is not None else 0.0
    return learned_kw / kw if was_wrong(learned_kw / kw, before=before, now=now) else 1.0


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0
