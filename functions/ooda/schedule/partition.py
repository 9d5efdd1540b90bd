"""The best choice among known tours, by integer programming, and how good any plan can be.

Set partitioning: every task in one chosen tour or left out at its price, one tour a crew and day, so many
at once. Solved by HiGHS. `prove` generates the tours that could matter (column generation) until the
linear relaxation's bound is that of all tours, then chooses among all whose reduced cost lies within the
gap: the result is optimal, or the gap is told (Baldacci, Christofides, Mingozzi, Mathematical Programming
115 (2008)).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from ooda.schedule.pricing import ENOUGH, MOST_TOURS, Pricing, unit_of
from ooda.schedule.search import Solution
from ooda.schedule.tours import Problem, Tour, Tours

TOLERANCE = 1e-6
FOR_THE_LAST_CHOICE, LAST_CHOICE_S = 0.25, 1.0
"""Share of the proof's time, and the least seconds, that are kept for the choice among the tours met when
time is up before the relaxation is solved."""
FOR_A_BETTER_PLAN = 0.3
"""Share of the time left that a better plan from the relaxation's own tours may take."""
CLOSED = 1e-4
"""A gap smaller than this share is none."""


@dataclass(frozen=True)
class Proof:
    """A plan, the bound that no plan can be cheaper than, and whether the plan is known to be the best."""

    solution: Solution
    bound: float
    optimal: bool

    @property
    def gap(self) -> float:
        """(cost − bound) / cost, 0 where the plan is optimal."""
        if self.optimal or self.solution.cost <= 0:
            return 0.0
        return max(0.0, (self.solution.cost - self.bound) / self.solution.cost)


class _Master:
    """The partition over a growing set of tours, as HiGHS holds it: columns for tasks left out, then
    tours."""

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
            cost = min(problem.tasks[task].absence, 1e7)
            self.highs.addCol(cost, 0.0, 1.0, 1, np.array([task], dtype=np.int32), np.ones(1))

    def add(self, tours: Iterable[Tour]) -> int:
        """Add those that are not there; how many."""
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
        self.highs.addCols(
            size, np.array([tour.cost for tour in new]), np.zeros(size), np.full(size, 1.0),
            len(index), starts, index, np.ones(len(index)),
        )  # fmt: skip
        self.tours += new
        return size

    def relaxed(self) -> tuple[float, Sequence[float], Sequence[float]]:
        """The linear relaxation: its value, and the duals of tasks and of crews' days."""
        self.highs.run()
        duals = self.highs.getSolution().row_dual
        return self.highs.getObjectiveValue(), duals[: self._n], duals[self._n : self._n + self._g]

    def together(self) -> None:
        """Rows for the limit of tours at once, at each moment at which one leaves."""
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

    def whole(self, known: Solution, seconds: float) -> tuple[list[Tour], float, bool] | None:
        """The best choice of whole tours, its bound, and whether it is proven. None without one."""
        count = self._n + len(self.tours)
        everything = np.arange(count, dtype=np.int32)
        kind = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        self.highs.changeColsIntegrality(count, everything, kind)
        self.highs.setOptionValue("time_limit", max(seconds, 0.1) + self.highs.getRunTime())
        self.highs.setOptionValue("mip_rel_gap", CLOSED / 10)
        start = highspy.HighsSolution()
        chosen = {(tour.shift, tour.stops) for tour in known.tours.values()}
        start.col_value = [float(task in known.absent) for task in range(self._n)] + [
            float((tour.shift, tour.stops) in chosen) for tour in self.tours
        ]
        self.highs.setSolution(start)
        self.highs.run()
        status = self.highs.getModelStatus()
        info = self.highs.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        values = self.highs.getSolution().col_value
        tours = [tour for number, tour in enumerate(self.tours) if values[self._n + number] > 0.5]
        return tours, info.mip_dual_bound, status == highspy.HighsModelStatus.kOptimal


def choose(problem: Problem, pool: Iterable[Tour], known: Solution, seconds: float, seed: int) -> Solution:
    """The best plan made of tours of the pool, or the known one where that is better."""
    master = _Master(problem, seed)
    master.add(pool)
    master.add(known.tours.values())
    master.together()
    found = master.whole(known, seconds)
    return _better(problem, known, found[0] if found else [])


def _better(problem: Problem, known: Solution, tours: list[Tour]) -> Solution:
    made = Solution.of(problem, {tour.shift: tour for tour in tours})
    return made if tours and made.cost < known.cost else known


def provable(problem: Problem) -> bool:
    """Whether `Pricing` can enumerate all tours: nobody calls at a depot, times are whole minutes, and
    time has a price."""
    if any(shift.depot is not None for shift in problem.shifts) or not unit_of(problem):
        return False
    return any(task.prices is not None for task in problem.tasks)


def prove(
    tours: Tours, pool: Iterable[Tour], known: Solution, deadline: float, seed: int, beside: bool = False
) -> Proof:
    """The best plan of all, or the best that is known at the deadline (`time.monotonic`) with its bound.
    `beside`: tours are looked for in several processes."""
    problem = tours.problem
    master, pricing = _Master(problem, seed), Pricing(tours, beside)
    until = deadline - FOR_THE_LAST_CHOICE * (deadline - time.monotonic())
    master.add(pool)
    master.add(known.tours.values())
    bound = 0.0
    whole = False
    while True:
        value, task_duals, day_duals = master.relaxed()
        priced = pricing.negative(task_duals, day_duals, -TOLERANCE, until, None if whole else ENOUGH)
        if priced is None:
            return _late(problem, master, known, bound, deadline, seed)
        if priced.whole:
            bound = max(bound, value + sum(priced.least))
        if known.cost - bound <= CLOSED * known.cost:
            return Proof(known, bound, True)
        if not master.add(priced.tours):
            if priced.whole:
                break
            whole = True  # nothing new among the first ones: look at all
    bound = max(bound, value)
    if known.cost - bound > CLOSED * known.cost:  # the nearer the plan, the fewer tours are left to look at
        left = deadline - time.monotonic()
        known = choose(problem, master.tours, known, FOR_A_BETTER_PLAN * left, seed)
    gap = known.cost - bound
    every = pricing.negative(task_duals, day_duals, gap + TOLERANCE, until, None)
    if every is None or len(every.tours) > MOST_TOURS:
        return _late(problem, master, known, bound, deadline, seed)
    final = _Master(problem, seed)
    final.add(every.tours)
    final.add(known.tours.values())
    final.together()
    found = final.whole(known, max(deadline - time.monotonic(), 1.0))
    if found is None:
        return Proof(known, bound, False)
    better = _better(problem, known, found[0])
    bound = max(bound, min(found[1], better.cost))
    return Proof(better, bound, found[2] or better.cost - bound <= CLOSED * better.cost)


def _late(
    problem: Problem, master: _Master, known: Solution, bound: float, deadline: float, seed: int
) -> Proof:
    """What can be said when time is up: the best choice among the tours met."""
    left = max(deadline - time.monotonic(), LAST_CHOICE_S)
    better = choose(problem, master.tours, known, left, seed)
    return Proof(better, bound, better.cost - bound <= CLOSED * better.cost)
