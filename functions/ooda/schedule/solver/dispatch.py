"""What a simple rule would do: work is given away one by one, and never looked at again."""

from __future__ import annotations

from collections.abc import Sequence

from ooda.schedule.solver.problem import NEVER, Problem
from ooda.schedule.solver.solution import Limits, Solution
from ooda.schedule.solver.tours import Tour, Tours


def dispatched(problem: Problem, order: Sequence[int], soonest: bool) -> Solution:
    """Each task, in the order given, goes to the end of the tour where it begins soonest (`soonest`), or
    where it costs least."""
    tours, limits, used = Tours(problem), Limits(problem), dict[int, Tour]()
    for task in order:
        best, least = None, (NEVER, NEVER)
        for shift, window in enumerate(problem.windows[task]):
            if window is None:
                continue
            tour = used.get(shift) or tours.empty(shift)
            longer = tours.tour(shift, (*tour.stops, task))
            if longer is None or not limits.allow(used, longer):
                continue
            more = longer.cost - tour.cost
            rank = (longer.begins[-1], more) if soonest else (more, longer.begins[-1])
            if rank < least:
                best, least = longer, rank
        if best is not None:
            used[best.shift] = best
    return Solution.of(problem, used)
