"""The linear relaxation of the choice among tours, and a whole solution made from it.

`relax` adds promising tours until there are none (column generation with `columns`). `dive` makes a whole
solution of its parts of tours: it takes those that are used most for good, solves the rest again, and so on
(restricted master heuristic with re-generation: Sadykov et al., INFORMS Journal on Computing 31 (2019)).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.columns import Columns
from ooda.schedule.solver.partition import Partition
from ooda.schedule.solver.solution import Limits, Met, Solution
from ooda.schedule.solver.tours import Tours

SURE = 0.8
"""A tour that is used so much of is taken for good (ours)."""
A_DIVE = 0.06
"""Of the tours that are used in part, this share is taken for good each time at least; more where time is
short (ours)."""
FEW_LEFT = 0.1
"""While more shifts than this share have promising tours, only those are looked at (ours)."""
LITTLE = 2e-4
"""Where looking at all shifts lowers the cost by less than this share, and only every second shift has a
new tour, the relaxation is good enough to make a solution of (ours). The cost alone says little: at the
beginning it stands still for some rounds."""
NEVER_AGAIN = -1e7
"""USD: the dual of a task that is planned for good (ours)."""


class Relaxation:
    """The relaxation over the tours of a partition, which grows."""

    def __init__(self, tours: Tours, partition: Partition) -> None:
        self.tours, self.partition, self.columns = tours, partition, Columns(tours)
        self.every = list(range(len(tours.problem.shifts)))
        self.value = math.inf

    def relax(self, clock: Clock) -> bool:
        """Add promising tours until none is met any more; whether that was so before time was up. A shift
        that had none is looked at again only when few others are left."""
        asked, before = self.every, math.inf
        while True:
            met = self._priced(asked, clock, frozenset())
            if met is None:
                return False
            if len(asked) == len(self.every):
                if before - self.value <= LITTLE * self.value and 2 * met[1] <= len(self.every):
                    return True
                before = self.value
            if not met[1] and len(asked) == len(self.every):
                return True
            asked = met[0] if met[1] and len(met[0]) > FEW_LEFT * len(self.every) else self.every

    def _priced(
        self, asked: Iterable[int], clock: Clock, planned: frozenset[int]
    ) -> tuple[list[int], int] | None:
        """Solve, look at some shifts, add what is met: the shifts that had something, and how many tours
        were new; None when time is up."""
        solved = self.partition.relaxed(clock)
        if solved is None:
            return None
        self.value = solved.value
        duals = np.asarray(solved.tasks, dtype=np.float32)
        duals[list(planned)] = NEVER_AGAIN
        found, met = list[Met](), list[int]()
        for number in asked:
            if clock.over():
                return None
            listed = self.columns.under(
                number, duals, solved.days[self.partition.groups[number]], solved.out
            )
            tours = [tour for _, stops in listed if (tour := self.tours.tour(number, stops))]
            if tours:
                met.append(number)
                found += [Met.of(tour) for tour in tours]
        return met, self.partition.add(found)

    def dive(self, clock: Clock) -> Solution:
        """A whole solution from the relaxation; what is not decided when time is up is left out."""
        partition, groups, limits = self.partition, self.partition.groups, Limits(self.tours.problem)
        taken, used = dict[int, Met](), dict[int, Met]()
        begun, levels = clock.left(), 0
        while not clock.over() and partition.relaxed(clock) is not None:
            shares = partition.shares()
            open_ones = [int(n) for n in np.flatnonzero(shares > 1e-6) if int(n) not in taken]
            if not open_ones:
                break
            open_ones.sort(key=lambda n: -shares[n])
            left = clock.left()
            each = (begun - left) / levels if levels else 0.0
            share = min(max(A_DIVE, 3.0 * each / max(left, 1e-9)), 1.0)
            least, more = max(1, int(share * len(open_ones))), list[int]()
            levels += 1
            planned = {task for met in taken.values() for task in met.tasks}
            days = {groups[met.shift] for met in taken.values()}
            for number in open_ones:
                met = partition.tours[number]
                if shares[number] < SURE and len(more) >= least:
                    break
                free = planned.isdisjoint(met.tasks) and groups[met.shift] not in days
                if free and limits.fit(used, met):
                    more.append(number)
                    planned.update(met.tasks)
                    days.add(groups[met.shift])
                    taken[number] = used[met.shift] = Met(
                        met.shift, met.stops, met.cost, met.leaves, met.returns
                    )
            if not more:
                break
            partition.hold(more, True)
            rest = [number for number in self.every if groups[number] not in days]
            if self._priced(rest, clock, frozenset(planned)) is None:
                break
        partition.hold(list(taken), False)
        chosen = {shift: tour for shift, met in used.items() if (tour := self.tours.tour(shift, met.stops))}
        return Solution.of(self.tours.problem, chosen)
