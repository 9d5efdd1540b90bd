"""Good solutions by ruin and recreate, and the tours that they are made of.

A solution is taken apart where a random task lies and put together again, thousands of times. A worse one
is accepted now and then, so that the search does not stay where it began (slack induction by string
removals: Christiaens and Vanden Berghe, Transportation Science 54 (2020) 417-433, "SISR" below). The random
numbers come from a seed: the same problem gives the same solution, unless time runs out first.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field

from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.solution import Limits, Pool, Solution, remember
from ooda.schedule.solver.tours import Tour, Tours

REMOVED = 10
"""Tasks that a ruin takes out on average (SISR)."""
STRING = 10
"""The most tasks in a string that is taken out of one tour (SISR)."""
BLINK = 0.01
"""Share of places that the recreation overlooks: what seems best is not always (SISR)."""
SPLIT = 0.5
"""Share of strings whose middle stays in the tour (SISR)."""
SPLIT_ENDS = 0.5
"""Chance, after each task of that middle, that it is the last (ours)."""
SPLIT_BREAKS = 0.01
"""Chance, before each task of that middle, that it has none more (ours)."""
ORDER_RANDOM, ORDER_FEW, ORDER_LONG = 0.35, 0.6, 0.8
"""Up to these random numbers tasks are put back in random order, those that few shifts can do first, or the
longest first; above, those with the narrowest window first (ours)."""
REMEMBER_WITHIN = 1.03
"""Tours of solutions that cost at most so many times the best are remembered for the partition (ours)."""


@dataclass
class Search:
    """A search that can be stopped and gone on with: the `best` solution met, the `current` one, which is
    taken apart next, and the `pool` of good solutions' tours, for the partition."""

    tours: Tours
    rng: random.Random
    best: Solution
    current: Solution
    pool: Pool = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limits = Limits(self.tours.problem)

    @classmethod
    def start(cls, problem: Problem, seed: int, tours: Tours | None = None) -> Search:
        """From a solution in which each task goes where it costs least: first the one that fewest shifts
        can do."""
        nothing = Solution({}, set(), 0.0)
        search = cls(tours or Tours(problem), random.Random(seed), nothing, nothing)
        order = sorted(
            range(len(problem.tasks)),
            key=lambda task: (sum(w is not None for w in problem.windows[task]), task),
        )
        used: dict[int, Tour] = {}
        search._recreate(used, order, 0.0)
        search.current = search.best = Solution.of(problem, used)
        search.remember(search.best)
        return search

    def remember(self, solution: Solution) -> None:
        """Put a solution's tours into the pool."""
        for tour in solution.tours.values():
            remember(self.pool, tour)

    def run(self, rounds: int | None, deadline: float, cool_from: float, cool_to: float) -> int:
        """Ruin and recreate so many times, at most until the deadline (seconds of `time.monotonic`); with
        None for rounds, until then. The temperature falls from `cool_from` to `cool_to`, both shares of the
        solution's cost a task. Returns the rounds that were run."""
        problem = self.tours.problem
        if not problem.tasks:
            return 0
        begun = time.monotonic()
        scale = sum(tour.cost for tour in self.best.tours.values()) / len(problem.tasks)
        near = _neighbours(problem)
        done, now = 0, begun
        while rounds is None or done < rounds:
            if done % 16 == 0:
                now = time.monotonic()
            if now >= deadline:
                break
            share = done / rounds if rounds else (now - begun) / max(deadline - begun, 1e-9)
            heat = scale * cool_from * (cool_to / cool_from) ** share
            used, gone = self._ruin(near)
            self._recreate(used, self._ordered(gone), BLINK)
            candidate = Solution.of(problem, used)
            done += 1
            if candidate.cost < self.current.cost - heat * math.log(self.rng.random() or 1e-12):
                self.current = candidate
                if candidate.cost < self.best.cost - 1e-9:
                    self.best = candidate
                if candidate.cost < self.best.cost * REMEMBER_WITHIN:
                    self.remember(candidate)
        return done

    # -------------------------------------------------------------- the two halves

    def _ruin(self, near: list[list[int]]) -> tuple[dict[int, Tour], list[int]]:
        """The tours that are left when strings of tasks around a random one are taken out, and the tasks
        that no tour serves then."""
        rng, used = self.rng, dict(self.current.tours)
        where = {task: shift for shift, tour in used.items() for task in tour.tasks}
        gone = set(self.current.absent)
        if not where:
            return used, list(gone)
        mean = len(where) / max(len(used), 1)
        longest = min(STRING, mean)
        most = 4.0 * REMOVED / (1.0 + longest) - 1.0
        strings = int(rng.uniform(1.0, most + 1.0))
        seed = rng.randrange(len(near))
        ruined: set[int] = set()
        for task in near[seed]:
            if len(ruined) >= strings:
                break
            shift = where.get(task)
            if shift is None or shift in ruined:
                continue
            ruined.add(shift)
            served = list(used[shift].tasks)
            length = int(rng.uniform(1.0, min(longest, len(served)) + 1.0))
            gone |= self._string(served, served.index(task), length)
            rest = self.tours.without(used[shift], gone)
            if rest is None:  # without one stop another would be reached too early, or unequipped
                gone |= set(served)
            if rest is None or not rest.tasks:
                del used[shift]
            else:
                used[shift] = rest
        return used, list(gone)

    def _string(self, served: list[int], at: int, length: int) -> set[int]:
        """A string of tasks around a place of the tour, or one whose middle stays in the tour."""
        rng, middle = self.rng, 0
        if length > 1 and rng.random() < SPLIT:
            while length + middle < len(served) and rng.random() > SPLIT_BREAKS:
                middle += 1
                if rng.random() < SPLIT_ENDS:
                    break
        whole = min(length + middle, len(served))
        first = rng.randint(max(0, at - whole + 1), min(at, len(served) - whole))
        chosen = served[first : first + whole]
        if middle:
            begin = rng.randint(0, whole - middle)
            chosen = chosen[:begin] + chosen[begin + middle :]
        return set(chosen)

    def _ordered(self, gone: list[int]) -> list[int]:
        """The tasks in one of four orders, chosen at random."""
        problem, rng = self.tours.problem, self.rng
        gone.sort()
        rng.shuffle(gone)
        way = rng.random()
        if way < ORDER_RANDOM:
            return gone
        if way < ORDER_FEW:
            return sorted(gone, key=lambda t: sum(w is not None for w in problem.windows[t]))
        if way < ORDER_LONG:
            return sorted(gone, key=lambda t: -problem.tasks[t].minutes)
        return sorted(gone, key=lambda t: min((w[1] - w[0] for w in problem.windows[t] if w), default=0.0))

    def _recreate(self, used: dict[int, Tour], order: list[int], blink: float) -> None:
        """Put each task in turn where it adds least; leave it out where that is cheaper. Changes `used`."""
        problem, tours, rng = self.tours.problem, self.tours, self.rng
        empty: dict[int, Tour] = {}
        for task in order:
            best, gain = None, problem.tasks[task].absence
            windows = problem.windows[task]
            for shift, window in enumerate(windows):
                if window is None or (blink and rng.random() < blink):
                    continue
                tour = used.get(shift)
                if tour is None:
                    tour = empty.get(shift) or empty.setdefault(shift, tours.empty(shift))
                longer = tours.insert(tour, task)
                if (
                    longer is not None
                    and longer.cost - tour.cost < gain
                    and self.limits.allow(used, longer)
                ):
                    best, gain = longer, longer.cost - tour.cost
            if best is not None:
                used[best.shift] = best


def _neighbours(problem: Problem) -> list[list[int]]:
    """For each task all tasks, the nearest first."""
    places = [task.place for task in problem.tasks]
    return [
        sorted(range(len(places)), key=lambda other: (problem.minutes[place][places[other]], other))
        for place in places
    ]
