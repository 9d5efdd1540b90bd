"""Whether others of a roof lost with a machine what it lost.

Where a part of a roof is cleaned, or its neighbours' meters are set anew, each of the rest seems to lose
the same from the same day on. That so many fall ill alike is no chance: such a loss is *suspected*.

>>> losses = np.array([[0.00, 0.01], [0.05, 0.02], [0.06, 0.03], [0.01, np.nan]])  # of four others
>>> of_company(losses)
array([0.05, 0.02])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ooda.detect.lasting import Lasting
from ooda.detect.sky import Floats

LEAST, PART = 2, 3
"""So many others, or one of three of them, that lost as much are no chance."""
MOSTLY = 0.6
"""Of a loss: what the others of the company lost at least, beyond what they did before."""
BEFORE, LEAST_BEFORE = 60, 7
"""Days before a loss that tell how far the company usually lies below the rest, and how many are needed."""


def of_company(losses: Floats) -> Floats:
    """What so many of the others lost at least on each day that it is no chance, (D,): log losses (M, D) of
    the others; NaN where there are too few."""
    ranked = -np.sort(-np.where(np.isfinite(losses), losses, -np.inf), axis=0)
    count = np.isfinite(losses).sum(axis=0)
    rank = np.maximum(LEAST, -(-count // PART))
    out = np.full(losses.shape[1], np.nan)
    some = np.flatnonzero(count >= rank)
    out[some] = ranked[rank[some] - 1, some]
    return out


def in_company(runs: Sequence[Lasting], company: Floats) -> list[Lasting]:
    """The same losses, not sure where so many others lost as much. `company`: of each judged day what
    these lost beyond the others of the site, (D,)."""
    return [replace(run, sure=run.sure and not _shared(run, company)) for run in runs]


def _shared(run: Lasting, company: Floats) -> bool:
    inside = company[run.first : run.last + 1]
    before = company[max(0, run.first - BEFORE) : run.first]
    if not np.isfinite(inside).any():
        return False
    known = int(np.isfinite(before).sum()) >= LEAST_BEFORE
    usual = float(np.nanmedian(before)) if known else 0.0
    return float(np.nanmean(inside)) - usual >= MOSTLY * run.mean
