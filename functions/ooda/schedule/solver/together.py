"""The limit of tours at once, as the relaxation has it: at every hour no more are out than may be.

The duals of these rows are what it costs to be out at an hour (USD).

>>> costs = OutAt([60.0, 120.0], [5.0, 2.0])
>>> costs.between(0.0, 90.0), costs.between(60.0, 120.0), costs.between(30.0, 130.0)
(5.0, 5.0, 7.0)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np

from ooda.schedule.solver.problem import Problem

EVERY = 60.0
"""Minutes between two moments at which tours are counted (ours). The limit holds between them too, but only
whole solutions are checked there."""


def moments(problem: Problem) -> tuple[list[float], list[int]]:
    """The moments (minutes) at which more crews could be out than may be, and how many tours may be."""
    shifts, found, free = problem.shifts, list[float](), list[int]()
    if problem.together >= len({shift.crew for shift in shifts}) + len(problem.taken):
        return found, free
    first = min((shift.opens for shift in shifts), default=0.0)
    last = max((shift.closes for shift in shifts), default=0.0)
    for at in np.arange(first + EVERY, last, EVERY):
        taken = len([begin for begin, end in problem.taken if begin <= at < end])
        room = max(problem.together - taken, 0)
        if len({shift.crew for shift in shifts if shift.opens <= at < shift.closes}) > room:
            found.append(float(at))
            free.append(room)
    return found, free


class OutAt:
    """What it costs to be out at some moments (minutes, in order; USD each)."""

    def __init__(self, moments: Sequence[float], usd: Sequence[float]) -> None:
        paid = [(at, cost) for at, cost in zip(moments, usd, strict=True) if cost > 0.0]
        self.moments = [at for at, _ in paid]
        self.until = [0.0, *np.cumsum([cost for _, cost in paid]).tolist()]
        self.free = not paid

    def before(self, at: float) -> float:
        """USD of all moments before a time."""
        return self.until[bisect_left(self.moments, at)]

    def between(self, leaves: float, returns: float) -> float:
        """USD of being out from one time until another."""
        return self.before(returns) - self.before(leaves)

    def each(self, leaves: Any, returns: Any) -> Any:
        """The same for arrays of times."""
        until = np.asarray(self.until)
        return until[np.searchsorted(self.moments, returns)] - until[np.searchsorted(self.moments, leaves)]


NOTHING = OutAt([], [])
"""Nobody limits how many tours are out."""
