"""The solution that a search takes apart: changed tour by tour, and taken back where it is not accepted."""

from __future__ import annotations

from ooda.schedule.solver.solution import Limits, Solution
from ooda.schedule.solver.tours import Tour, Tours


class Current:
    """A solution that changes: the tours `used` by shift, the tasks `absent`, the `cost` of both (USD), for
    each task `where` it is (its shift, -1 for nowhere), and the shift in which a crew and day is `busy`."""

    def __init__(self, tours: Tours, start: Solution) -> None:
        self.tours, self.limits = tours, Limits(tours.problem)
        self._absence = [task.absence for task in tours.problem.tasks]
        self.restart(start)

    def restart(self, solution: Solution) -> None:
        """Make a solution the current one."""
        self.used, self.cost = dict(solution.tours), solution.cost
        self.where = [-1] * len(self._absence)
        self.absent = set(solution.absent)
        self.busy: dict[int, int] = {}
        for shift, tour in self.used.items():
            self.busy[self.limits.groups[shift]] = shift
            for task in tour.tasks:
                self.where[task] = shift

    @property
    def current(self) -> Solution:
        """The solution that is taken apart next."""
        return Solution(dict(self.used), set(self.absent), self.cost)

    def _put(self, shift: int, tour: Tour | None, changed: dict[int, Tour | None]) -> None:
        """A shift's tour is another one, or none; the one before is kept in `changed`."""
        before = self.used.get(shift)
        changed.setdefault(shift, before)
        group = self.limits.groups[shift]
        if before is not None:
            self.cost -= before.cost
            for task in before.tasks:
                self.where[task] = -1
        if tour is None:
            self.used.pop(shift, None)
            if self.busy.get(group) == shift:
                del self.busy[group]
        else:
            self.used[shift] = tour
            self.busy[group] = shift
            self.cost += tour.cost
            for task in tour.tasks:
                self.where[task] = shift

    def _undo(self, changed: dict[int, Tour | None], absent: set[int], cost: float) -> None:
        """The solution as it was."""
        nothing: dict[int, Tour | None] = {}
        for shift in changed:
            self._put(shift, None, nothing)
        for shift, tour in changed.items():
            if tour is not None:
                self._put(shift, tour, nothing)
        self.absent, self.cost = absent, cost
