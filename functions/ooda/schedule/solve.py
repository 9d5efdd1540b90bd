"""From a problem to the best plan within a budget: search, choice among all tours met, proof where
possible.

The budget is rounds, the same on every machine; the time limit is there so that a busy machine still
answers: the best plan found by then is given back, and it says that time ran out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ona.runtime import processes
from ooda.schedule.partition import Proof, choose, provable, prove
from ooda.schedule.search import Limits, Search, Solution, keep
from ooda.schedule.tours import NEVER, Problem, Tour, Tours

HOT, COLD = 1.0, 0.01
"""Temperatures at the beginning and the end of a search, as shares of the mean cost a task."""
PHASES = 2
"""Searches one after the other, each from the best choice among all tours met before."""
FOR_THE_CHOICE = 0.15
"""Share of the time that the choices may take."""
FOR_THE_PROOF = 0.4
"""Share of the time that the proof may take."""

Name = tuple[int, tuple[int, ...]]
"""A tour as processes tell each other of it: its shift and its stops."""


@dataclass(frozen=True)
class Result:
    """A plan with its proof. `bound` is None where none was sought, or none found in time; `timed_out`:
    the budget of rounds was not used up, or the proof was broken off, because time ran out."""

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
    return 300 + 60 * len(problem.tasks)


def solve(
    problem: Problem,
    *,
    seed: int,
    seconds: float,
    searches: int = 1,
    proof: bool = True,
    all_the_time: bool = False,
) -> Result:
    """The best plan that can be found. `searches`: so many at a time, in processes, each from its own
    seed; `all_the_time`: search as long as there is time, not for the budget of rounds."""
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

        heat = HOT if phase == 0 else HOT / 3
        one = partial(_searched, tours=tours, best=best, rounds=wanted, ends=ends, heat=heat)
        for done, met, chosen in processes.spread(one, seeds, searches > 1):
            late |= wanted is not None and done < wanted
            for shift, stops in met:
                keep(pool, _known(tours, shift, stops))
            plan = Solution.of(problem, {shift: _known(tours, shift, stops) for shift, stops in chosen})
            best = min(best, plan, key=lambda item: item.cost)
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
    """One search from the best plan: its rounds, the tours it met, and those of its own best plan."""
    search = Search(tours, random.Random(number), best, best)
    done = search.run(rounds, ends, heat, COLD)
    met = [(tour.shift, tour.stops) for tour in search.pool.values()]
    return done, met, [(tour.shift, tour.stops) for tour in search.best.tours.values()]


def _known(tours: Tours, shift: int, stops: tuple[int, ...]) -> Tour:
    tour = tours.tour(shift, stops)
    if tour is None:
        raise RuntimeError(f"shift {shift} cannot serve {stops}, which another process did")
    return tour


def dispatched(problem: Problem, order: Sequence[int], soonest: bool) -> Solution:
    """The plan of a simple rule: each task in turn goes to the end of the tour where it begins soonest, or
    where it costs least; what was given away before is never looked at again."""
    tours, limits, used = Tours(problem), Limits(problem), dict[int, Tour]()
    for task in order:
        best, least = None, (NEVER, NEVER)
        for shift, window in enumerate(problem.windows[task]):
            if window is None:
                continue
            tour = used.get(shift) or tours.empty(shift)
            made = tours.tour(shift, (*tour.stops, task))
            if made is None or not limits.allow(used, made):
                continue
            more = made.cost - tour.cost
            rank = (made.begins[-1], more) if soonest else (more, made.begins[-1])
            if rank < least:
                best, least = made, rank
        if best is not None:
            used[best.shift] = best
    return Solution.of(problem, used)
