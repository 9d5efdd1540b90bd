"""One tour: when it is where, what it costs, and whether it is possible.

A *tour* is what a crew does in a shift: it leaves its start, serves tasks in an order and ends at its end.
A tour is feasible when each task begins within the shift's window for it, the crew is away no longer than
the shift allows, and it carries every tool and spare part that it needs: what it starts with, or anything
from the depot once it has called there (once a tour at most).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ooda.schedule.solver.problem import DEPOT, EPSILON, SLOT, Problem, Shift, Window, open_shifts
from ooda.schedule.solver.segments import Ahead, Behind, Gap, Listed, earlier, longer

REMEMBERED = 12_000
"""Tours that are remembered before all are forgotten: a limit of memory (ours)."""
Place = tuple[float, int | tuple[int, ...]]
"""What a task adds to a tour, USD, and where: its place among the stops, or all stops."""
UNASKED: Place = (0.0, -1)
"""Nobody asked yet where a task fits."""


@dataclass(eq=False, slots=True)
class Tour:
    """A feasible tour. `leaves`, `returns`: from its start, at its end (minutes). `people`: the most that
    one of its tasks needs, who go along all day; `tasks`: the stops without the depot; `cost`: USD;
    `price`: the part of it that tasks cost by their time and shift, USD.

    For changes: what is `ahead` and `behind` between stops (where time has no price), the parts `spare`
    until the depot, where tasks fit `best` as they were asked for, and the gaps with a call at the depot
    more (`called`).
    """

    shift: int
    stops: tuple[int, ...]
    cost: float
    leaves: float
    returns: float
    km: float
    people: int
    tasks: tuple[int, ...]
    price: float = field(repr=False, default=0.0)
    ahead: list[Ahead] = field(repr=False, default_factory=list)
    behind: list[Behind] = field(repr=False, default_factory=list)
    spare: tuple[int, ...] = field(repr=False, default=())
    walked: tuple[float, ...] | None = field(default=None, repr=False)
    walk: Callable[[Tour], tuple[float, ...]] | None = field(default=None, repr=False)
    best: dict[int, Place | None] = field(default_factory=dict, repr=False)
    called: list[tuple[int, int, Gap]] | None = field(default=None, repr=False)

    @property
    def begins(self) -> tuple[float, ...]:
        """When each stop begins, minutes: worked out when somebody asks."""
        if self.walked is None:
            self.walked = self.walk(self) if self.walk else ()
        return self.walked


class KnownTours:
    """The tours of a problem, each by its stops. The last ones asked for are remembered."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.open: list[dict[int, Window]] = [open_shifts(row) for row in problem.windows]
        self._cache: dict[tuple[int, tuple[int, ...]], Tour | None] = {}
        self._kinds = max((len(task.parts) for task in problem.tasks), default=0)
        self.priced = any(task.prices is not None for task in problem.tasks)
        self._needs = [bool(task.tools or any(task.parts)) for task in problem.tasks]
        self._needy = any(self._needs)
        self._place = [task.place for task in problem.tasks]
        self._minutes = [task.minutes for task in problem.tasks]
        self._prices = [task.prices for task in problem.tasks]

    @property
    def remembered(self) -> int:
        """How many tours are remembered now."""
        return len(self._cache)

    def empty(self, shift: int) -> Tour:
        """The tour that stays at home."""
        tour = self.tour(shift, ())
        if tour is None:
            raise ValueError(f"shift {shift} cannot even go home")
        return tour

    def tour(self, shift: int, stops: tuple[int, ...], like: Tour | None = None) -> Tour | None:
        """The tour with these stops in this order, None when it is not feasible. What it shares with a tour
        `like` it is not worked out again."""
        key = (shift, stops)
        if key not in self._cache:
            if len(self._cache) > REMEMBERED:
                self._cache.clear()
            self._cache[key] = self._work_out(shift, stops, like)
        return self._cache[key]

    # -------------------------------------------------------------- one tour

    def _stop(self, shift: int, stop: int) -> Listed:
        """Place, minutes and window of a stop; the window is None where it is not allowed."""
        if stop == DEPOT:
            crew_day = self.problem.shifts[shift]
            if crew_day.depot is None:
                return 0, 0.0, None
            return crew_day.depot, 0.0, (crew_day.opens, crew_day.closes)
        return self._place[stop], self._minutes[stop], self.open[stop].get(shift)

    def listed(self, shift: int, stops: tuple[int, ...]) -> list[Listed]:
        """Place, minutes and window of each stop."""
        return [self._stop(shift, stop) for stop in stops]

    def gaps(
        self, number: int, stops: tuple[int, ...], like: Tour | None = None
    ) -> tuple[list[Ahead], list[Behind]] | None:
        """What is ahead and behind between all stops, whatever they need; None where one is reached too
        late. `like`: a tour of that shift whose first and last pieces are taken where they are the same."""
        problem, shift, size = self.problem, self.problem.shifts[number], len(stops)
        first = last = 0
        ahead: list[Ahead] = [
            (0.0, shift.opens, shift.closes, shift.start, problem.minutes[shift.start], 0.0)
        ]
        behind: list[Behind] = [(0.0, shift.opens, shift.closes + EPSILON, shift.end)]
        if like is not None and like.ahead:
            others = like.stops
            most = min(size, len(others))
            while first < most and stops[first] == others[first]:
                first += 1
            while last < most and stops[size - 1 - last] == others[-1 - last]:
                last += 1
            ahead, behind = like.ahead[: first + 1], like.behind[len(others) - last :]
            behind.reverse()
        for at in range(first, size):
            piece = longer(ahead[-1], self._stop(number, stops[at]), problem.minutes)
            if piece is None:
                return None
            ahead.append(piece)
        for at in range(size - last - 1, -1, -1):
            rest = earlier(behind[-1], self._stop(number, stops[at]), problem.minutes)
            if rest is None:
                return None
            behind.append(rest)
        behind.reverse()
        return ahead, behind

    def _work_out(self, number: int, stops: tuple[int, ...], like: Tour | None) -> Tour | None:
        problem, shift = self.problem, self.problem.shifts[number]
        spare = self._spare(shift, stops) if self._needy else ()
        if spare is None:
            return None
        if self.priced and stops:
            return self._timed(number, stops, spare)
        found = self.gaps(number, stops, like)
        if found is None:
            return None
        ahead, behind = found
        length, early, late, _, outward, _ = ahead[-1]
        least = length + outward[shift.end]
        leaves = late if shift.opens - least > late else max(shift.opens - least, early)
        least = max(least, shift.opens - late)
        if early + least > shift.closes + EPSILON or least > shift.longest + EPSILON:
            return None
        tour = Tour(number, stops, 0.0, shift.opens, shift.opens, 0.0, 0, stops, 0.0, ahead, behind, spare)
        if not stops:
            tour.walked = ()
            return tour
        if DEPOT in stops:
            tour.tasks = tuple(stop for stop in stops if stop != DEPOT)
        tour.walk, tour.leaves, tour.returns = self._walked, leaves, leaves + least
        tour.km = sum(problem.km[a[3]][b[3]] for a, b in zip(ahead, behind, strict=True))
        tour.people = max((problem.tasks[stop].people for stop in tour.tasks), default=0)
        if problem.surcharge:
            tour.price = sum(problem.surcharge.get((stop, number), 0.0) for stop in tour.tasks)
        tour.cost = least * tour.people * problem.usd_per_minute + tour.km * problem.usd_per_km + tour.price
        return tour

    def _walked(self, tour: Tour) -> tuple[float, ...]:
        """When each stop of a tour begins that leaves when it leaves."""
        clock, here, begins = tour.leaves, self.problem.shifts[tour.shift].start, list[float]()
        for place, service, window in self.listed(tour.shift, tour.stops):
            clock += self.problem.minutes[here][place]
            begins.append(clock if window is None else max(clock, window[0]))
            clock, here = begins[-1] + service, place
        return tuple(begins)

    def _timed(self, number: int, stops: tuple[int, ...], spare: tuple[int, ...]) -> Tour | None:
        """The tour where time has a price: as early as its tasks can begin; waiting before the first task
        is spent at home."""
        problem, shift = self.problem, self.problem.shifts[number]
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        leaves = clock = shift.opens
        here, far, price, people = shift.start, 0.0, 0.0, 0
        begins: list[float] = []
        for stop in stops:
            place, service, window = self._stop(number, stop)
            if window is None:
                return None
            clock += minutes[here][place]
            if clock < window[0]:
                if not begins:
                    leaves += window[0] - clock
                clock = window[0]
            if clock > window[1] + EPSILON:
                return None
            begins.append(clock)
            if stop != DEPOT:
                task = tasks[stop]
                people = max(people, task.people)
                if task.prices is not None:
                    price += task.prices[int(clock) // SLOT]
                if problem.surcharge:
                    price += problem.surcharge.get((stop, number), 0.0)
            clock += service
            far += km[here][place]
            here = place
        clock += minutes[here][shift.end]
        far += km[here][shift.end]
        if clock - leaves > shift.longest + EPSILON or clock > shift.closes + EPSILON:
            return None
        cost = (clock - leaves) * people * problem.usd_per_minute + far * problem.usd_per_km + price
        served = tuple(stop for stop in stops if stop != DEPOT) if DEPOT in stops else stops
        return Tour(
            number, stops, cost, leaves, clock, far, people, served, price, [], [], spare, tuple(begins)
        )

    def _spare(self, shift: Shift, stops: tuple[int, ...]) -> tuple[int, ...] | None:
        """What is left of the stock before the depot (or at the end), None where something is missing."""
        left = list(shift.stock) + [0] * (self._kinds - len(shift.stock))
        for stop in stops:
            if stop == DEPOT:
                break
            if not self._needs[stop]:
                continue
            task = self.problem.tasks[stop]
            if not task.tools <= shift.tools:
                return None
            for kind, count in enumerate(task.parts):
                left[kind] -= count
                if left[kind] < 0:
                    return None
        return tuple(left)
