"""Promising tours at some duals, quickly: what column generation adds before anything is proven.

The tours of one shift are built stop by stop, all beginnings of a length at once as arrays; of each length
only the best go on (beam search). So some tours are missed: `pricing` finds all, where there is time.
Only tasks that the shift can do are in the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ooda.schedule.solver.problem import EPSILON, SLOT
from ooda.schedule.solver.together import NOTHING, OutAt
from ooda.schedule.solver.tours import Tours

BEAM = 40
"""Beginnings of each length that go on (ours)."""
LONGEST_TOUR = 9
"""Stops of a tour that is looked for here at most (ours)."""
A_SHIFT = 12
"""Tours listed a shift and call (ours)."""
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Shift:
    """One shift's n tasks: their numbers, windows and surcharges, and the USD that each adds to any tour at
    least: its price when it begins as soon as it can, and its people's time."""

    tasks: NDArray[np.int32]
    opens: Floats
    closes: Floats
    surcharge: Floats
    least: Floats

    def some(self, which: Any) -> _Shift:
        """The shift with some of its tasks."""
        arrays = (self.tasks, self.opens, self.closes, self.surcharge, self.least)
        return _Shift(*(array[which] for array in arrays))


@dataclass(frozen=True)
class _Beginnings:
    """The beginnings of m tours that were kept: their stops as rows of the shift's arrays (m, length), when
    the last stop ends and when they left (minutes), km until there, people, and the prices without the
    duals (USD)."""

    stops: NDArray[np.int16]
    clock: Floats
    leaves: Floats
    km: Floats
    people: Floats
    paid: Floats


class Columns:
    """Looks for tours of negative reduced cost. What it holds grows with tasks × slots and with the pairs
    that are possible."""

    def __init__(self, tours: Tours) -> None:
        problem = self.problem = tours.problem
        self.groups = problem.groups()
        self.minutes = np.asarray(problem.minutes, dtype=np.float32)
        self.km = np.asarray(problem.km, dtype=np.float32)
        self.place = np.array([task.place for task in problem.tasks], dtype=np.int32)
        self.length = np.array([task.minutes for task in problem.tasks], dtype=np.float32)
        self.people = np.array([task.people for task in problem.tasks], dtype=np.float32)
        slots = max((len(task.prices) for task in problem.tasks if task.prices is not None), default=1)
        self.prices: Floats = np.zeros((len(problem.tasks), slots), dtype=np.float32)
        for n, task in enumerate(problem.tasks):
            if task.prices is not None:
                self.prices[n, : len(task.prices)] = np.asarray(task.prices, dtype=np.float32)
        able: list[list[int]] = [[] for _ in problem.shifts]
        for n, row in enumerate(tours.open):
            for number in row:
                able[number].append(n)
        self.shifts = [self._shift(tours, number, tasks) for number, tasks in enumerate(able)]

    def _shift(self, tours: Tours, number: int, tasks: list[int]) -> _Shift:
        windows = [tours.open[task][number] for task in tasks]
        extra = [tours.problem.surcharge.get((task, number), 0.0) for task in tasks]
        numbers = np.array(tasks, dtype=np.int32)
        opens = np.array([window[0] for window in windows], dtype=np.float32)
        closes = np.array([window[1] for window in windows], dtype=np.float32)
        surcharge = np.array(extra, dtype=np.float32)
        first, last = (np.asarray(times, dtype=np.int32) // SLOT for times in (opens, closes))
        least = np.minimum(self.prices[numbers, first], self.prices[numbers, last]) + surcharge
        least += self.length[numbers] * self.people[numbers] * self.problem.usd_per_minute
        return _Shift(numbers, opens, closes, surcharge, least)

    def under(
        self, number: int, duals: Floats, day: float, out: OutAt = NOTHING
    ) -> list[tuple[float, tuple[int, ...]]]:
        """(reduced cost, stops) of tours of a shift with a negative one, the lowest first, at the duals of
        tasks and of the shift's crew and day, and what it costs to be `out` (USD)."""
        shift, listed = self.shifts[number], list[tuple[float, tuple[int, ...]]]()
        worth = duals[shift.tasks]
        gains = worth > shift.least  # no other task makes a tour cheaper
        shift, worth = shift.some(gains), worth[gains]
        kept: _Beginnings | None = None
        if not len(shift.tasks):
            return listed
        place = self.place[shift.tasks]
        home = self.problem.shifts[number].end
        fixed = (place, self.length[shift.tasks], self.minutes[place, home], self.km[place, home])
        for _ in range(LONGEST_TOUR):
            grown = self._longer(number, shift, kept, worth, fixed, out)
            if grown is None:
                break
            kept, reduced = grown
            few = np.flatnonzero(reduced < day - 1e-4)
            if len(few) > A_SHIFT:
                few = few[np.argsort(reduced[few])[:A_SHIFT]]
            for row in few:
                stops = tuple(int(shift.tasks[stop]) for stop in kept.stops[row])
                listed.append((float(reduced[row]) - day, stops))
        return sorted(listed)[:A_SHIFT]

    def _longer(
        self,
        number: int,
        shift: _Shift,
        before: _Beginnings | None,
        worth: Floats,
        fixed: Any,
        at_moments: OutAt,
    ) -> tuple[_Beginnings, Floats] | None:
        """The best tours with one stop more than those before, and their reduced costs without the day's
        dual. `fixed`: of the shift's tasks the place, the minutes, and minutes and km from there home."""
        problem, crew_day, tasks = self.problem, self.problem.shifts[number], shift.tasks
        place, length, back_min, back_km = fixed
        rate = problem.usd_per_minute
        if before is None:
            ends = np.array([crew_day.start])
            clock = leaves = np.array([crew_day.opens], dtype=np.float32)
            far = paid = people = np.zeros(1, dtype=np.float32)
        else:
            last = before.stops[:, -1]
            ends = place[last]
            clock, leaves, far = before.clock, before.leaves, before.km
            paid, people = before.paid, before.people
        begin = clock[:, None] + self.minutes[ends[:, None], place]
        wait = shift.opens - begin
        np.maximum(begin, shift.opens, out=begin)
        out: Any = np.broadcast_to(leaves[:, None], begin.shape)
        if before is None:
            out = out + np.maximum(wait, 0.0)
        home = begin + (length + back_min)
        good = (begin <= shift.closes + EPSILON) & (home <= crew_day.closes + EPSILON)
        good &= home - out <= crew_day.longest + EPSILON
        if before is not None:
            rows = np.arange(len(before.stops))
            for column in range(before.stops.shape[1]):
                good[rows, before.stops[:, column]] = False
        row, col = np.nonzero(good)
        if not len(row):
            return None
        begun, away, many = begin[row, col], out[row, col], np.maximum(people[row], self.people[tasks[col]])
        spent = paid[row] + self.prices[tasks[col], begun.astype(np.int32) // SLOT]
        spent += shift.surcharge[col]
        spent -= worth[col]
        way = far[row] + self.km[ends[row], place[col]]
        reduced = spent + (home[row, col] - away) * many * rate + (way + back_km[col]) * problem.usd_per_km
        if not at_moments.free:
            reduced += at_moments.each(away, home[row, col])
        if len(row) > BEAM:
            best = np.argpartition(reduced, BEAM)[:BEAM]
            row, col, begun, away, many, spent, way, reduced = (
                a[best] for a in (row, col, begun, away, many, spent, way, reduced)
            )
        stops = col[:, None] if before is None else np.hstack([before.stops[row], col[:, None]])
        kept = _Beginnings(stops.astype(np.int16), begun + length[col], away, way, many, spent)
        return kept, reduced
