"""How a tour changes when a task is added or taken out, and what that costs.

>>> from ooda.schedule.solver.problem import Problem, Shift, Task
>>> task = Task("repair", place=1, minutes=60.0, absence=500.0)
>>> shift = Shift("crew-1", day=0, start=0, end=0, opens=0.0, closes=480.0)
>>> half_hour = [[0.0, 30.0], [30.0, 0.0]]
>>> tours = Tours(Problem([task], [shift], half_hour, half_hour, [[(0.0, 420.0)]], 1.0, 0.5))
>>> tours.insert(tours.empty(0), 0).cost  # two hours at 1 USD a minute, 60 km at 0.50 USD
150.0
"""

from __future__ import annotations

from collections.abc import Iterable

from ooda.schedule.solver.problem import DEPOT, EPSILON, SLOT, Window
from ooda.schedule.solver.segments import Gap, by_the_depot, calls
from ooda.schedule.solver.tour import UNASKED, KnownTours, Place, Tour

__all__ = ["UNASKED", "Place", "Tour", "Tours"]
CALLS = 3
"""Calls at the depot, the shortest ones, behind which a task is tried at every place (ours); it is tried
right behind each call."""


class Tours(KnownTours):
    """The tours of a problem, and where tasks fit into them."""

    def insert(self, tour: Tour, task: int) -> Tour | None:
        """The cheapest tour that serves one task more, the others in the same order; None when none can."""
        place = self.place(tour, task)
        return None if place is None else self.placed(tour, task, place)

    def place(self, tour: Tour, task: int) -> Place | None:
        """Where a task adds least to a tour, and how much; None where it does not fit."""
        found = tour.best.get(task, UNASKED)
        if found is UNASKED:
            found = tour.best[task] = self._where(tour, task)
        return found

    def placed(self, tour: Tour, task: int, place: Place) -> Tour | None:
        """The tour with a task at its place; None where rounding spoils it."""
        where = place[1]
        stops = where if isinstance(where, tuple) else _with(tour.stops, where, task)
        longer = self.tour(tour.shift, stops, tour)
        if longer is None:
            tour.best[task] = None
        return longer

    def at_the_end(self, tour: Tour, task: int) -> Place | None:
        """What a task adds as the last stop; None where it does not fit there."""
        window = self.open[task].get(tour.shift)
        if window is None or (self._needs[task] and not self._carried(tour, task)):
            return None
        return self._from(tour, task, window, len(tour.stops))

    def _from(self, tour: Tour, task: int, window: Window, first: int) -> Place | None:
        """The cheapest place after the `first` stops."""
        if self.priced:
            return self._priced_places(tour, task, window, first)
        ahead, behind = (tour.ahead[first:], tour.behind[first:]) if first else (tour.ahead, tour.behind)
        found = self._places(tour, task, window, zip(ahead, behind, strict=True))
        return None if found is None else (found[0], found[1] + first)

    def _where(self, tour: Tour, task: int) -> Place | None:
        window = self.open[task].get(tour.shift)
        if window is None:
            return None
        first = 0
        if self._needs[task] and not self._carried(tour, task):
            if DEPOT in tour.stops:
                first = tour.stops.index(DEPOT) + 1
            elif self.problem.shifts[tour.shift].depot is None:
                return None
            else:
                return self._by_the_depot(tour, task, window)
        return self._from(tour, task, window, first)

    def _carried(self, tour: Tour, task: int) -> bool:
        """Whether the crew has the task's tools and parts without calling at the depot."""
        added, shift = self.problem.tasks[task], self.problem.shifts[tour.shift]
        if not added.tools <= shift.tools:
            return False
        return all(count <= have for count, have in zip(added.parts, tour.spare, strict=False))

    def _by_the_depot(self, tour: Tour, task: int, window: Window) -> Place | None:
        """The cheapest place behind a call at the depot, which the tour did not make yet."""
        if self.priced:
            every = (_with(tour.stops, at, DEPOT) for at in range(len(tour.stops) + 1))
            tried = (
                (longer.cost - tour.cost, longer.stops)
                for stops in every
                for at in range(stops.index(DEPOT) + 1, len(stops) + 1)
                if (longer := self.tour(tour.shift, _with(stops, at, task)))
            )
            return min(tried, default=None)
        if tour.called is None:
            problem, listed = self.problem, self.listed(tour.shift, tour.stops)
            depot = self._stop(tour.shift, DEPOT)
            between = list(zip(tour.ahead, tour.behind, strict=True))
            tour.called = by_the_depot(between, listed, depot, CALLS, problem.minutes, problem.km)
        found = self._places(tour, task, window, [gap for _, _, gap in tour.called])
        if found is None:
            return None
        call, at, _ = tour.called[found[1]]
        stops = tour.stops
        return found[0], (*stops[:call], DEPOT, *stops[call:at], task, *stops[at:])

    def _places(
        self, tour: Tour, task: int, window: Window, between: Iterable[Gap]
    ) -> tuple[float, int] | None:
        """The cheapest of these gaps where time has no price, without walking: USD more, and its number."""
        problem = self.problem
        km, added, shift = problem.km, problem.tasks[task], problem.shifts[tour.shift]
        longest, per_km = shift.longest + EPSILON, problem.usd_per_km
        place, service, opens, last = added.place, added.minutes, window[0], window[1]
        onward, closes = problem.minutes[place], window[1] + EPSILON
        rate = (added.people if added.people > tour.people else tour.people) * problem.usd_per_minute
        far = tour.km if tour.stops else km[shift.start][shift.end]
        least, best, at = 1e300, -1, -1
        for (length, early, late, here, outward, detour), (
            rest,
            opens_there,
            closes_there,
            there,
        ) in between:
            at += 1
            way = length + outward[place]
            if early + way > closes:
                continue
            if opens - way > late:
                early = late
                way = opens - late
            else:
                if opens - way > early:
                    early = opens - way
                if last - way < late:
                    late = last - way
            way += service + onward[there]
            if early + way > closes_there:
                continue
            if opens_there - way > late:
                way = opens_there - late
            way += rest
            if way > longest:
                continue
            cost = way * rate
            if per_km:
                cost += (far + detour + km[here][place] + km[place][there] - km[here][there]) * per_km
            if cost < least:
                least, best = cost, at
        if best < 0:
            return None
        extra = least + tour.price - tour.cost
        if problem.surcharge:
            extra += problem.surcharge.get((task, tour.shift), 0.0)
        return extra, best

    def _priced_places(self, tour: Tour, task: int, window: Window, first: int) -> Place | None:
        """The cheapest place from the `first` on where time has a price: later stops' prices change."""
        problem, number, stops, begins = self.problem, tour.shift, tour.stops, tour.begins
        shift = problem.shifts[number]
        if shift.depot is not None:
            return self._tried(tour, task, first)
        minutes, km, added = problem.minutes, problem.km, problem.tasks[task]
        place, prices, opened, lengths = self._place, self._prices, self.open, self._minutes
        mine, own, opens, closes = added.prices, added.place, window[0], window[1] + EPSILON
        people = added.people if added.people > tour.people else tour.people
        rate, per_km = people * problem.usd_per_minute, problem.usd_per_km
        base = problem.surcharge.get((task, number), 0.0) if problem.surcharge else 0.0
        base += tour.price - tour.cost
        latest, longest, size = shift.closes + EPSILON, shift.longest + EPSILON, len(stops)
        whole_km = tour.km if stops else km[shift.start][shift.end]
        least, best = 1e300, -1
        for at in range(first, size + 1):
            leaves = tour.leaves
            if at:
                before = stops[at - 1]
                here = place[before]
                clock = begins[at - 1] + lengths[before] + minutes[here][own]
            else:
                here, leaves = shift.start, shift.opens
                clock = leaves + minutes[here][own]
            if clock > closes:
                continue
            if clock < opens:
                if not at:
                    leaves += opens - clock
                clock = opens
            cost = base + (mine[int(clock) // SLOT] if mine is not None else 0.0)
            clock += added.minutes
            there = place[stops[at]] if at < size else shift.end
            far = whole_km + km[here][own] + km[own][there] - km[here][there]
            here = own
            for n in range(at, size):
                stop = stops[n]
                clock += minutes[here][place[stop]]
                limits = opened[stop][number]
                if clock < limits[0]:
                    clock = limits[0]
                elif clock > limits[1] + EPSILON:
                    break
                listed = prices[stop]
                if listed is not None:
                    cost += listed[int(clock) // SLOT] - listed[int(begins[n]) // SLOT]
                clock += lengths[stop]
                here = place[stop]
            else:
                clock += minutes[here][shift.end]
                if clock <= latest and clock - leaves <= longest:
                    cost += (clock - leaves) * rate + far * per_km
                    if cost < least:
                        least, best = cost, at
        return (least, best) if best >= 0 else None

    def _tried(self, tour: Tour, task: int, first: int) -> Place | None:
        """The cheapest place from the `first` on by trying each."""
        tried = (
            (longer.cost - tour.cost, at)
            for at in range(first, len(tour.stops) + 1)
            if (longer := self.tour(tour.shift, _with(tour.stops, at, task)))
        )
        return min(tried, default=None)

    def without(self, tour: Tour, gone: set[int]) -> Tour | None:
        """The tour without some tasks, and without a call at the depot that nobody needs any more."""
        stops = tuple(stop for stop in tour.stops if stop not in gone)
        if DEPOT not in stops:
            return self.tour(tour.shift, stops, tour)
        return self.depot_moved(tour.shift, stops)

    def depot_moved(self, shift: int, stops: tuple[int, ...]) -> Tour | None:
        """The cheapest tour with these tasks in this order, the depot called at where it is best or not."""
        plain = tuple(stop for stop in stops if stop != DEPOT)
        if tour := self.tour(shift, plain):
            return tour
        if self.priced:
            tours = [self.tour(shift, _with(plain, at, DEPOT)) for at in range(len(plain))]
            return min((t for t in tours if t), key=lambda t: t.cost, default=None)
        found = self.gaps(shift, plain)
        if found is None:
            return None
        problem, between = self.problem, list(zip(*found, strict=True))
        rate = max(problem.tasks[stop].people for stop in plain) * problem.usd_per_minute
        every = calls(between, self._stop(shift, DEPOT), problem.minutes, problem.km)
        for call in sorted(
            every, key=lambda call: call.minutes * rate + call.ahead[5] * problem.usd_per_km
        ):
            if tour := self.tour(shift, _with(plain, call.at, DEPOT)):
                return tour
        return None


def _with(stops: tuple[int, ...], at: int, stop: int) -> tuple[int, ...]:
    return (*stops[:at], stop, *stops[at:])
