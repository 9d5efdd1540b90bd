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
from dataclasses import dataclass
from functools import partial

from ona.runtime import processes
from ooda.schedule.solver.partition import choose
from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.proof import Proof, provable, prove
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solution import Solution, remember
from ooda.schedule.solver.tours import Tour, Tours

HOT, COLD = 1.0, 0.01
"""Temperatures at the beginning and the end of a search, as shares of the mean cost a task (ours)."""
COOLER = 3
"""A later phase begins with the temperature HOT divided by this (ours)."""
PHASES = 2
"""Searches one after the other, each from the best choice among all tours met before (ours)."""
FOR_THE_CHOICE = 0.15
"""Share of the time that the choices may take (ours)."""
FOR_THE_PROOF = 0.4
"""Share of the time that the proof may take (ours)."""
ROUNDS, ROUNDS_A_TASK = 300, 60
"""Ruins and recreations in each phase of each search: so many, and so many more for each task (ours)."""
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
    """Ruins and recreations that a problem of this size is given in each phase of each search."""
    return ROUNDS + ROUNDS_A_TASK * len(problem.tasks)


def solve(
    problem: Problem,
    *,
    seed: int,
    seconds: float,
    searches: int = 1,
    proof: bool = True,
    all_the_time: bool = False,
) -> Result:
    """The best solution within the budget.

    `seed`: of all random numbers; `seconds`: the time limit; `searches`: so many at a time, in processes,
    each from its own seed; `proof`: also look for the bound; `all_the_time`: search as long as there is
    time, not for the budget of rounds.
    """
    begun = time.monotonic()
    tours = Tours(problem)
    start = Search.start(problem, seed, tours)
    if not problem.tasks:
        return Result(start.best, 0.0, True, False, time.monotonic() - begun)
    proving = proof and provable(problem)
    available = seconds * (1.0 - (FOR_THE_PROOF if proving else 0.0))
    wanted = None if all_the_time else rounds_for(problem)
    best, pool, late = start.best, dict(start.pool), False
    for phase in range(PHASES):
        ends = begun + available * (phase + 1 - FOR_THE_CHOICE) / PHASES
        seeds = [random.Random(f"{seed} {phase} {n}").random() for n in range(searches)]
        heat = HOT if phase == 0 else HOT / COOLER
        one = partial(_searched, tours=tours, best=best, rounds=wanted, ends=ends, heat=heat)
        for done, met, chosen in processes.spread(one, seeds, searches > 1):
            late |= wanted is not None and done < wanted
            for shift, stops in met:
                remember(pool, _tour(tours, shift, stops))
            other = Solution.of(problem, {shift: _tour(tours, shift, stops) for shift, stops in chosen})
            best = min(best, other, key=lambda item: item.cost)
        ends = begun + available * (phase + 1) / PHASES
        best = choose(problem, pool.values(), best, ends - time.monotonic(), seed)
    bound, optimal = None, False
    if proving:
        proved = prove(tours, pool.values(), best, begun + seconds, seed, searches > 1)
        best, optimal = proved.solution, proved.optimal
        bound = proved.bound if optimal or proved.bound > 0.0 else None  # time ran out before there was one
        late |= not optimal and time.monotonic() >= begun + seconds
    return Result(best, bound, optimal, late, time.monotonic() - begun)


def _searched(
    number: float, tours: Tours, best: Solution, rounds: int | None, ends: float, heat: float
) -> tuple[int, list[Name], list[Name]]:
    """One search from the best solution: its rounds, the tours it met, and those of its own best one."""
    search = Search(tours, random.Random(number), best, best)
    done = search.run(rounds, ends, heat, COLD)
    met = [(tour.shift, tour.stops) for tour in search.pool.values()]
    return done, met, [(tour.shift, tour.stops) for tour in search.best.tours.values()]


def _tour(tours: Tours, shift: int, stops: tuple[int, ...]) -> Tour:
    """The tour that another process named."""
    tour = tours.tour(shift, stops)
    if tour is None:
        raise RuntimeError(f"shift {shift} cannot serve {stops}, which another process did")
    return tour
