"""How good any solution can be, and the best one where that can be proven.

`prove` generates the tours that could matter (column generation) until the linear relaxation's bound is
that of all tours. Then it chooses among all tours whose reduced cost lies within the gap: the result is
optimal, or its gap is given (Baldacci, Christofides, Mingozzi, Mathematical Programming 115 (2008)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.partition import Partition, cheaper, choose, closed
from ooda.schedule.solver.pricing import ENOUGH, MOST_TOURS, Pricing
from ooda.schedule.solver.problem import Problem, time_unit
from ooda.schedule.solver.solution import Met, Solution
from ooda.schedule.solver.tours import Tour, Tours

TOLERANCE = 1e-6
"""USD by which a reduced cost must lie below zero to count (HiGHS' own accuracy is 1e-7)."""
FOR_THE_LAST_CHOICE = 0.25
"""Share of the proof's time that is left for the choice among the tours met when time is up before the
relaxation is solved (ours)."""
FOR_A_BETTER_PLAN = 0.3
"""Share of the time left that a better solution from the relaxation's own tours may take (ours)."""


@dataclass(frozen=True)
class Proof:
    """A solution, the bound (USD) that no solution can be cheaper than, and whether it is proven to be the
    best."""

    solution: Solution
    bound: float
    optimal: bool

    @property
    def gap(self) -> float:
        """(cost − bound) / cost, 0 where the solution is optimal."""
        if self.optimal or self.solution.cost <= 0:
            return 0.0
        return max(0.0, (self.solution.cost - self.bound) / self.solution.cost)


def provable(problem: Problem) -> bool:
    """Whether `Pricing` can enumerate all tours: nobody calls at a depot, times are whole minutes, and
    time has a price."""
    if any(shift.depot is not None for shift in problem.shifts) or not time_unit(problem):
        return False
    return any(task.prices is not None for task in problem.tasks)


def prove(
    tours: Tours, partition: Partition, best: Solution, clock: Clock, seed: int, beside: bool = False
) -> Proof:
    """The best solution of all; or the best that was met when time was up, with its bound. `partition`: the
    tours to begin with, to which others are added; `beside`: tours are looked for in several processes."""
    if clock.over():
        return Proof(best, 0.0, False)
    until = clock.keeping(FOR_THE_LAST_CHOICE * max(clock.left(), 0.0))
    pricing = Pricing(tours, beside)
    bound = 0.0
    whole = False
    while True:
        solved = partition.relaxed(until)
        if solved is None:
            return _late(partition, tours, best, bound, clock, seed)
        duals, enough = (solved.tasks, solved.days), None if whole else ENOUGH
        priced = pricing.negative(*duals, -TOLERANCE, until, enough, solved.out)
        if priced is None:
            return _late(partition, tours, best, bound, clock, seed)
        if priced.whole:
            bound = max(bound, solved.value + sum(priced.least))
        if closed(best, bound):
            return Proof(best, bound, True)
        if not partition.add(priced.tours):
            if priced.whole:
                break
            whole = True  # nothing new among the first ones: look at all
    bound = max(bound, solved.value)
    if not closed(best, bound):  # the smaller the gap, the fewer tours are left to look at
        kept = (1.0 - FOR_A_BETTER_PLAN) * max(clock.left(), 0.0)
        best = choose(tours, partition.cheap(best.cost), best, clock.keeping(kept), seed)
    gap = best.cost - bound
    every = pricing.negative(*duals, gap + TOLERANCE, until, None, solved.out)
    if every is None or len(every.tours) > MOST_TOURS:
        return _late(partition, tours, best, bound, clock, seed)
    return _among(tours, every.tours, best, bound, clock, seed)


def _among(
    tours: Tours, listed: Sequence[Tour | Met], best: Solution, bound: float, clock: Clock, seed: int
) -> Proof:
    """The best choice among all tours that can be in a solution cheaper than the best one met."""
    if clock.over():
        return Proof(best, bound, False)
    final = Partition(tours.problem, seed)
    final.add(listed)
    final.add(best.tours.values())
    final.together()
    choice = final.whole(best, clock)
    if choice is None:
        return Proof(best, bound, False)
    better = cheaper(tours, best, choice[0])
    bound = max(bound, min(choice[1], better.cost))
    return Proof(better, bound, choice[2] or closed(better, bound))


def _late(
    partition: Partition, tours: Tours, best: Solution, bound: float, clock: Clock, seed: int
) -> Proof:
    """What can be said when time is up: the best choice among the tours met."""
    better = choose(tours, partition.cheap(best.cost), best, clock, seed)
    return Proof(better, bound, closed(better, bound))
