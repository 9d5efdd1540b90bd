"""One tour: when it is where, what it costs, and whether it is possible.

A *tour* is what a crew does in a shift: it leaves its start, serves tasks in an order and ends at its end.
A tour is feasible when each task begins within the shift's window for it, the crew is away no longer than
the shift allows, and it carries every tool and spare part that it needs: what it starts with, or anything
from the depot once it has called there (once a tour at most).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ooda.schedule.solver.problem import DEPOT, EPSILON, SLOT, Problem, Shift, Window, open_shifts
from ooda.schedule.solver.segments import Gap, gaps

REMEMBERED = 12_000
"""Tours that are remembered before all are forgotten: a limit of memory (ours)."""
Place = tuple[float, int | tuple[int, ...]]
"""What a task adds to a tour, USD, and where: its place among the stops, or all stops."""
UNASKED: Place = (0.0, -1)
"""Nobody asked yet where a task fits."""


@dataclass(eq=False, slots=True)
class Tour:
    """A feasible tour. `begins`: when each stop begins; `leaves`, `returns`: from its start, at its end
    (minutes). `people`: the most that one of its tasks needs, who go along all day; `tasks`: the stops
    without the depot; `cost`: USD; `price`: the part of it that tasks cost by their time and shift, USD.

    For changes: the `gaps` between its stops (where time has no price), the parts `spare` until the depot,
    where tasks fit `best` as they were asked for, and the tours with a call at the depot more (`called`).
    """

    shift: int
    stops: tuple[int, ...]
    cost: float
    leaves: float
    returns: float
    begins: tuple[float, ...]
    km: float
    people: int
    tasks: tuple[int, ...]
    price: float = field(repr=False, default=0.0)
    gaps: list[Gap] = field(repr=False, default_factory=list)
    spare: tuple[int, ...] = field(repr=False, default=())
    best: dict[int, Place | None] = field(default_factory=dict, repr=False)
    called: list[Tour] | None = field(default=None, repr=False)


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
        return self._place[stop], self._minutes[stop], self.open[stop].get(shift)

    def _work_out(self, number: int, stops: tuple[int, ...]) -> Tour | None:
        shift = self.problem.shifts[number]
        spare = self._spare(shift, stops) if self._needy else ()
        if spare is None:
            return None
        latest, between = shift.opens, list[Gap]()
        if not self.priced:
            listed = [self._stop(number, stop) for stop in stops]
            found = gaps(shift, listed, self.problem.minutes)
            if found is None or found[0][0] > shift.longest + EPSILON:
                return None
            (_, latest), between = found
        if not stops:
            if shift.opens + self.problem.minutes[shift.start][shift.end] > shift.closes + EPSILON:
                return None
            return Tour(number, (), 0.0, shift.opens, shift.opens, (), 0.0, 0, (), 0.0, between, spare)
        return self._timed(number, stops, latest, between, spare)

    def _timed(
        self, number: int, stops: tuple[int, ...], latest: float, between: list[Gap], spare: tuple[int, ...]
    ) -> Tour | None:
        """When it leaves and what it costs: as early as its tasks can begin where time has a price (waiting
        before the first task is spent at home), else at the `latest` time that makes it shortest."""
        problem, shift = self.problem, self.problem.shifts[number]
        tasks, minutes, km = problem.tasks, problem.minutes, problem.km
        leaves = clock = latest
        here, far, price, people = shift.start, 0.0, 0.0, 0
        begins: list[float] = []
        for stop in stops:
            place, service, window = self._stop(number, stop)
            if window is None:
                return None
            clock += minutes[here][place]
            if clock < window[0]:
                if not begins and self.priced:
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
        begun = tuple(begins)
        return Tour(number, stops, cost, leaves, clock, begun, far, people, served, price, between, spare)

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
