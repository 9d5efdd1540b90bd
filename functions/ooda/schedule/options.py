"""What else could be done with a task, all other tours as they are: the numbers of reasons, and of the last
improvement of a plan that is not proven to be the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.solution import Limits, Solution
from ooda.schedule.solver.tours import Tour, Tours

WORTH_USD = 0.01
"""USD, weighted, from which a plan is changed for a better one (ours): less is rounding."""


@dataclass(frozen=True)
class Option:
    """A tour that serves the task too, and what that costs more than the tour without it, USD weighted."""

    tour: Tour
    usd: float


class Options:
    """The options of the tasks beside the tours used, by shift."""

    def __init__(self, problem: Problem, used: dict[int, Tour]) -> None:
        self.problem, self.tours, self.limits = problem, Tours(problem), Limits(problem)
        self.used = dict(used)

    def now(self, task: int) -> float:
        """What the plan has for a task, USD weighted: what its tour would save without it, or its
        absence."""
        shift = self._where(task)
        if shift is None:
            return self.problem.tasks[task].absence
        rest = self.tours.without(self.used[shift], {task})
        return self.used[shift].cost - (rest.cost if rest else 0.0)

    def best(self, task: int, among: Callable[[int], bool] = lambda _: True) -> Option | None:
        """The cheapest option of a task among some shifts, as if no tour served it; None where none is
        there."""
        rest, found = self._without(task), None
        for shift, window in enumerate(self.problem.windows[task]):
            if window is None or not among(shift):
                continue
            tour = rest.get(shift) or self.tours.empty(shift)
            longer = self.tours.insert(tour, task)
            if longer is None or (found is not None and longer.cost - tour.cost >= found.usd):
                continue
            if self.limits.allow(rest, longer):
                found = Option(longer, longer.cost - tour.cost)
        return found

    def improved(self, task: int) -> bool:
        """Whether the task was put to a cheaper place, or left out where that is cheaper."""
        have, best = self.now(task), self.best(task)
        if best is not None and best.usd < have - WORTH_USD:
            self.used = {**self._without(task), best.tour.shift: best.tour}
            return True
        return False

    def _where(self, task: int) -> int | None:
        return next((shift for shift, tour in self.used.items() if task in tour.tasks), None)

    def _without(self, task: int) -> dict[int, Tour]:
        """The tours used, without the task."""
        shift = self._where(task)
        if shift is None:
            return self.used
        used = {number: tour for number, tour in self.used.items() if number != shift}
        rest = self.tours.without(self.used[shift], {task})
        if rest is not None and rest.tasks:
            used[shift] = rest
        return used


def improved(problem: Problem, solution: Solution, clock: Clock) -> Solution:
    """The solution with each task where it costs least, until none is better elsewhere or time is up."""
    options = Options(problem, solution.tours)
    again = True
    while again and not clock.over():
        again = False
        for task in range(len(problem.tasks)):
            if clock.over():
                break
            again |= options.improved(task)
    better = Solution.of(problem, options.used)
    return better if better.cost < solution.cost - WORTH_USD else solution
