"""The best choice among tours that were met: set partitioning, solved by HiGHS.

Every task is in one chosen tour or left out at its price; a crew has one tour a day; so many tours may be
out at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import highspy
import numpy as np

from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.tours import Tour

CLOSED = 1e-4
"""A gap that is a smaller share of the cost than this is none (ours)."""
MOST_ABSENCE = 1e7
"""USD: what leaving a task out costs at most here, because HiGHS takes no infinite costs (ours)."""
LEAST_SECONDS = 0.1
"""Seconds that HiGHS has at least, also where time is up (ours)."""


class Partition:
    """The partition over a growing set of tours, as HiGHS has it: a column for each task left out, then
    for each tour."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.groups = problem, problem.groups()
        self.tours: list[Tour] = []
        self._names: set[tuple[int, tuple[int, ...]]] = set()
        self._n, self._g = len(problem.tasks), max(self.groups, default=-1) + 1
        self.highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", seed)):
            self.highs.setOptionValue(name, value)
        for _ in range(self._n):
            self.highs.addRow(1.0, 1.0, 0, np.array([], dtype=np.int32), np.array([]))
        for _ in range(self._g):
            self.highs.addRow(-math.inf, 1.0, 0, np.array([], dtype=np.int32), np.array([]))
        for task in range(self._n):
            cost = min(problem.tasks[task].absence, MOST_ABSENCE)
            self.highs.addCol(cost, 0.0, 1.0, 1, np.array([task], dtype=np.int32), np.ones(1))

    def add(self, tours: Iterable[Tour]) -> int:
        """Add the tours that are not there yet; returns how many."""
        new = []
        for tour in tours:
            name = (tour.shift, tour.stops)
            if tour.tasks and name not in self._names:
                self._names.add(name)
                new.append(tour)
        if not new:
            return 0
        rows = [[*tour.tasks, self._n + self.groups[tour.shift]] for tour in new]
        starts = np.cumsum([0, *(len(row) for row in rows)])[:-1].astype(np.int32)
        index = np.array([number for row in rows for number in row], dtype=np.int32)
        size = len(new)
        costs, ones = np.array([tour.cost for tour in new]), np.ones(len(index))
        self.highs.addCols(size, costs, np.zeros(size), np.full(size, 1.0), len(index), starts, index, ones)
        self.tours += new
        return size

    def relaxed(self) -> tuple[float, Sequence[float], Sequence[float]]:
        """The linear relaxation: its value (USD), and the duals of tasks and of crews' days (USD)."""
        self.highs.run()
        duals = self.highs.getSolution().row_dual
        return self.highs.getObjectiveValue(), duals[: self._n], duals[self._n : self._n + self._g]

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

    def whole(self, start: Solution, seconds: float) -> tuple[list[Tour], float, bool] | None:
        """The best choice of whole tours, from a solution to start with: its tours, its bound (USD), and
        whether it is proven. None where no choice was met in time."""
        count = self._n + len(self.tours)
        everything = np.arange(count, dtype=np.int32)
        kind = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        self.highs.changeColsIntegrality(count, everything, kind)
        self.highs.setOptionValue("time_limit", max(seconds, LEAST_SECONDS) + self.highs.getRunTime())
        self.highs.setOptionValue("mip_rel_gap", CLOSED / 10)
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


def choose(problem: Problem, pool: Iterable[Tour], best: Solution, seconds: float, seed: int) -> Solution:
    """The best solution made of tours of the pool, or the one given where that is better."""
    partition = Partition(problem, seed)
    partition.add(pool)
    partition.add(best.tours.values())
    partition.together()
    choice = partition.whole(best, seconds)
    return cheaper(problem, best, choice[0] if choice else [])


def cheaper(problem: Problem, best: Solution, tours: list[Tour]) -> Solution:
    """The solution made of these tours where it costs less than the one given, else that one."""
    other = Solution.of(problem, {tour.shift: tour for tour in tours})
    return other if tours and other.cost < best.cost else best
