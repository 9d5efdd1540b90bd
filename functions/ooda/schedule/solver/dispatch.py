"""What a simple rule would do: work is given away one by one, and never looked at again."""

from __future__ import annotations

from collections.abc import Sequence

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.places import Places
from ooda.schedule.solver.problem import NEVER, Problem
from ooda.schedule.solver.solution import Limits, Solution
from ooda.schedule.solver.tours import Tour, Tours


def dispatched(
    problem: Problem,
    order: Sequence[int],
    soonest: bool,
    tours: Tours | None = None,
    clock: Clock | None = None,
) -> Solution:
    """Each task, in the order given, goes to the end of the tour where it begins soonest (`soonest`), or
    where it costs least. What is not given out when time is up is left out."""
    tours = tours or Tours(problem)
    limits, used = Limits(problem), dict[int, Tour]()
    places = Places(tours)
    opens = [shift.opens for shift in problem.shifts]
    for task in order:
        if clock is not None and clock.over():
            break
        best, least = None, (NEVER, NEVER)
        if soonest:
            listed = sorted((max(window[0], opens[s]), s) for s, window in tours.open[task].items())
        else:
            listed = [(least_usd, shift) for least_usd, shift, _ in places.of(task)]
        for bound, shift in listed:
            if bound > least[0]:
                break
            tour = used.get(shift) or tours.empty(shift)
            place = tours.at_the_end(tour, task)
            if place is None or (not soonest and place[0] > least[0]):
                continue
            longer = tours.placed(tour, task, place)
            if longer is None:
                continue
            more = longer.cost - tour.cost
            rank = (longer.begins[-1], more) if soonest else (more, longer.begins[-1])
            if rank < least and limits.allow(used, longer):
                best, least = longer, rank
        if best is not None:
            used[best.shift] = best
    return Solution.of(problem, used)
