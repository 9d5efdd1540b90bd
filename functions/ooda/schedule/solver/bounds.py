"""What the rest of a tour costs at least: the bound that lets pricing give up a branch early.

The bound is worked out for each task and time by a backward recursion over time in which a task may be
served again (as in column generation by q-routes, Christofides, Mingozzi and Toth, Mathematical Programming
20 (1981) 255-282): tours of a day are short, and few fall short of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ooda.schedule.solver.problem import EPSILON, SLOT, Problem, time_unit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ProblemArrays:
    """A problem's numbers as arrays: the `unit` of all times (minutes), minutes and km between places,
    prices of tasks by slot (USD)."""

    unit: int
    minutes: Floats
    km: Floats
    prices: list[Floats | None]

    @classmethod
    def of(cls, problem: Problem) -> ProblemArrays:
        """The arrays of a problem."""
        prices = [None if task.prices is None else np.asarray(task.prices) for task in problem.tasks]
        return cls(time_unit(problem), np.asarray(problem.minutes), np.asarray(problem.km), prices)


@dataclass(frozen=True)
class ShiftGrid:
    """A shift's tasks (n) at the times (T = `size`, `unit` minutes apart, from its opening) at which they
    may begin and end: what does not change with duals. Times are counted in units.

    `length` (n,): how long a task takes; `people` (n,): how many it needs.

    `arrive` (n, n): time on the way from one task to another; `way` the same in USD; `home`, `home_way`
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
    def of(cls, problem: Problem, number: int, tasks: list[int], common: ProblemArrays) -> ShiftGrid:
        """The grid of the shift with that number, which is able to do these tasks."""
        shift, unit = problem.shifts[number], common.unit
        size = int((shift.closes - shift.opens + EPSILON) // unit) + 1
        n, places = len(tasks), [problem.tasks[task].place for task in tasks]
        between = np.ix_(places, places)
        fixed = np.full((n, size), np.inf)
        for row, task in enumerate(tasks):
            work, window = problem.tasks[task], problem.windows[task][number]
            if window is None:
                continue
            first = max(0, round((window[0] - shift.opens) / unit))
            last = min(size - 1, int((window[1] - shift.opens + EPSILON) // unit))
            begins = np.rint(shift.opens + unit * np.arange(first, last + 1)).astype(np.int64) // SLOT
            listed = common.prices[task]
            price = listed[begins] if listed is not None else 0.0
            own = work.minutes * work.people * problem.usd_per_minute
            fixed[row, first : last + 1] = price + own + problem.surcharge.get((task, number), 0.0)

        def times(values: Any) -> Ints:
            units: Ints = np.rint(np.asarray(values, dtype=float) / unit).astype(np.int64)
            return units

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

    def cheapest(self, rate: float) -> tuple[Floats, float]:
        """What each task costs at least at its best time (n,), infinite where it cannot begin; and the way
        of any tour, which is at least home from its last task. USD, without duals. `rate`: USD a minute and
        person."""
        home = self.home * (rate * self.unit * self.people) + self.home_way
        return self.fixed.min(axis=1, initial=np.inf), float(home.min(initial=np.inf))

    def onward(self, duals: Floats, rate: float, closes: int, out: Floats) -> Floats:
        """What is still to come at least once a task ended at a time (T, n), USD of reduced cost; everybody
        is back at `closes` at the latest. Each task's people are paid for the way to it and its own work,
        which is never more than a tour pays; a task may be served again. `out` (T + 1,): USD of having been
        out until a time."""
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
            begun[:, at] = worth[:, at] + (out[end] - out[at]) + after[end, rows]
            begin = np.minimum(np.maximum(at + self.arrive, first), size)
            cost = begun[rows, begin] + (begin - at) * usd + self.way + (out[begin] - out[at])
            homeward = np.where(at + self.home <= closes, back, np.inf)
            homeward += out[np.minimum(at + self.home, size)] - out[at]
            after[at] = np.minimum(cost.min(axis=1, initial=np.inf), homeward)
        return after
