"""The planning problem, and what one tour costs.

A *task* is work at a place; a *shift* is a crew's day (or the free part of one); a *tour* is what a crew
does in a shift: it leaves its start, serves tasks in an order and ends at its end. Times are minutes from
the plan's beginning, money is USD. docs/scheduling.md writes the model down.

A tour is feasible when each task begins within the shift's window for it, the crew is away no longer than
the shift allows, and it carries every tool and spare part that it needs: what it starts with, or anything
from the depot once it has called there (once a tour at most).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SLOT = 5
"""Minutes between two entries of a price list."""
NEVER = math.inf
EPSILON = 1e-7
Window = tuple[float, float]
Segment = tuple[float, float, float, int]
"""Least duration, earliest and latest departure that give it, and the place of its open end. Two segments
are joined after Vidal et al., Computers & Operations Research 40 (2013) 475-489."""


@dataclass(frozen=True)
class Task:
    """Work to do. `prices`: USD by the slot in which it begins (production lost until then and while it
    is done), None where time costs nothing; `absence`: USD for leaving it out, infinite where it must be
    done."""

    name: str
    place: int
    minutes: float
    absence: float = NEVER
    people: int = 1
    tools: frozenset[int] = frozenset()
    parts: tuple[int, ...] = ()
    prices: Sequence[float] | None = None


@dataclass(frozen=True)
class Shift:
    """When and from where a crew may be out, for how long, and what it carries. Of the shifts of one crew
    and day one is used at most. `depot`: a place with every tool and part, or None."""

    crew: str
    day: int
    start: int
    end: int
    opens: float
    closes: float
    longest: float = NEVER
    tools: frozenset[int] = frozenset()
    stock: tuple[int, ...] = ()
    depot: int | None = None


@dataclass(frozen=True)
class Problem:
    """What is to be planned. `windows[task][shift]`: the earliest and latest begin there, None where the
    crew cannot or may not. `surcharge`: USD for a task in a shift, where it is not to be there for nothing.
    `together`: tours at once in the fleet at most, with those that are `taken` (from, to) already."""

    tasks: Sequence[Task]
    shifts: Sequence[Shift]
    minutes: Sequence[Sequence[float]]
    km: Sequence[Sequence[float]]
    windows: Sequence[Sequence[Window | None]]
    usd_per_minute: float
    usd_per_km: float
    together: int = 1_000_000
    surcharge: Mapping[tuple[int, int], float] = field(default_factory=dict)
    taken: Sequence[Window] = ()

    def groups(self) -> list[int]:
        """For each shift the number of its crew and day."""
        numbers: dict[tuple[str, int], int] = {}
        return [numbers.setdefault((shift.crew, shift.day), len(numbers)) for shift in self.shifts]


DEPOT = -1
"""The call at the depot in a tour's stops."""


@dataclass(frozen=True, eq=False)
class Tour:
    """A feasible tour. `begins`: when each stop begins; `leaves`/`returns`: from its start, at its end."""

    shift: int
    stops: tuple[int, ...]
    cost: float
    leaves: float
    returns: float
    begins: tuple[float, ...]
    km: float
    people: int
    ahead: tuple[Segment, ...] = field(repr=False)
    behind: tuple[Segment, ...] = field(repr=False)
    spare: tuple[int, ...] = field(repr=False)
    best: dict[int, Tour | None] = field(default_factory=dict, repr=False)

    @property
    def tasks(self) -> tuple[int, ...]:
        """The tasks served, in order."""
        return tuple(stop for stop in self.stops if stop != DEPOT)


class Tours:
    """All tours of a problem that somebody asked for, each worked out once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._known: dict[tuple[int, tuple[int, ...]], Tour | None] = {}
        self._kinds = max((len(task.parts) for task in problem.tasks), default=0)
        self._priced = any(task.prices is not None for task in problem.tasks)
        self._needs = [bool(task.tools or any(task.parts)) for task in problem.tasks]

    def empty(self, shift: int) -> Tour:
        """The tour that stays at home."""
        tour = self.tour(shift, ())
        if tour is None:
            raise ValueError(f"shift {shift} cannot even go home")
        return tour

    def tour(self, shift: int, stops: tuple[int, ...]) -> Tour | None:
        """The tour with these stops in this order, None when it is not feasible."""
        key = (shift, stops)
        if key not in self._known:
            if len(self._known) > 400_000:
                self._known.clear()
            self._known[key] = self._work_out(shift, stops)
        return self._known[key]

    # -------------------------------------------------------------- one tour

    def _stop(self, shift: int, stop: int) -> tuple[int, float, Window | None]:
        known = self.problem.shifts[shift]
        if stop == DEPOT:
            if known.depot is None:
                return 0, 0.0, None
            return known.depot, 0.0, (known.opens, known.closes)
        task = self.problem.tasks[stop]
        return task.place, task.minutes, self.problem.windows[stop][shift]

    def _work_out(self, number: int, stops: tuple[int, ...]) -> Tour | None:
        problem, shift = self.problem, self.problem.shifts[number]
        minutes = problem.minutes
        spare = self._spare(shift, stops)
        if spare is None:
            return None
        ahead: list[Segment] = [(0.0, shift.opens, shift.closes, shift.start)]
        places, served = [], []
        for stop in stops:
            place, service, window = self._stop(number, stop)
            if window is None:
                return None
            joined = _join(ahead[-1], (service, window[0], window[1], place), minutes, place)
            if joined is None:
                return None
            ahead.append(joined)
            places.append((place, service, window))
            served.append(stop)
        home: Segment = (0.0, shift.opens, shift.closes, shift.end)
        behind = [home]
        for place, service, window in reversed(places):
            joined = _join((service, window[0], window[1], place), behind[-1], minutes, place)
            if joined is None:
                return None
            behind.append(joined)
        behind.reverse()
        whole = _join(ahead[-1], home, minutes, shift.end)
        if whole is None or whole[0] > shift.longest + EPSILON:
            return None
        if not stops:
            return Tour(
                number, (), 0.0, shift.opens, shift.opens, (), 0.0, 0, tuple(ahead), tuple(behind), spare
            )
        return self._timed(number, stops, whole, ahead, behind, spare)

    def _timed(
        self,
        number: int,
        stops: tuple[int, ...],
        whole: Segment,
        ahead: list[Segment],
        behind: list[Segment],
        spare: tuple[int, ...],
    ) -> Tour | None:
        """When it leaves and what it costs: as early as its tasks can begin where time has a price (waiting
        before the first task is spent at home), else as late as makes it shortest."""
        problem, shift = self.problem, self.problem.shifts[number]
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        clock = shift.opens if self._priced else whole[1]
        leaves, here, far, price, people = clock, shift.start, 0.0, 0.0, 0
        begins = []
        for n, stop in enumerate(stops):
            place, service, window = self._stop(number, stop)
            if window is None:
                return None
            clock += minutes[here][place]
            if clock < window[0]:
                if n == 0 and self._priced:
                    leaves += window[0] - clock
                clock = window[0]
            begins.append(clock)
            if stop != DEPOT:
                task = tasks[stop]
                people = max(people, task.people)
                if task.prices is not None:
                    price += task.prices[int(clock) // SLOT]
                price += problem.surcharge.get((stop, number), 0.0)
            clock += service
            far += km[here][place]
            here = place
        clock += minutes[here][shift.end]
        far += km[here][shift.end]
        if clock - leaves > shift.longest + EPSILON:
            return None
        cost = (clock - leaves) * people * problem.usd_per_minute + far * problem.usd_per_km + price
        return Tour(
            number,
            stops,
            cost,
            leaves,
            clock,
            tuple(begins),
            far,
            people,
            tuple(ahead),
            tuple(behind),
            spare,
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

    # -------------------------------------------------------------- changes

    def insert(self, tour: Tour, task: int) -> Tour | None:
        """The cheapest tour that serves one task more, the order of the others kept; None when none can."""
        if task not in tour.best:
            tour.best[task] = self._insert(tour, task)
        return tour.best[task]

    def _insert(self, tour: Tour, task: int) -> Tour | None:
        shift = self.problem.shifts[tour.shift]
        window = self.problem.windows[task][tour.shift]
        if window is None:
            return None
        depot = tour.stops.index(DEPOT) if DEPOT in tour.stops else None
        first = 0
        if self._needs[task] and not self._carried(tour, shift, task):
            if depot is not None:
                first = depot + 1
            elif shift.depot is None:
                return None
            else:
                return self._by_the_depot(tour, task)
        options = self._places(tour, task, window, first)
        if not options:
            return None
        if not self._priced:
            return self.tour(tour.shift, _with(tour.stops, min(options)[1], task))
        found = [self.tour(tour.shift, _with(tour.stops, at, task)) for _, at in options]
        return min((t for t in found if t), key=lambda t: t.cost, default=None)

    def _carried(self, tour: Tour, shift: Shift, task: int) -> bool:
        wanted = self.problem.tasks[task]
        return wanted.tools <= shift.tools and all(
            count <= tour.spare[kind] for kind, count in enumerate(wanted.parts)
        )

    def _by_the_depot(self, tour: Tour, task: int) -> Tour | None:
        """With a call at the depot, which the tour did not make yet."""
        found = []
        for at in range(len(tour.stops) + 1):
            called = self.tour(tour.shift, _with(tour.stops, at, DEPOT))
            if called:
                inserted = self.insert(called, task)
                if inserted:
                    found.append(inserted)
        return min(found, key=lambda t: t.cost, default=None)

    def _places(self, tour: Tour, task: int, window: Window, first: int) -> list[tuple[float, int]]:
        """Where a task fits, with what that adds to the least duration and the way, USD."""
        problem = self.problem
        minutes, km, known = problem.minutes, problem.km, problem.tasks[task]
        longest = problem.shifts[tour.shift].longest + EPSILON
        place, service, (opens, closes) = known.place, known.minutes, window
        rate, per_km, onward = problem.usd_per_minute, problem.usd_per_km, minutes[place]
        people = max(tour.people, known.people)
        closes += EPSILON
        found = []
        for at in range(first, len(tour.ahead)):
            length, early, late, here = tour.ahead[at]
            way = length + minutes[here][place]
            if early + way > closes:
                continue
            wait = opens - way - late
            if wait < 0.0:
                wait = 0.0
            early = max(opens - way, early) - wait
            late = min(closes - way, late)
            rest, opens_there, closes_there, there = tour.behind[at]
            way += service + wait + onward[there]
            if early + way > closes_there + EPSILON:
                continue
            wait = opens_there - way - late
            if wait > 0.0:
                way += wait
            way += rest
            if way > longest:
                continue
            far = km[here][place] + km[place][there] - km[here][there]
            found.append((way * people * rate + far * per_km, at))
        return found

    def without(self, tour: Tour, gone: set[int]) -> Tour | None:
        """The tour without some tasks, and without a call at the depot that nobody needs any more."""
        stops = tuple(stop for stop in tour.stops if stop not in gone)
        if DEPOT not in stops:
            return self.tour(tour.shift, stops)
        return self.depot_moved(tour.shift, stops)

    def depot_moved(self, shift: int, stops: tuple[int, ...]) -> Tour | None:
        """The cheapest tour with these tasks in this order, the depot called at where it is best or not."""
        plain = tuple(stop for stop in stops if stop != DEPOT)
        tours = [self.tour(shift, plain)]
        if tours[0] is None:
            tours += [self.tour(shift, _with(plain, at, DEPOT)) for at in range(len(plain))]
        return min((t for t in tours if t), key=lambda t: t.cost, default=None)


def _with(stops: tuple[int, ...], at: int, stop: int) -> tuple[int, ...]:
    return (*stops[:at], stop, *stops[at:])


def _join(one: Segment, other: Segment, minutes: Sequence[Sequence[float]], place: int) -> Segment | None:
    """Two segments in a row; `place` is the open end of the whole."""
    way = one[0] + minutes[one[3]][other[3]]
    if one[1] + way > other[2] + EPSILON:
        return None
    wait = max(other[1] - way - one[2], 0.0)
    return (way + wait + other[0], max(other[1] - way, one[1]) - wait, min(other[2] - way, one[2]), place)
