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

from schedule.search import Solution
from schedule.tours import EPSILON, SLOT, Problem, Tour, Tours

TOLERANCE = 1e-6
A_SHIFT = 40
"""Tours added a shift and round of pricing."""
MOST_TOURS = 150_000
HOUR = 60.0
ENOUGH = 200
"""Tours of negative reduced cost after which a shift's first look ends."""
LAST_CHOICE_S = 1.0
"""Seconds for the choice among the tours met when time is up before the proof."""
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
    """Whether `_Pricing` can enumerate all tours: nobody calls at a depot, and time has a price."""
    if any(shift.depot is not None for shift in problem.shifts):
        return False
    return any(task.prices is not None for task in problem.tasks)


def prove(tours: Tours, pool: Iterable[Tour], known: Solution, deadline: float, seed: int) -> Proof:
    """The best plan of all, or the best that is known at the deadline (`time.monotonic`) with its bound."""
    problem = tours.problem
    master, pricing = _Master(problem, seed), _Pricing(tours)
    master.add(pool)
    master.add(known.tours.values())
    bound = 0.0
    whole = False
    while True:
        value, task_duals, day_duals = master.relaxed()
        priced = pricing.negative(task_duals, day_duals, -TOLERANCE, deadline, None if whole else ENOUGH)
        if priced is None:
            return _late(problem, master, known, bound, seed)
        if priced.whole:
            bound = max(bound, value + sum(priced.least))
        if known.cost - bound <= CLOSED * known.cost:
            return Proof(known, bound, True)
        if not master.add(priced.tours):
            if priced.whole:
                break
            whole = True  # nothing new among the first ones: look at all
    bound = max(bound, value)
    gap = known.cost - bound
    every = pricing.negative(task_duals, day_duals, gap + TOLERANCE, deadline, None)
    if every is None or len(every.tours) > MOST_TOURS:
        return _late(problem, master, known, bound, seed)
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


def _late(problem: Problem, master: _Master, known: Solution, bound: float, seed: int) -> Proof:
    """What can be said when time is up: the best choice among the tours met."""
    better = choose(problem, master.tours, known, LAST_CHOICE_S, seed)
    return Proof(better, bound, better.cost - bound <= CLOSED * better.cost)


@dataclass(frozen=True)
class _Priced:
    """Tours under the limit; each crew's day's lowest reduced cost, at most 0; whether these are all."""

    tours: list[Tour]
    least: list[float]
    whole: bool


class _Pricing:
    """All tours of a shift whose reduced cost lies under a limit: depth first, a branch given up when even
    the best tasks that its time has room for cannot bring it there."""

    def __init__(self, tours: Tours) -> None:
        self.tours, self.problem = tours, tours.problem
        self.groups = self.problem.groups()
        self.able = [
            [task for task in range(len(self.problem.tasks)) if self.problem.windows[task][shift]]
            for shift in range(len(self.problem.shifts))
        ]
        self.least = [self._least(shift) for shift in range(len(self.problem.shifts))]

    def _least(self, shift: int) -> list[dict[int, float]]:
        """What a task costs at least in a shift when it begins not before each full hour of it: the lowest
        price from then on and one person's time. Tasks that cannot begin so late are not there."""
        problem, known = self.problem, self.problem.shifts[shift]
        hours: list[dict[int, float]] = [{} for _ in range(int((known.closes - known.opens) // HOUR) + 1)]
        for task in self.able[shift]:
            item, window = problem.tasks[task], problem.windows[task][shift]
            if window is None:
                continue
            fixed = item.minutes * problem.usd_per_minute + problem.surcharge.get((task, shift), 0.0)
            last = int(window[1]) // SLOT
            for hour in reversed(range(len(hours))):
                begin = max(window[0], known.opens + hour * HOUR)
                if begin > window[1] + EPSILON:
                    continue
                price = 0.0
                if item.prices is not None:
                    first = int(begin) // SLOT
                    later = hours[hour + 1].get(task) if hour + 1 < len(hours) else None
                    if later is None:
                        price = min(item.prices[first : last + 1])
                    else:
                        end = int(max(window[0], known.opens + (hour + 1) * HOUR)) // SLOT
                        price = min(later - fixed, min(item.prices[first : end + 1]))
                hours[hour][task] = price + fixed
        return hours

    def negative(
        self,
        task_duals: Sequence[float],
        day_duals: Sequence[float],
        limit: float,
        deadline: float,
        enough: int | None,
    ) -> _Priced | None:
        """Tours with a reduced cost under the limit. With `enough`, a shift's search ends when it has
        found so many (a first look, while duals are far from the last), and the best few of each are
        given; without, all are looked at, and above 0 all are given. None at the deadline."""
        tours: list[Tour] = []
        least: dict[int, float] = {}
        whole = True
        for shift in range(len(self.problem.shifts)):
            group = self.groups[shift]
            found = self._shift(shift, task_duals, day_duals[group], limit, deadline, enough)
            if found is None:
                return None
            whole &= enough is None or len(found) < enough
            found.sort()
            if found:
                least[group] = min(least.get(group, 0.0), found[0][0])
            for _, stops in found if limit > 0 else found[:A_SHIFT]:
                tour = self.tours.tour(shift, stops)
                if tour:
                    tours.append(tour)
            if len(tours) > MOST_TOURS:
                break
        return _Priced(tours, list(least.values()), whole)

    def _shift(
        self,
        number: int,
        duals: Sequence[float],
        day: float,
        limit: float,
        deadline: float,
        enough: int | None = None,
    ) -> list[tuple[float, tuple[int, ...]]] | None:
        problem, shift = self.problem, self.problem.shifts[number]
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        rate, per_km = problem.usd_per_minute, problem.usd_per_km
        by_hour = []  # what tasks may gain from an hour on, the best for their time first
        for least in self.least[number]:
            gains = [(duals[task] - cost, tasks[task].minutes, task) for task, cost in least.items()]
            gains = [item for item in gains if item[0] > 0]
            by_hour.append(sorted(gains, key=lambda item: -item[0] / max(item[1], 1e-9)))
        found: list[tuple[float, tuple[int, ...]]] = []
        visited, late = 0, time.monotonic() > deadline
        first = [task for _, _, task in by_hour[0]]  # worth most for its time: best tours come first
        known_first = set(first)
        order = first + [task for task in self.able[number] if task not in known_first]

        def could(clock: float, room: float, served: tuple[int, ...]) -> float:
            total = 0.0
            for gain, size, task in by_hour[min(int((clock - shift.opens) // HOUR), len(by_hour) - 1)]:
                if task in served:
                    continue
                if size <= room:
                    total += gain
                    room -= size
                else:
                    return total + gain * room / size
            return total

        def go(
            served: tuple[int, ...], clock: float, leaves: float, here: int, far: float,
            price: float, people: int, credit: float,
        ) -> bool:  # fmt: skip
            nonlocal visited, late
            visited += 1
            if visited % 512 == 0 and time.monotonic() > deadline:
                late = True
            if late or (enough is not None and len(found) >= enough):
                return False
            for task in order:
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
                stops = (*served, task)
                way = far + km[here][known.place]
                paid = price + problem.surcharge.get((task, number), 0.0)
                paid += known.prices[int(begin) // SLOT] if known.prices is not None else 0.0
                many = max(people, known.people)
                worth = credit + duals[task]
                whole = way + km[known.place][shift.end]
                reduced = (back - out) * many * rate + whole * per_km + paid - worth - day
                if reduced < limit:
                    found.append((reduced, stops))
                room = min(shift.longest - (end - out), shift.closes - end)
                at_least = (end - out) * many * rate + way * per_km + paid - worth - day
                if at_least - could(end, room, stops) < limit and not go(
                    stops, end, out, known.place, way, paid, many, worth
                ):
                    return False
            return True

        go((), shift.opens, shift.opens, shift.start, 0.0, 0.0, 0, 0.0)
        return None if late else found
