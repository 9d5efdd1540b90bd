"""Which tours a linear relaxation lacks: all of a shift whose reduced cost lies under a limit.

Depth first, the most promising task first; a branch is given up when even the cheapest way to go on from
there cannot bring it under the limit. What going on costs at least is known for each task and time from a
backward recursion over time in which a task may be served again (as in column generation by q-routes,
Christofides, Mingozzi and Toth, Mathematical Programming 20 (1981) 255-282): tours of a day are short, and
few fall short of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ona.runtime import processes
from ooda.schedule.tours import EPSILON, SLOT, Problem, Shift, Tour, Tours

A_SHIFT = 40
"""Tours added a shift and round of pricing."""
MOST_TOURS = 150_000
ENOUGH = 200
"""Tours of negative reduced cost after which a shift's first look ends."""
STEP = 30.0
"""Minutes between two closing times that the recursion is worked out for."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Priced:
    """Tours under the limit; each crew's day's lowest reduced cost, at most 0; whether these are all."""

    tours: list[Tour]
    least: list[float]
    whole: bool


class Late(Exception):
    """Time is up."""


class Pricing:
    """All tours of a shift whose reduced cost lies under a limit."""

    def __init__(self, tours: Tours, beside: bool = False) -> None:
        self.tours, self.problem, self.beside = tours, tours.problem, beside
        self.groups = self.problem.groups()
        common = _Common.of(self.problem)
        self.grids = [_Grid.of(self.problem, number, common) for number in range(len(self.problem.shifts))]

    def negative(
        self,
        task_duals: Sequence[float],
        day_duals: Sequence[float],
        limit: float,
        deadline: float,
        enough: int | None,
    ) -> Priced | None:
        """Tours with a reduced cost under the limit. With `enough`, a shift's search ends when it has
        found so many (a first look, while duals are far from the last), and the best few of each are
        given; without, all are looked at, and above 0 all are given. None at the deadline."""
        one = partial(self._under, np.asarray(task_duals), day_duals, limit, deadline, enough)
        every = processes.spread(one, list(range(len(self.grids))), self.beside)
        tours: list[Tour] = []
        least: dict[int, float] = {}
        whole = True
        for number, found in enumerate(every):
            if found is None:
                return None
            group = self.groups[number]
            whole &= enough is None or len(found) < enough
            if found:
                least[group] = min(least.get(group, 0.0), found[0][0])
            for _, stops in found if limit > 0 else found[:A_SHIFT]:
                tour = self.tours.tour(number, stops)
                if tour:
                    tours.append(tour)
            if len(tours) > MOST_TOURS:
                break
        return Priced(tours, list(least.values()), whole)

    def _under(
        self,
        duals: Floats,
        day_duals: Sequence[float],
        limit: float,
        deadline: float,
        enough: int | None,
        number: int,
    ) -> list[tuple[float, tuple[int, ...]]] | None:
        """One shift's (reduced cost, stops), the lowest first; None at the deadline."""
        day = day_duals[self.groups[number]]
        search = _Search(self.problem, number, self.grids[number], duals, day, deadline)
        try:
            return sorted(search.under(limit, enough))
        except Late:
            return None


@dataclass(frozen=True)
class _Common:
    """A problem's numbers as arrays: minutes and km between places, prices of tasks by slot."""

    unit: int
    minutes: Floats
    km: Floats
    prices: list[Floats | None]

    @classmethod
    def of(cls, problem: Problem) -> _Common:
        prices = [None if task.prices is None else np.asarray(task.prices) for task in problem.tasks]
        return cls(unit_of(problem), np.asarray(problem.minutes), np.asarray(problem.km), prices)


@dataclass(frozen=True)
class _Grid:
    """A shift's tasks (n) at the times (T, `unit` minutes apart, from its opening) at which they may begin
    and end: what does not change with duals.

    `arrive` (n, n): times on the way from one task to another; `way` the same in USD; `home`, `home_way`
    (n,) to the shift's end; `fixed` (n, T): USD of beginning a task at a time, infinite outside of its
    window: price, surcharge, its people's time.
    """

    tasks: list[int]
    unit: int
    size: int
    length: Ints
    people: Floats
    arrive: Ints
    way: Floats
    home: Ints
    home_way: Floats
    fixed: Floats

    @classmethod
    def of(cls, problem: Problem, number: int, common: _Common) -> _Grid:
        shift, unit = problem.shifts[number], common.unit
        tasks = [n for n in range(len(problem.tasks)) if problem.windows[n][number] is not None]
        size = int((shift.closes - shift.opens + EPSILON) // unit) + 1
        n, places = len(tasks), [problem.tasks[task].place for task in tasks]
        between = np.ix_(places, places)
        fixed = np.full((n, size), np.inf)
        for row, task in enumerate(tasks):
            known, window = problem.tasks[task], problem.windows[task][number]
            if window is None:
                continue
            first = max(0, round((window[0] - shift.opens) / unit))
            last = min(size - 1, int((window[1] - shift.opens + EPSILON) // unit))
            begins = np.rint(shift.opens + unit * np.arange(first, last + 1)).astype(np.int64) // SLOT
            listed = common.prices[task]
            price = listed[begins] if listed is not None else 0.0
            own = known.minutes * known.people * problem.usd_per_minute
            fixed[row, first : last + 1] = price + own + problem.surcharge.get((task, number), 0.0)

        def times(values: Any) -> Ints:
            found: Ints = np.rint(np.asarray(values, dtype=float) / unit).astype(np.int64)
            return found

        return cls(
            tasks,
            unit,
            size,
            times([problem.tasks[task].minutes for task in tasks]),
            np.asarray([float(problem.tasks[task].people) for task in tasks]),
            times(common.minutes[between]),
            common.km[between] * problem.usd_per_km,
            times(common.minutes[places, shift.end]),
            common.km[places, shift.end] * problem.usd_per_km,
            fixed,
        )

    def onward(self, duals: Floats, rate: float, closes: int) -> Floats:
        """What is still to come at least once a task ended at a time (T, n), USD of reduced cost; everybody
        is back at `closes` at the latest. Each task's people are paid for the way to it and its own work,
        which is never more than a tour pays; a task may be served again."""
        n, size = len(self.tasks), self.size
        after = np.full((size + 1, n), np.inf)
        begun = np.full((n, size + 1), np.inf)
        worth = self.fixed - duals[self.tasks][:, None]
        rows = np.arange(n)
        usd = rate * self.unit * self.people
        first = np.argmax(np.isfinite(self.fixed), axis=1)
        back = self.home * usd + self.home_way
        for at in range(size - 1, -1, -1):
            end = np.minimum(at + self.length, size)
            begun[:, at] = worth[:, at] + after[end, rows]
            begin = np.minimum(np.maximum(at + self.arrive, first), size)
            cost = begun[rows, begin] + (begin - at) * usd + self.way
            homeward = np.where(at + self.home <= closes, back, np.inf)
            after[at] = np.minimum(cost.min(axis=1, initial=np.inf), homeward)
        return after


def unit_of(problem: Problem) -> int:
    """The minutes that all times are multiples of: a slot's, or one; 0 where they are not even that."""
    times = {shift.opens for shift in problem.shifts} | {task.minutes for task in problem.tasks}
    times |= {minutes for row in problem.minutes for minutes in row}
    times |= {window[0] for row in problem.windows for window in row if window is not None}
    for unit in (SLOT, 1):
        if all(abs(value / unit - round(value / unit)) < 1e-9 for value in times):
            return unit
    return 0


class _Search:
    """One shift's tours at some duals."""

    def __init__(
        self, problem: Problem, number: int, grid: _Grid, duals: Floats, day: float, deadline: float
    ) -> None:
        self.problem, self.number, self.grid = problem, number, grid
        self.shift: Shift = problem.shifts[number]
        self.duals: list[float] = duals.tolist()
        self.worth, self.day, self.deadline = duals, day, deadline
        self.row = {task: row for row, task in enumerate(grid.tasks)}
        self.known: dict[int, Floats] = {}
        self.found: list[tuple[float, tuple[int, ...]]] = []
        self.visited = 0

    def onward(self, leaves: float) -> Floats:
        """The bounds for tours that leave so late: they are back within the longest time out."""
        step = int(np.ceil((leaves - self.shift.opens) / STEP - 1e-9))
        if step not in self.known:
            if time.monotonic() > self.deadline:
                raise Late
            closes = min(self.shift.closes, self.shift.opens + step * STEP + self.shift.longest)
            last = int((closes - self.shift.opens + EPSILON) // self.grid.unit)
            self.known[step] = self.grid.onward(self.worth, self.problem.usd_per_minute, last)
        return self.known[step]

    def under(self, limit: float, enough: int | None) -> list[tuple[float, tuple[int, ...]]]:
        """(reduced cost, stops) of all tours under the limit, or of so many. Raises Late."""
        self.limit, self.enough = limit, enough
        if self.grid.tasks:
            self._go((), self.shift.opens, self.shift.opens, self.shift.start, 0.0, 0.0, 0, 0.0)
        return self.found

    def _go(
        self, served: tuple[int, ...], clock: float, leaves: float, here: int, far: float, price: float,
        people: int, credit: float,
    ) -> bool:  # fmt: skip
        """False when there are enough."""
        problem, shift, number = self.problem, self.shift, self.number
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        rate, per_km = problem.usd_per_minute, problem.usd_per_km
        self.visited += 1
        if self.visited % 512 == 0 and time.monotonic() > self.deadline:
            raise Late
        ways = []
        for task, row in self.row.items():
            if task in served:
                continue
            known, window = tasks[task], problem.windows[task][number]
            begin = clock + minutes[here][known.place]
            if window is None or begin > window[1] + EPSILON:
                continue
            out = leaves
            if begin < window[0]:
                out += window[0] - begin if not served else 0.0
                begin = window[0]
            end = begin + known.minutes
            back = end + minutes[known.place][shift.end]
            if back > shift.closes + EPSILON or back - out > shift.longest + EPSILON:
                continue
            way = far + km[here][known.place]
            paid = price + problem.surcharge.get((task, number), 0.0)
            paid += known.prices[int(begin) // SLOT] if known.prices is not None else 0.0
            many = max(people, known.people)
            worth = credit + self.duals[task]
            spent = (end - out) * many * rate + way * per_km + paid - worth - self.day
            at = round((end - shift.opens) / self.grid.unit)
            bound = spent + self.onward(out)[at, row]
            if bound >= self.limit:
                continue
            whole = way + km[known.place][shift.end]
            reduced = (back - out) * many * rate + whole * per_km + paid - worth - self.day
            ways.append((bound, reduced, task, end, out, way, paid, many, worth))
        ways.sort()
        for _, reduced, task, end, out, way, paid, many, worth in ways:
            stops = (*served, task)
            if reduced < self.limit:
                self.found.append((reduced, stops))
                if self.enough is not None and len(self.found) >= self.enough:
                    return False
            if not self._go(stops, end, out, tasks[task].place, way, paid, many, worth):
                return False
        return True
