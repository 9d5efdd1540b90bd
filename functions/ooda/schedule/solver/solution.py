"""Tours put together: a whole solution, what it costs, and what its tours must leave room for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ooda.schedule.solver.problem import DEPOT, Problem
from ooda.schedule.solver.tours import Tour


@dataclass
class Solution:
    """A tour for each shift that is used, the tasks left out (`absent`), and the cost of both, USD."""

    tours: dict[int, Tour]
    absent: set[int]
    cost: float

    @property
    def decided(self) -> float:
        """USD that the tours cost. What is left out may count 100 000 USD and more, so that it is left out
        last; a share of that is nobody's measure of a good plan."""
        return sum(tour.cost for tour in self.tours.values())

    @classmethod
    def of(cls, problem: Problem, used: Mapping[int, Tour]) -> Solution:
        """The solution made of these tours, by shift."""
        served = {task for tour in used.values() for task in tour.tasks}
        absent = set(range(len(problem.tasks))) - served
        cost = sum(tour.cost for tour in used.values())
        return cls(dict(used), absent, cost + sum(problem.tasks[task].absence for task in absent))


class Met(NamedTuple):
    """A tour that was met, without what is needed to change it: its shift and stops, its cost (USD), and
    from when to when it is out (minutes)."""

    shift: int
    stops: tuple[int, ...]
    cost: float
    leaves: float
    returns: float

    @property
    def tasks(self) -> tuple[int, ...]:
        """The tasks served, in order."""
        return tuple(stop for stop in self.stops if stop != DEPOT)

    @classmethod
    def of(cls, tour: Tour) -> Met:
        """A tour, remembered."""
        return cls(tour.shift, tour.stops, tour.cost, tour.leaves, tour.returns)


Pool = dict[tuple[int, ...], Met]
"""The cheapest tour met so far, by its shift and its tasks in the order of their numbers."""
MOST_MET = 60_000
"""Tours that a pool holds at most: a limit of memory (ours)."""


def remember(pool: Pool, tour: Tour | Met) -> None:
    """Put a tour into the pool, unless a cheaper one of its shift serves the same tasks, or it is full."""
    name = (tour.shift, *sorted(tour.tasks))
    known = pool.get(name)
    if known is None and len(pool) >= MOST_MET:
        return
    if known is None or tour.cost < known.cost - 1e-9:
        pool[name] = tour if isinstance(tour, Met) else Met.of(tour)


class Limits:
    """What a tour must leave room for beside others: one tour a crew and day, and so many tours at once in
    the fleet."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.groups = problem, problem.groups()
        self.several = len(set(self.groups)) < len(self.groups)
        crews = len({shift.crew for shift in problem.shifts})
        self.free = problem.together >= crews + len(problem.taken)

    def allow(self, used: Mapping[int, Tour], tour: Tour) -> bool:
        """Whether a tour can be beside those used; one of its own shift is replaced."""
        group = self.groups[tour.shift]
        if self.several and any(self.groups[shift] == group for shift in used if shift != tour.shift):
            return False
        return self.free or fits(self.problem, used, tour)

    def fit(self, used: Mapping[int, Tour] | Mapping[int, Met], tour: Tour | Met) -> bool:
        """Whether there are not too many tours at once with this one."""
        return self.free or fits(self.problem, used, tour)


def fits(problem: Problem, used: Mapping[int, Tour] | Mapping[int, Met], tour: Tour | Met) -> bool:
    """Whether a tour can be beside the others without too many at once in the fleet."""
    times = [*problem.taken, *((t.leaves, t.returns) for n, t in used.items() if n != tour.shift)]
    others = [(begin, end) for begin, end in times if begin < tour.returns and tour.leaves < end]
    if len(others) < problem.together:
        return True
    instants = [tour.leaves, *(begin for begin, _ in others if begin > tour.leaves)]
    return all(sum(begin <= at < end for begin, end in others) < problem.together for at in instants)
