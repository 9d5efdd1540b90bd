"""Good plans by ruin and recreate, and the tours that they are made of.

A plan is taken apart where a random task lies and put together again, thousands of times; a worse plan is
sometimes kept so that the search does not stay where it began (slack induction by string removals:
Christiaens and Vanden Berghe, Transportation Science 54 (2020) 417-433). The random numbers come from a
seed: the same problem gives the same plan, unless time runs out first.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ooda.schedule.tours import Problem, Tour, Tours

REMOVED = 10
"""Tasks that a ruin takes out on average."""
STRING = 10
"""The longest string of tasks taken out of one tour."""
BLINK = 0.01
"""How often the recreation overlooks a place: what seems best is not always."""
KEPT_WITHIN = 1.03
"""Tours of plans that cost so much more than the best are remembered for the partition."""


@dataclass
class Solution:
    """A tour for each shift that is used, the tasks left out, and the cost of both."""

    tours: dict[int, Tour]
    absent: set[int]
    cost: float

    @classmethod
    def of(cls, problem: Problem, used: Mapping[int, Tour]) -> Solution:
        """The plan made of these tours."""
        done = {task for tour in used.values() for task in tour.tasks}
        absent = set(range(len(problem.tasks))) - done
        cost = sum(tour.cost for tour in used.values())
        return cls(dict(used), absent, cost + sum(problem.tasks[task].absence for task in absent))


Pool = dict[tuple[int, frozenset[int]], Tour]
"""The cheapest tour known by shift and tasks."""


def keep(pool: Pool, tour: Tour) -> None:
    """Remember a tour, unless a cheaper one of its shift serves the same tasks."""
    name = (tour.shift, frozenset(tour.tasks))
    if name not in pool or tour.cost < pool[name].cost - 1e-9:
        pool[name] = tour


class Limits:
    """What a tour must leave room for beside others: one a crew and day, so many at once in the fleet."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.groups = problem, problem.groups()
        self.several = len(set(self.groups)) < len(self.groups)
        crews = len({shift.crew for shift in problem.shifts})
        self.free = problem.together >= crews + len(problem.taken)

    def allow(self, used: Mapping[int, Tour], made: Tour) -> bool:
        """Whether a tour can be beside those used; one of its own shift is replaced."""
        group = self.groups[made.shift]
        if self.several and any(self.groups[shift] == group for shift in used if shift != made.shift):
            return False
        return self.free or fits(self.problem, used, made)


@dataclass
class Search:
    """A search that can be stopped and gone on with. `pool`: the tours of good plans, for the partition."""

    tours: Tours
    rng: random.Random
    best: Solution
    current: Solution
    pool: Pool = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limits = Limits(self.tours.problem)

    @classmethod
    def start(cls, problem: Problem, seed: int, tours: Tours | None = None) -> Search:
        """From a plan in which each task in turn, the tightest first, goes where it costs least."""
        known = tours or Tours(problem)
        everything = Solution({}, set(), 0.0)
        search = cls(known, random.Random(seed), everything, everything)
        order = sorted(
            range(len(problem.tasks)),
            key=lambda task: (sum(w is not None for w in problem.windows[task]), task),
        )
        used: dict[int, Tour] = {}
        search._recreate(used, order, 0.0)
        search.current = search.best = Solution.of(problem, used)
        search.remember(search.best)
        return search

    def remember(self, plan: Solution) -> None:
        """Keep the tours of a plan for the partition."""
        for tour in plan.tours.values():
            keep(self.pool, tour)

    def run(self, rounds: int | None, deadline: float, cool_from: float, cool_to: float) -> int:
        """Ruin and recreate so many times, at most until the deadline (`time.monotonic`); with None for
        rounds, until then. Temperatures as shares of the plan's cost a task. Returns the rounds
        that were run."""
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
            made = Solution.of(problem, used)
            done += 1
            if made.cost < self.current.cost - heat * math.log(self.rng.random() or 1e-12):
                self.current = made
                if made.cost < self.best.cost - 1e-9:
                    self.best = made
                if made.cost < self.best.cost * KEPT_WITHIN:
                    self.remember(made)
        return done

    # -------------------------------------------------------------- the two halves

    def _ruin(self, near: list[list[int]]) -> tuple[dict[int, Tour], list[int]]:
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
            kept = self.tours.without(used[shift], gone)
            if kept is None:  # without one stop another would be reached too early, or unequipped
                gone |= set(served)
            if kept is None or not kept.tasks:
                del used[shift]
            else:
                used[shift] = kept
        return used, list(gone)

    def _string(self, served: list[int], at: int, length: int) -> set[int]:
        """A string of tasks around one, or one with a piece in its middle left."""
        rng, keep = self.rng, 0
        if length > 1 and rng.random() < 0.5:
            while length + keep < len(served) and rng.random() > 0.01:
                keep += 1
                if rng.random() < 0.5:
                    break
        whole = min(length + keep, len(served))
        first = rng.randint(max(0, at - whole + 1), min(at, len(served) - whole))
        chosen = served[first : first + whole]
        if keep:
            begin = rng.randint(0, whole - keep)
            chosen = chosen[:begin] + chosen[begin + keep :]
        return set(chosen)

    def _ordered(self, gone: list[int]) -> list[int]:
        problem, rng = self.tours.problem, self.rng
        gone.sort()
        rng.shuffle(gone)
        way = rng.random()
        if way < 0.35:
            return gone
        if way < 0.6:  # those that few can do
            return sorted(gone, key=lambda t: sum(w is not None for w in problem.windows[t]))
        if way < 0.8:  # the longest
            return sorted(gone, key=lambda t: -problem.tasks[t].minutes)
        return sorted(gone, key=lambda t: min((w[1] - w[0] for w in problem.windows[t] if w), default=0.0))

    def _recreate(self, used: dict[int, Tour], order: list[int], blink: float) -> None:
        """Each task where it adds least; left out where that is cheaper."""
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
                made = tours.insert(tour, task)
                if made is not None and made.cost - tour.cost < gain and self.limits.allow(used, made):
                    best, gain = made, made.cost - tour.cost
            if best is not None:
                used[best.shift] = best


def fits(problem: Problem, used: Mapping[int, Tour], made: Tour) -> bool:
    """Whether a tour can be beside the others: so many at once in the fleet."""
    times = [*problem.taken, *((t.leaves, t.returns) for n, t in used.items() if n != made.shift)]
    others = [(begin, end) for begin, end in times if begin < made.returns and made.leaves < end]
    if len(others) < problem.together:
        return True
    instants = [made.leaves, *(begin for begin, _ in others if begin > made.leaves)]
    return all(sum(begin <= at < end for begin, end in others) < problem.together for at in instants)


def _neighbours(problem: Problem) -> list[list[int]]:
    """For each task all tasks, the nearest first."""
    places = [task.place for task in problem.tasks]
    return [
        sorted(range(len(places)), key=lambda other: (problem.minutes[place][places[other]], other))
        for place in places
    ]
