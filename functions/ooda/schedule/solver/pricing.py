"""Which tours a linear relaxation lacks: all of a shift whose reduced cost lies under a limit.

Depth first, the most promising task first; a branch is given up when even the cheapest way to go on from
there (`bounds`) cannot bring it under the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ona.runtime import processes
from ooda.schedule.solver.bounds import Floats, ProblemArrays, ShiftGrid
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.problem import EPSILON, SLOT, Problem, Shift
from ooda.schedule.solver.solution import Met
from ooda.schedule.solver.together import NOTHING, OutAt
from ooda.schedule.solver.tours import Tours

A_SHIFT = 40
"""Tours added a shift and round of pricing (ours)."""
MOST_TOURS = 60_000
"""Tours with which the last choice is not tried any more (ours: HiGHS would need minutes)."""
ENOUGH = 200
"""Tours of negative reduced cost after which a shift's first look ends (ours)."""
STEP = 30.0
"""Minutes between two closing times that the bounds are worked out for (ours)."""
TRIED = 8
"""Shifts that are looked at to see how long all take (ours)."""
LOOK_AT_THE_CLOCK = 512
"""Tours begun between two looks at the clock, which costs time itself (ours)."""


@dataclass(frozen=True)
class Priced:
    """Tours under the limit; each crew's day's lowest reduced cost, at most 0; whether these are all."""

    tours: list[Met]
    least: list[float]
    whole: bool


class Late(Exception):
    """Time is up, or there are too many tours."""


class Pricing:
    """All tours of a shift whose reduced cost lies under a limit."""

    def __init__(self, tours: Tours, beside: bool = False) -> None:
        self.tours, self.problem, self.beside = tours, tours.problem, beside
        self.groups = self.problem.groups()
        self.common = ProblemArrays.of(self.problem)
        self.able: list[list[int]] = [[] for _ in self.problem.shifts]
        for task, row in enumerate(tours.open):
            for number in row:
                self.able[number].append(task)
        self.cheapest: dict[int, tuple[Floats, float]] = {}

    def negative(
        self,
        task_duals: Sequence[float],
        day_duals: Sequence[float],
        limit: float,
        clock: Clock,
        enough: int | None,
        out: OutAt = NOTHING,
    ) -> Priced | None:
        """Tours with a reduced cost under the limit (USD), at the duals of tasks and of crews' days (USD),
        and what it costs to be `out`.

        With `enough`, a shift's search ends after so many tours (a first look, while duals are far from the
        last), and the best few of each are given. Without, all are looked at; where the limit is above 0,
        all are given. None when time is up."""
        one = partial(self._under, np.asarray(task_duals), day_duals, limit, clock, enough, out)
        if not self._can_end(one, clock):
            return None
        every = processes.spread(one, list(range(len(self.able))), self.beside)
        tours: list[Met] = []
        least: dict[int, float] = {}
        whole = True
        for number, listed in enumerate(every):
            if listed is None:
                return None
            group = self.groups[number]
            whole &= enough is None or len(listed) < enough
            if listed:
                least[group] = min(least.get(group, 0.0), listed[0][0])
            for _, stops in listed if limit > 0 else listed[:A_SHIFT]:
                tour = self.tours.tour(number, stops)
                if tour:
                    tours.append(Met.of(tour))
            if len(tours) > MOST_TOURS:
                break
        return Priced(tours, list(least.values()), whole)

    def _can_end(self, one: Callable[[int], object], clock: Clock) -> bool:
        """Whether there is time for `one` on all shifts, judged by a few: what cannot end is not begun."""
        few = range(0, len(self.able), max(1, len(self.able) // TRIED))
        if len(self.able) < 4 * TRIED:
            return not clock.over()
        left = clock.left()
        for number in few:
            if one(number) is None:
                return False
        each = (left - clock.left()) / len(few)
        return each * len(self.able) < left * (processes.CPUS if self.beside else 1)

    def _under(
        self,
        duals: Floats,
        day_duals: Sequence[float],
        limit: float,
        clock: Clock,
        enough: int | None,
        out: OutAt,
        number: int,
    ) -> list[tuple[float, tuple[int, ...]]] | None:
        """One shift's (reduced cost, stops), the lowest first; None when time is up."""
        day = day_duals[self.groups[number]]
        if clock.here().over():
            return None
        grid = None
        if number not in self.cheapest:
            grid = ShiftGrid.of(self.problem, number, self.able[number], self.common)
            self.cheapest[number] = grid.cheapest(self.problem.usd_per_minute)
        tasks, loop = self.cheapest[number]
        if loop - day + np.minimum(tasks - duals[self.able[number]], 0.0).sum() >= limit:
            return []  # the shift's cheapest tour, were there no other tour and no time between tasks
        grid = grid or ShiftGrid.of(self.problem, number, self.able[number], self.common)
        search = _ShiftSearch(self.problem, number, grid, duals, day, out, clock.here())
        try:
            return sorted(search.under(limit, enough))
        except Late:
            return None


class _SoFar(NamedTuple):
    """The beginning of a tour: the tasks `served`; it left at `leaves` and is at the place `here` at
    `clock` (minutes), after `far` km; the sum of its tasks' prices (USD), the `people` along, and the sum
    of its tasks' duals (`credit`, USD)."""

    served: tuple[int, ...]
    clock: float
    leaves: float
    here: int
    far: float
    price: float
    people: int
    credit: float


class _ShiftSearch:
    """One shift's tours at some duals."""

    def __init__(
        self,
        problem: Problem,
        number: int,
        grid: ShiftGrid,
        duals: Floats,
        day: float,
        out: OutAt,
        clock: Clock,
    ) -> None:
        self.problem, self.number, self.grid, self.out = problem, number, grid, out
        self.shift: Shift = problem.shifts[number]
        self.duals: list[float] = duals.tolist()
        self.worth, self.day, self.clock = duals, day, clock
        self.row = {task: row for row, task in enumerate(grid.tasks)}
        self.bounds: dict[int, Floats] = {}
        self.listed: list[tuple[float, tuple[int, ...]]] = []
        self.visited = 0

    def onward(self, leaves: float) -> Floats:
        """The bounds for tours that leave so late: they are back within the longest time out."""
        step = int(np.ceil((leaves - self.shift.opens) / STEP - 1e-9))
        if step not in self.bounds:
            if self.clock.over():
                raise Late
            closes = min(self.shift.closes, self.shift.opens + step * STEP + self.shift.longest)
            last = int((closes - self.shift.opens + EPSILON) // self.grid.unit)
            times = self.shift.opens + self.grid.unit * np.arange(self.grid.size + 1)
            out = self.out.each(np.zeros(1), times)
            self.bounds[step] = self.grid.onward(self.worth, self.problem.usd_per_minute, last, out)
        return self.bounds[step]

    def under(self, limit: float, enough: int | None) -> list[tuple[float, tuple[int, ...]]]:
        """(reduced cost, stops) of all tours under the limit, or of so many. Raises Late."""
        self.limit, self.enough = limit, enough
        if self.grid.tasks:
            opens = self.shift.opens
            self._go(_SoFar((), opens, opens, self.shift.start, 0.0, 0.0, 0, 0.0))
        return self.listed

    def _go(self, so_far: _SoFar) -> bool:
        """List the tours that begin so; False when there are enough."""
        served, clock, leaves, here, far, price, people, credit = so_far
        problem, shift, number = self.problem, self.shift, self.number
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        rate, per_km = problem.usd_per_minute, problem.usd_per_km
        at_moments, paying = self.out, not self.out.free
        self.visited += 1
        if self.visited % LOOK_AT_THE_CLOCK == 0 and self.clock.over():
            raise Late
        ways = []
        for task, row in self.row.items():
            if task in served:
                continue
            work, window = tasks[task], problem.windows[task][number]
            begin = clock + minutes[here][work.place]
            if window is None or begin > window[1] + EPSILON:
                continue
            out = leaves
            if begin < window[0]:
                out += window[0] - begin if not served else 0.0
                begin = window[0]
            end = begin + work.minutes
            back = end + minutes[work.place][shift.end]
            if back > shift.closes + EPSILON or back - out > shift.longest + EPSILON:
                continue
            way = far + km[here][work.place]
            paid = price + problem.surcharge.get((task, number), 0.0)
            paid += work.prices[int(begin) // SLOT] if work.prices is not None else 0.0
            many = max(people, work.people)
            worth = credit + self.duals[task]
            spent = (end - out) * many * rate + way * per_km + paid - worth - self.day
            if paying:
                spent += at_moments.between(out, end)
            at = round((end - shift.opens) / self.grid.unit)
            bound = spent + self.onward(out)[at, row]
            if bound >= self.limit:
                continue
            whole = way + km[work.place][shift.end]
            reduced = (back - out) * many * rate + whole * per_km + paid - worth - self.day
            if paying:
                reduced += at_moments.between(out, back)
            ways.append((bound, reduced, task, end, out, way, paid, many, worth))
        ways.sort()
        for _, reduced, task, end, out, way, paid, many, worth in ways:
            stops = (*served, task)
            if reduced < self.limit:
                self.listed.append((reduced, stops))
                if len(self.listed) > MOST_TOURS:
                    raise Late
                if self.enough is not None and len(self.listed) >= self.enough:
                    return False
            if not self._go(_SoFar(stops, end, out, tasks[task].place, way, paid, many, worth)):
                return False
        return True
