"""From a problem to the best solution within a budget: search, choice among all tours met, proof where
possible.

The budget is rounds, the same on every machine. The time limit is there so that a busy machine still
answers: it gives the best solution met by then, and says that time ran out.

>>> from ooda.schedule.solver.problem import Shift, Task
>>> task = Task("repair", place=1, minutes=60.0, absence=500.0, prices=[float(n) for n in range(96)])
>>> shift = Shift("crew-1", day=0, start=0, end=0, opens=0.0, closes=480.0)
>>> half_hour = [[0.0, 30.0], [30.0, 0.0]]
>>> problem = Problem([task], [shift], half_hour, half_hour, [[(0.0, 420.0)]], 1.0, 0.5)
>>> result = solve(problem, seed=1, seconds=10.0)
>>> result.optimal, result.solution.tours[0].begins, result.solution.cost
(True, (30.0,), 156.0)
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ona.runtime import processes
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.partition import Partition, choose, closed
from ooda.schedule.solver.places import Places
from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.proof import Proof, provable, prove
from ooda.schedule.solver.relaxation import Relaxation
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solution import Limits, Met, Solution, remember
from ooda.schedule.solver.tours import Tour, Tours

HOT, COLD = 2.0, 0.03
"""Temperatures at the beginning and the end of a search, as shares of the mean cost a task (ours)."""
MILD = 0.01
"""Temperature at the beginning of a search that only improves a solution of the relaxation (ours)."""
FOR_THE_CHOICE = 0.08
"""Share of the time that the choice among the tours of a search may take (ours)."""
RELAXED_AT, WHOLE_AT, PROVEN_AT = 0.5, 0.75, 0.85
"""Shares of the time after which the relaxation, the whole solution made from it and the proof end; the
rest is for improving (ours)."""
ROUNDS, ROUNDS_A_TASK = 300, 60
"""Ruins and recreations of each search: so many, and so many more for each task (ours)."""
Name = tuple[int, tuple[int, ...]]
"""A tour as processes tell each other of it: its shift and its stops."""


@dataclass(frozen=True)
class Result:
    """A solution with its proof. `bound` (USD) is None where none was sought, or none was there in time;
    `timed_out`: the budget of rounds was not used up, or the proof was broken off, because time ran out;
    `seconds`: what it took."""

    solution: Solution
    bound: float | None
    optimal: bool
    timed_out: bool
    seconds: float

    @property
    def gap(self) -> float | None:
        """(cost − bound) / cost, None without a bound."""
        if self.bound is None:
            return None
        return Proof(self.solution, self.bound, self.optimal).gap


def rounds_for(problem: Problem) -> int:
    """Ruins and recreations that a problem of this size is given in each search."""
    return ROUNDS + ROUNDS_A_TASK * len(problem.tasks)


def solve(
    problem: Problem,
    *,
    seed: int,
    seconds: float = 20.0,
    searches: int = 1,
    proof: bool = True,
    all_the_time: bool = False,
    starts: Sequence[Solution] = (),
    clock: Clock | None = None,
) -> Result:
    """The best solution within the budget, never worse than any of the `starts`.

    `seed`: of all random numbers; `seconds`: of CPU, where no `clock` is given; `searches`: so many at a
    time, in processes, each from its own seed; `proof`: also look for the bound; `all_the_time`: search as
    long as there is time, not for the budget of rounds.
    """
    begun, clock = time.process_time(), clock or Clock(seconds)
    planning = _Planning(problem, seed, searches, clock, None if all_the_time else rounds_for(problem))
    planning.begin(starts)
    bound, optimal = 0.0, not problem.tasks
    if len(problem.tasks) == 1 and planning.by_tours:
        planning.take(_alone(planning.tours))
        bound, optimal = planning.best.cost, True
    elif problem.tasks and planning.by_tours and proof:
        bound, optimal = planning.from_the_relaxation()
    elif problem.tasks:
        planning.by_searching()
    known = bound if optimal or bound > 0.0 else None  # time ran out before there was one
    return Result(planning.best, known, optimal, planning.late and not optimal, time.process_time() - begun)


def _alone(tours: Tours) -> Solution:
    """The only task of a problem where it costs least, or left out: there is no other solution."""
    problem, limits = tours.problem, Limits(tours.problem)
    every = (tour for shift in tours.open[0] if (tour := tours.tour(shift, (0,))))
    solutions = (Solution.of(problem, {tour.shift: tour}) for tour in every if limits.allow({}, tour))
    return min([Solution.of(problem, {}), *solutions], key=lambda solution: solution.cost)


class _Planning:
    """One problem on its way to the best solution met (`best`), with all tours met (`pool`). `late`: time
    ran out before the rounds that were wanted."""

    def __init__(
        self, problem: Problem, seed: int, searches: int, clock: Clock, wanted: int | None
    ) -> None:
        self.tours = Tours(problem)
        self.places = Places(self.tours)
        self.seed, self.searches, self.clock, self.wanted = seed, searches, clock, wanted
        self.total, self.late = max(clock.left(), 0.0), False
        self.by_tours = provable(problem)

    def begin(self, starts: Sequence[Solution]) -> None:
        """From the simplest solution, or a better one that is known."""
        start = Search.start(self.tours.problem, self.seed, self.tours, self.places, self.clock)
        self.pool = start.pool
        for other in starts:
            for tour in other.tours.values():
                remember(self.pool, tour)
        self.best = min([start.best, *starts], key=lambda solution: solution.cost)

    def ends(self, share: float) -> Clock:
        """The clock of a phase that ends when so much of the whole time is used."""
        return self.clock.keeping((1.0 - share) * self.total)

    def search(self, heat: float, clock: Clock) -> None:
        """Searches from the best solution."""
        seeds = [random.Random(f"{self.seed} 0 {n}").random() for n in range(self.searches)]
        one = partial(
            _searched, places=self.places, best=self.best, rounds=self.wanted, clock=clock, heat=heat
        )
        for done, met, chosen in processes.spread(one, seeds, self.searches > 1):
            self.late |= self.wanted is not None and done < self.wanted
            for tour in met:
                remember(self.pool, tour)
            used = {shift: _tour(self.tours, shift, stops) for shift, stops in chosen}
            self.take(Solution.of(self.tours.problem, used))

    def take(self, other: Solution) -> None:
        """Keep a solution if it is better."""
        self.best = min(self.best, other, key=lambda solution: solution.cost)

    def by_searching(self) -> None:
        """A search, and a choice among all tours met."""
        self.search(HOT, self.ends(1.0 - FOR_THE_CHOICE))
        self.best = choose(self.tours, self.pool.values(), self.best, self.clock, self.seed)

    def from_the_relaxation(self) -> tuple[float, bool]:
        """A solution made of the relaxation's tours, a proof as far as there is time, and searches from
        there; the bound, and whether the best solution is proven."""
        tours, problem = self.tours, self.tours.problem
        partition = Partition(problem, self.seed)
        partition.add([*self.best.tours.values(), *self.pool.values()])
        relaxation = Relaxation(tours, partition)
        relaxation.relax(self.ends(RELAXED_AT))
        made = relaxation.dive(self.ends(WHOLE_AT))
        self.take(Search(tours, random.Random(self.seed), made, self.places).filled(self.clock))
        proved = prove(tours, partition, self.best, self.ends(PROVEN_AT), self.seed, self.searches > 1)
        self.take(proved.solution)
        if not proved.optimal:
            self.search(MILD, self.clock)
            self.late |= self.clock.over()
        near = proved.bound > 0.0 and closed(self.best, proved.bound)
        return proved.bound, proved.optimal or near


def _searched(
    number: float, places: Places, best: Solution, rounds: int | None, clock: Clock, heat: float
) -> tuple[int, list[Met], list[Name]]:
    """One search from the best solution: its rounds, the tours it met, and those of its own best one."""
    search = Search(places.tours, random.Random(number), best, places)
    done = search.run(rounds, clock.here(), heat, min(COLD, heat / 10.0))
    return done, list(search.pool.values()), [(t.shift, t.stops) for t in search.best.tours.values()]


def _tour(tours: Tours, shift: int, stops: tuple[int, ...]) -> Tour:
    """The tour that another process named."""
    tour = tours.tour(shift, stops)
    if tour is None:
        raise RuntimeError(f"shift {shift} cannot serve {stops}, which another process did")
    return tour
