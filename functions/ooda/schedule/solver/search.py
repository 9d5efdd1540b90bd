"""Good solutions by ruin and recreate, and the tours that they are made of.

A solution is taken apart where a random task lies and put together again, thousands of times. A worse one
is accepted now and then, so that the search does not stay where it began (slack induction by string
removals: Christiaens and Vanden Berghe, Transportation Science 54 (2020) 417-433, "SISR" below). The random
numbers come from a seed: the same problem gives the same solution, unless time runs out first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.current import Current
from ooda.schedule.solver.neighbours import neighbours
from ooda.schedule.solver.places import Places
from ooda.schedule.solver.problem import NEVER, Problem
from ooda.schedule.solver.solution import Pool, Solution, remember
from ooda.schedule.solver.tours import UNASKED, Tour, Tours

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
HANDED_OVER, ASKED = 0.15, 4
"""Share of rounds in which a whole tour changes hands, and how many others are asked (ours)."""
REMEMBER_WITHIN = 1.03
"""Tours of solutions that cost at most so many times the best are remembered for the partition (ours)."""
LOOK_AT_THE_CLOCK = 8
"""Rounds between two looks at the clock (ours)."""


class Search(Current):
    """A search that can be stopped and gone on with: the `best` solution met, the current one, which is
    taken apart next, and the `pool` of good solutions' tours, for the partition."""

    def __init__(
        self, tours: Tours, rng: random.Random, start: Solution, places: Places | None = None
    ) -> None:
        super().__init__(tours, start)
        problem, self.rng, self.best, self.pool = tours.problem, rng, start, Pool()
        self.places = places or Places(tours)
        self._few = [len(row) for row in tours.open]
        self._narrow = [min((w[1] - w[0] for w in row.values()), default=0.0) for row in tours.open]
        self._long = [-task.minutes for task in problem.tasks]

    @classmethod
    def start(
        cls,
        problem: Problem,
        seed: int,
        tours: Tours | None = None,
        places: Places | None = None,
        clock: Clock | None = None,
    ) -> Search:
        """From a solution in which each task goes where it costs least: first the one that fewest shifts
        can do. What has no place when time is up is left out."""
        search = cls(tours or Tours(problem), random.Random(seed), Solution.of(problem, {}), places)
        order = sorted(range(len(problem.tasks)), key=lambda task: (search._few[task], task))
        search._recreate(order, 0.0, {}, clock)
        search.best = Solution.of(problem, search.used)
        search.restart(search.best)
        search.remember(search.best.tours.values())
        return search

    def filled(self, clock: Clock | None = None) -> Solution:
        """The solution it begins from, with each task that was left out put where it adds least, if that is
        cheaper and until time is up."""
        self._recreate(sorted(self.absent, key=lambda task: -self._absence[task]), 0.0, {}, clock)
        return self.current

    def remember(self, tours: Iterable[Tour]) -> None:
        """Put tours into the pool."""
        for tour in tours:
            remember(self.pool, tour)

    def run(self, rounds: int | None, clock: Clock, cool_from: float, cool_to: float) -> int:
        """Ruin and recreate so many times, at most until time is up; with None for rounds, until then. The
        temperature falls from `cool_from` to `cool_to`, both shares of what a task costs beside its own
        work, which nobody can change. Returns the rounds that were run."""
        problem, rng = self.tours.problem, self.rng
        if not problem.tasks:
            return 0
        begun = max(clock.left(), 1e-9)
        scale = self._scale()
        near, done, left = neighbours(problem), 0, begun
        while rounds is None or done < rounds:
            if done % LOOK_AT_THE_CLOCK == 0:
                left = clock.left()
                if left <= 0.0:
                    break
            share = done / rounds if rounds else 1.0 - left / begun
            heat = scale * cool_from * (cool_to / cool_from) ** share
            before, changed = self.cost, dict[int, Tour | None]()
            was_absent = self.absent.copy()
            if rng.random() < HANDED_OVER:
                self._hand_over(changed)
            else:
                gone = self._ruin(near, changed)
                self._recreate(self._ordered(gone), BLINK, changed)
            done += 1
            if self.cost < before - heat * math.log(rng.random() or 1e-12):
                if self.cost < self.best.cost * REMEMBER_WITHIN:
                    self.remember([self.used[shift] for shift in changed if shift in self.used])
                if self.cost < self.best.cost - 1e-9:
                    self.best = self.current
            else:
                self._undo(changed, was_absent, before)
        return done

    def _scale(self) -> float:
        """What a task of the best solution costs beside the pay for its own work, USD."""
        problem, tours = self.tours.problem, self.best.tours.values()
        work = sum(problem.tasks[t].minutes * problem.tasks[t].people for tour in tours for t in tour.tasks)
        cost = sum(tour.cost for tour in tours) - work * problem.usd_per_minute
        return max(cost, 0.0) / len(problem.tasks)

    # -------------------------------------------------------------- the two halves

    def _ruin(self, near: Sequence[Sequence[int]], changed: dict[int, Tour | None]) -> list[int]:
        """Take strings of tasks around a random one out; returns them, and tasks near there that were left
        out before."""
        rng, used, where = self.rng, self.used, self.where
        gone: set[int] = set()
        served_now = len(where) - len(self.absent)
        if not served_now:
            return list(self.absent)
        longest = min(STRING, served_now / max(len(used), 1))
        most = 4.0 * REMOVED / (1.0 + longest) - 1.0
        strings = int(rng.uniform(1.0, most + 1.0))
        ruined, left_out = set[int](), list[int]()
        for task in near[rng.randrange(len(near))]:
            if len(ruined) >= strings:
                break
            shift = where[task]
            if task in self.absent and len(left_out) < REMOVED:
                left_out.append(task)
            if shift < 0 or shift in ruined:
                continue
            ruined.add(shift)
            served = list(used[shift].tasks)
            length = int(rng.uniform(1.0, min(longest, len(served)) + 1.0))
            taken = self._string(served, served.index(task), length)
            rest = self.tours.without(used[shift], taken)
            if rest is None:  # without one stop another would be reached too early, or unequipped
                taken = set(served)
            gone |= taken
            self._put(shift, rest if rest is not None and rest.stops else None, changed)
        self.cost += sum(self._absence[task] for task in gone)
        self.absent |= gone
        return [*gone, *left_out]

    def _hand_over(self, changed: dict[int, Tour | None]) -> None:
        """A shift does another one's tour, which does its own one or stays at home: the best of a few. Task
        by task nobody would begin a tour of his own, which costs more than one more stop of another's."""
        rng, used, tours, groups = self.rng, self.used, self.tours, self.limits.groups
        if not used:
            return
        mine = rng.choice(list(used))
        tour, least, best = used[mine], NEVER, None
        for _ in range(ASKED):
            shift = rng.randrange(len(groups))
            other = used.get(shift)
            if shift == mine or (other is None and self.busy.get(groups[shift], mine) != mine):
                continue
            theirs = tours.depot_moved(shift, tour.stops)
            own = tours.depot_moved(mine, other.stops) if theirs and other else None
            if theirs is None or (other is not None and own is None):
                continue
            more = theirs.cost - tour.cost + (own.cost - other.cost if own and other else 0.0)
            if more < least:
                least, best = more, (theirs, own)
        if best is None:
            return
        self._put(mine, None, changed)
        if best[1] is not None:
            self._put(best[0].shift, None, changed)
        for one in best:
            if one is None:
                continue
            if not self.limits.fit(used, one):
                gone = set(one.tasks)
                self.absent |= gone
                self.cost += sum(self._absence[task] for task in gone)
                continue
            self._put(one.shift, one, changed)

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
        rng = self.rng
        gone.sort()
        rng.shuffle(gone)
        way = rng.random()
        if way < ORDER_RANDOM:
            return gone
        key = self._few if way < ORDER_FEW else self._long if way < ORDER_LONG else self._narrow
        return sorted(gone, key=key.__getitem__)

    def _recreate(
        self,
        order: Sequence[int],
        blink: float,
        changed: dict[int, Tour | None],
        clock: Clock | None = None,
    ) -> None:
        """Put each task in turn where it adds least; leave it out where that is cheaper, or when time is
        up."""
        for task in order:
            if clock is not None and clock.over():
                break
            while True:
                found = self._cheapest(task, blink)
                if found is None:
                    break
                tour, place = found
                longer = self.tours.placed(tour, task, place)
                if longer is not None:
                    self._put(tour.shift, longer, changed)
                    self.absent.discard(task)
                    self.cost -= self._absence[task]
                    break

    def _cheapest(self, task: int, blink: float) -> tuple[Tour, tuple[float, int | tuple[int, ...]]] | None:
        """The tour that a task adds least to, and its place there; None where leaving it out is cheaper."""
        tours, limits = self.tours, self.limits
        used, busy, groups = self.used, self.busy, limits.groups
        rng_random, free = self.rng.random, limits.free
        gain, best = self._absence[task], None
        for least, shift, alone in self.places.of(task):
            if least >= gain:
                break
            tour = used.get(shift)
            if tour is None:
                if alone >= gain and (alone < NEVER or tours.problem.shifts[shift].depot is None):
                    continue
                if groups[shift] in busy:
                    continue
                tour = tours.empty(shift)
            place = tour.best.get(task, UNASKED)
            if place is UNASKED:
                place = tours.place(tour, task)
            if place is None or place[0] >= gain or (blink and rng_random() < blink):
                continue
            if not free:
                longer = tours.placed(tour, task, place)
                if longer is None or not limits.fit(used, longer):
                    continue
            gain, best = place[0], (tour, place)
        return best
