"""What one tour costs, and how it changes when a task is added or taken out.

A *tour* is what a crew does in a shift: it leaves its start, serves tasks in an order and ends at its end.
A tour is feasible when each task begins within the shift's window for it, the crew is away no longer than
the shift allows, and it carries every tool and spare part that it needs: what it starts with, or anything
from the depot once it has called there (once a tour at most).

>>> from ooda.schedule.solver.problem import Task
>>> task = Task("repair", place=1, minutes=60.0, absence=500.0)
>>> shift = Shift("crew-1", day=0, start=0, end=0, opens=0.0, closes=480.0)
>>> half_hour = [[0.0, 30.0], [30.0, 0.0]]
>>> tours = Tours(Problem([task], [shift], half_hour, half_hour, [[(0.0, 420.0)]], 1.0, 0.5))
>>> tours.insert(tours.empty(0), 0).cost  # two hours at 1 USD a minute, 60 km at 0.50 USD
150.0
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ooda.schedule.solver.problem import DEPOT, EPSILON, SLOT, Problem, Shift, Window
from ooda.schedule.solver.segments import Segment, join

REMEMBERED = 400_000
"""Tours that are remembered before all are forgotten: a limit of memory (ours)."""


@dataclass(frozen=True, eq=False)
class Tour:
    """A feasible tour. `begins`: when each stop begins; `leaves`, `returns`: from its start, at its end
    (minutes). `people`: the most that one of its tasks needs, who go along all day; `cost`: USD.

    For changes: the segments `ahead` of each place between two stops and `behind` it, the parts `spare`
    until the depot, and the cheapest tours with one task more as they were asked for (`best`).
    """

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
    """The tours of a problem, each worked out once when somebody asks for it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._cache: dict[tuple[int, tuple[int, ...]], Tour | None] = {}
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
        if key not in self._cache:
            if len(self._cache) > REMEMBERED:
                self._cache.clear()
            self._cache[key] = self._work_out(shift, stops)
        return self._cache[key]

    # -------------------------------------------------------------- one tour

    def _stop(self, shift: int, stop: int) -> tuple[int, float, Window | None]:
        """Place, minutes and window of a stop; the window is None where it is not allowed."""
        if stop == DEPOT:
            crew_day = self.problem.shifts[shift]
            if crew_day.depot is None:
                return 0, 0.0, None
            return crew_day.depot, 0.0, (crew_day.opens, crew_day.closes)
        task = self.problem.tasks[stop]
        return task.place, task.minutes, self.problem.windows[stop][shift]

    def _work_out(self, number: int, stops: tuple[int, ...]) -> Tour | None:
        shift = self.problem.shifts[number]
        spare = self._spare(shift, stops)
        pieces = self._pieces(number, stops) if spare is not None else None
        if spare is None or pieces is None:
            return None
        ahead, behind = pieces
        whole = join(ahead[-1], behind[-1], self.problem.minutes, shift.end)
        if whole is None or whole[0] > shift.longest + EPSILON:
            return None
        if not stops:
            return Tour(number, (), 0.0, shift.opens, shift.opens, (), 0.0, 0, ahead, behind, spare)
        return self._timed(number, stops, whole[1], ahead, behind, spare)

    def _pieces(self, number: int, stops: tuple[int, ...]) -> tuple[tuple[Segment, ...], ...] | None:
        """The segments ahead of each place between two stops and those behind it; None where a stop is
        reached too late."""
        shift, minutes = self.problem.shifts[number], self.problem.minutes
        ahead: list[Segment] = [(0.0, shift.opens, shift.closes, shift.start)]
        services: list[Segment] = []
        for stop in stops:
            place, service, window = self._stop(number, stop)
            if window is None:
                return None
            services.append((service, window[0], window[1], place))
            joined = join(ahead[-1], services[-1], minutes, place)
            if joined is None:
                return None
            ahead.append(joined)
        behind: list[Segment] = [(0.0, shift.opens, shift.closes, shift.end)]
        for one in reversed(services):
            joined = join(one, behind[-1], minutes, one[3])
            if joined is None:
                return None
            behind.append(joined)
        return tuple(ahead), tuple(reversed(behind))

    def _timed(
        self,
        number: int,
        stops: tuple[int, ...],
        latest: float,
        ahead: tuple[Segment, ...],
        behind: tuple[Segment, ...],
        spare: tuple[int, ...],
    ) -> Tour | None:
        """When it leaves and what it costs: as early as its tasks can begin where time has a price (waiting
        before the first task is spent at home), else at the `latest` time that makes it shortest."""
        problem, shift = self.problem, self.problem.shifts[number]
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        clock = shift.opens if self._priced else latest
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
        begun = tuple(begins)
        return Tour(number, stops, cost, leaves, clock, begun, far, people, ahead, behind, spare)

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
        """The cheapest tour that serves one task more, the others in the same order; None when none can."""
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
        candidates = [self.tour(tour.shift, _with(tour.stops, at, task)) for _, at in options]
        return min((t for t in candidates if t), key=lambda t: t.cost, default=None)

    def _carried(self, tour: Tour, shift: Shift, task: int) -> bool:
        """Whether the crew has the task's tools and parts without calling at the depot."""
        added = self.problem.tasks[task]
        return added.tools <= shift.tools and all(
            count <= tour.spare[kind] for kind, count in enumerate(added.parts)
        )

    def _by_the_depot(self, tour: Tour, task: int) -> Tour | None:
        """The cheapest tour with the task behind a call at the depot, which the tour did not make yet."""
        candidates = []
        for at in range(len(tour.stops) + 1):
            called = self.tour(tour.shift, _with(tour.stops, at, DEPOT))
            if called:
                inserted = self.insert(called, task)
                if inserted:
                    candidates.append(inserted)
        return min(candidates, key=lambda t: t.cost, default=None)

    def _places(self, tour: Tour, task: int, window: Window, first: int) -> list[tuple[float, int]]:
        """Where a task fits, with what that adds to the least duration and the way, USD."""
        problem = self.problem
        minutes, km, added = problem.minutes, problem.km, problem.tasks[task]
        longest = problem.shifts[tour.shift].longest + EPSILON
        place, service, (opens, closes) = added.place, added.minutes, window
        rate, per_km, onward = problem.usd_per_minute, problem.usd_per_km, minutes[place]
        people = max(tour.people, added.people)
        closes += EPSILON
        options = []
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
            options.append((way * people * rate + far * per_km, at))
        return options

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
