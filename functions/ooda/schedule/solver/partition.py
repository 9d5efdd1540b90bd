"""The best choice among tours that were met: set partitioning, solved by HiGHS.

Every task is in one chosen tour or left out at its price; a crew has one tour a day; so many tours may be
out at once.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import highspy
import numpy as np

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.solution import Met, Solution
from ooda.schedule.solver.together import OutAt, moments
from ooda.schedule.solver.tours import Tour, Tours

CLOSED = 1e-4
"""A gap that is a smaller share of what the tours cost than this is none (ours)."""
ROUNDING = 1e-9
"""Share of the cost that numbers' rounding may take."""
MOST_ABSENCE = 1e7
"""USD: what leaving a task out costs at most here, because HiGHS takes no infinite costs (ours)."""
FEW = 6_000
"""Tours among which the choice is quick (ours)."""
LEAST_SECONDS = 0.1
"""Seconds that HiGHS has at least, also where time is up (ours)."""


class Relaxed(NamedTuple):
    """The linear relaxation: its `value` (USD), and the duals of `tasks` and of crews' `days` (USD), and
    what it costs to be `out` at a time, where not all crews may be."""

    value: float
    tasks: Sequence[float]
    days: Sequence[float]
    out: OutAt


class Partition:
    """The partition over a growing set of tours, as HiGHS has it: a column for each task left out, then
    for each tour; a row for each task, each crew's day and each moment at which not all may be out."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.groups = problem, problem.groups()
        self.tours: list[Tour | Met] = []
        self._reduced: Any = np.zeros(0)
        self._shares: Any = np.zeros(0)
        self._names: set[tuple[int, tuple[int, ...]]] = set()
        self._n, self._g = len(problem.tasks), max(self.groups, default=-1) + 1
        self.highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", seed)):
            self.highs.setOptionValue(name, value)
        for _ in range(self._n):
            self.highs.addRow(1.0, 1.0, 0, np.array([], dtype=np.int32), np.array([]))
        for _ in range(self._g):
            self.highs.addRow(-math.inf, 1.0, 0, np.array([], dtype=np.int32), np.array([]))
        self._moments, free = moments(problem)
        for most in free:
            self.highs.addRow(-math.inf, float(most), 0, np.array([], dtype=np.int32), np.array([]))
        for task in range(self._n):
            cost = min(problem.tasks[task].absence, MOST_ABSENCE)
            self.highs.addCol(cost, 0.0, 1.0, 1, np.array([task], dtype=np.int32), np.ones(1))

    def add(self, tours: Iterable[Tour | Met]) -> int:
        """Add the tours that are not there yet; returns how many."""
        new = []
        for tour in tours:
            name = (tour.shift, tour.stops)
            if tour.tasks and name not in self._names:
                self._names.add(name)
                new.append(tour)
        if not new:
            return 0
        rows = [[*tour.tasks, self._n + self.groups[tour.shift], *self._out(tour)] for tour in new]
        starts = np.cumsum([0, *(len(row) for row in rows)])[:-1].astype(np.int32)
        index = np.array([number for row in rows for number in row], dtype=np.int32)
        size = len(new)
        costs, ones = np.array([tour.cost for tour in new]), np.ones(len(index))
        self.highs.addCols(size, costs, np.zeros(size), np.full(size, 1.0), len(index), starts, index, ones)
        self.tours += new
        return size

    def _out(self, tour: Tour | Met) -> range:
        """The rows of the moments at which a tour is out."""
        first, last = (bisect_left(self._moments, at) for at in (tour.leaves, tour.returns))
        return range(self._n + self._g + first, self._n + self._g + last)

    def relaxed(self, clock: Clock) -> Relaxed | None:
        """The linear relaxation; None where time was up before."""
        self._stop_with(clock)
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self.highs.getSolution()
        duals = solution.row_dual
        self._reduced = np.asarray(solution.col_dual)[self._n :]
        self._shares = np.asarray(solution.col_value)[self._n :]
        n, g = self._n, self._g
        out = OutAt(self._moments, [-dual for dual in duals[n + g : n + g + len(self._moments)]])
        return Relaxed(self.highs.getObjectiveValue(), duals[:n], duals[n : n + g], out)

    def shares(self) -> Any:
        """How much of each tour the last relaxation uses, 0 to 1, as an array."""
        return self._shares

    def hold(self, numbers: Sequence[int], held: bool) -> None:
        """Tours that the relaxation must use, or need not any more."""
        for number in numbers:
            self.highs.changeColBounds(self._n + number, float(held), 1.0)

    def _stop_with(self, clock: Clock) -> None:
        """HiGHS ends when the clock does. It counts real time itself; CPU time is asked for as it works."""

        def ask(event: Any) -> None:
            if clock.over():
                event.interrupt()

        for place in (self.highs.cbMipInterrupt, self.highs.cbSimplexInterrupt):
            place.clear()
            place.subscribe(ask)
        limit = max(clock.left_of_wall(), LEAST_SECONDS) + self.highs.getRunTime()
        self.highs.setOptionValue("time_limit", limit)

    def cheap(self, cost: float) -> list[Tour | Met]:
        """The tours that the last relaxation likes best: those of the lowest reduced costs, so many that a
        choice among them is quick. `cost`: USD of a solution that is there already."""
        known = self.tours[: len(self._reduced)]
        gap = max(cost - self.highs.getObjectiveValue(), 0.0)
        order = np.argsort(self._reduced, kind="stable")[:FEW]
        return [known[n] for n in order if self._reduced[n] <= gap + 1e-6] + self.tours[len(known) :]

    def together(self) -> None:
        """Add rows for the limit of tours at once, at each moment at which one leaves."""
        problem = self.problem
        if problem.together >= len({shift.crew for shift in problem.shifts}) + len(problem.taken):
            return
        leaving = np.array([tour.leaves for tour in self.tours])
        back = np.array([tour.returns for tour in self.tours])
        for at in np.unique([*leaving, *(begin for begin, _ in problem.taken)]):
            out = np.flatnonzero((leaving <= at) & (back > at)).astype(np.int32)
            free = problem.together - sum(begin <= at < end for begin, end in problem.taken)
            if len({self.groups[self.tours[number].shift] for number in out}) > free:
                self.highs.addRow(-math.inf, float(free), len(out), out + self._n, np.ones(len(out)))

    def whole(self, start: Solution, clock: Clock) -> tuple[list[Tour | Met], float, bool] | None:
        """The best choice of whole tours, from a solution to start with: its tours, its bound (USD), and
        whether it is proven. None where no choice was met in time."""
        count = self._n + len(self.tours)
        everything = np.arange(count, dtype=np.int32)
        kind = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        self.highs.changeColsIntegrality(count, everything, kind)
        self._stop_with(clock)
        self.highs.setOptionValue("mip_rel_gap", CLOSED / 10 * start.decided / max(start.cost, 1.0))
        values = highspy.HighsSolution()
        chosen = {(tour.shift, tour.stops) for tour in start.tours.values()}
        values.col_value = [float(task in start.absent) for task in range(self._n)] + [
            float((tour.shift, tour.stops) in chosen) for tour in self.tours
        ]
        self.highs.setSolution(values)
        self.highs.run()
        status = self.highs.getModelStatus()
        info = self.highs.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        shares = self.highs.getSolution().col_value
        tours = [tour for number, tour in enumerate(self.tours) if shares[self._n + number] > 0.5]
        return tours, info.mip_dual_bound, status == highspy.HighsModelStatus.kOptimal


def closed(best: Solution, bound: float) -> bool:
    """Whether a bound (USD) is so near that the solution counts as proven."""
    return best.cost - bound <= max(CLOSED * best.decided, ROUNDING * best.cost)


def choose(tours: Tours, pool: Iterable[Tour | Met], best: Solution, clock: Clock, seed: int) -> Solution:
    """The best solution made of tours of the pool, or the one given where that is better."""
    if clock.over():
        return best
    partition = Partition(tours.problem, seed)
    partition.add(best.tours.values())
    partition.add(pool)
    partition.together()
    choice = partition.whole(best, clock)
    return cheaper(tours, best, choice[0] if choice else [])


def cheaper(tours: Tours, best: Solution, chosen: Sequence[Tour | Met]) -> Solution:
    """The solution made of these tours where it costs less than the one given, else that one."""
    used = {met.shift: tour for met in chosen if (tour := tours.tour(met.shift, met.stops))}
    other = Solution.of(tours.problem, used)
    return other if chosen and other.cost < best.cost else best
