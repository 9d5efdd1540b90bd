"""Work of several days: one crew comes on one day after the other until it is done.

Its days are chosen before the tours of the others, because no tour reaches over a night. Each start is
worked out: the first day from a free piece of the crew's calendar, then the following days on which the
crew works and has room, each as long as the day allows. Days off, holidays, absences and days that are
booked lie in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from math import floor
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ona.repairs.crews import BookedDay, Booking, Crew, Work
from ooda.schedule.build import taken
from ooda.schedule.daylight import light
from ooda.schedule.eligibility import why_not
from ooda.schedule.horizon import horizon_days
from ooda.schedule.loss import absence, loss_of
from ooda.schedule.rules import PlanningRules
from ooda.schedule.shifts import Days, free_of_day
from ooda.schedule.solver.problem import SLOT, Window
from ooda.schedule.times import minutes_since, next_step, rounded_up
from ooda.schedule.travel import way_to
from ooda.schedule.visits import Calendars, Visit, move_price

LEAST_MINUTES = 60.0
"""Minutes of work for which nobody drives out, unless they are the last of it (ours)."""
MOST_DAYS = 60
"""Days from the first to the last of one work (ours)."""


Room = tuple[float, float]
"""When work may begin on a day, and how many minutes of it that day holds; minutes from the origin."""


class Out(NamedTuple):
    """A crew's time on one day of a work; the fields are those of `Booking`."""

    leaves: datetime
    start: datetime
    end: datetime
    returns: datetime


@dataclass(frozen=True)
class Stay:
    """A crew's days at one work. `km`: all ways; `usd`: its cost in the plan, weighted; `moved_usd`: what
    of that is the price of not being as promised; `promised`: the booking of one that is."""

    work: Work
    crew_id: str
    days: Sequence[Out]
    km: float
    usd: float
    moved_usd: float = 0.0
    promised: Booking | None = None

    @cached_property
    def booking(self) -> Booking:
        """The stay in the crew's calendar; made when asked for, as few of hundreds are."""
        first, last, work = self.days[0], self.days[-1], self.work
        return self.promised or Booking(
            finding_key=work.finding_key,
            finding_id=work.finding_id,
            asset_id=work.asset_id,
            site_id=work.site_id,
            leaves=first.leaves,
            start=first.start,
            end=last.end,
            returns=last.returns,
            technicians=work.technicians,
            specialization=work.specialization,
            travel_km=self.km,
            days=[BookedDay(**day._asdict()) for day in self.days] if len(self.days) > 1 else [],
            work=work,
        )


@dataclass(frozen=True)
class Ground:
    """What stays are worked out on: the crews, what is booked, and the rules."""

    crews: Sequence[Crew]
    calendars: Calendars
    now: datetime
    rules: PlanningRules

    @property
    def origin(self) -> datetime:
        """From where minutes count."""
        return next_step(self.now)

    def absence(self, work: Work) -> float:
        """What leaving the work out counts for, weighted USD."""
        can_be_done = not all(why_not(work, crew, self.rules) for crew in self.crews)
        return absence(work, self.now, self.rules, can_be_done)

    def beside(self, stay: Stay) -> Ground:
        """The same with a stay that is booked."""
        return self.holding(Visit(stay.crew_id, stay.booking))

    def holding(self, visit: Visit) -> Ground:
        """The same with a visit that stays as it is."""
        calendars = self.calendars.with_fixed(visit.crew_id, visit.booking)
        return Ground(self.crews, calendars, self.now, self.rules)


def stays(work: Work, ground: Ground, least_days: int = 1) -> list[Stay]:
    """All ways to do the work on so many days or more: each crew that can, each start within the work's
    horizon; the cheapest first. A promised visit as it stands is one, where its crew can keep it."""
    found = {}
    promised = ground.calendars.movable.get(work.finding_key)
    for crew in ground.crews:
        if why_not(work, crew, ground.rules):
            continue
        for days in _all_days(work, crew, ground, least_days):
            stay = _stay(work, crew, days, promised, ground)
            found[crew.crew_id, days[0].start] = stay
    if promised and promised.booking.days and work.finding_key not in ground.calendars.broken:
        kept = _kept(work, promised, ground)
        if kept:
            found[kept.crew_id, kept.days[0].start] = kept
    return sorted(found.values(), key=lambda stay: (stay.usd, stay.days[-1].end, stay.crew_id))


def _all_days(work: Work, crew: Crew, ground: Ground, least: int) -> Iterator[list[Out]]:
    """The days of each start with one crew, where they are so many."""
    rules, origin = ground.rules, ground.origin
    booked = ground.calendars.fixed.get(crew.crew_id, ())
    able = sum(one.status == "available" for one in ground.crews)
    today = origin.astimezone(ZoneInfo(work.zone)).date()
    last = horizon_days(work, ground.now, rules)
    context = Days(origin, (), able)
    out = taken(ground.calendars, origin)
    rooms: dict[date, list[Room]] = {}

    def of_day(day: date) -> list[Room]:
        if day not in rooms:
            pieces, longest = free_of_day(crew, work.zone, day, booked, context, rules)
            rooms[day] = _rooms(work, crew, day, pieces, longest, ground, out)
        return rooms[day]

    for offset in range(last + 1):
        for begin, room in of_day(today + timedelta(days=offset)):
            if least > 1 and room >= rounded_up(work.hours * 60):
                continue  # a single day holds it
            days = _days_from(work, crew, today + timedelta(days=offset), (begin, room), of_day, ground)
            if days:
                yield days


def _days_from(
    work: Work,
    crew: Crew,
    first: date,
    piece: Room,
    of_day: Callable[[date], list[Room]],
    ground: Ground,
) -> list[Out]:
    """The days from that piece of the first day until the work is done; empty where it is not done within
    `MOST_DAYS`, or the piece is too short to begin."""
    travel = way_to(work, crew, ground.rules)[0]
    left, day = rounded_up(work.hours * 60), first
    days: list[Out] = []
    while left > 0 and (day - first).days <= MOST_DAYS:
        options = [piece] if day == first else of_day(day)
        begin, room = max(options, key=lambda one: (min(one[1], left), -one[0]), default=(0.0, 0.0))
        minutes = min(room, left)
        if minutes == left or minutes >= LEAST_MINUTES:
            at = (begin - travel, begin, begin + minutes, begin + minutes + travel)
            leaves, start, end, returns = (ground.origin + timedelta(minutes=one) for one in at)
            days.append(Out(leaves, start, end, returns))
            left -= minutes
        elif day == first:
            return []
        day += timedelta(days=1)
    return days if left <= 0 else []


def _rooms(
    work: Work,
    crew: Crew,
    day: date,
    pieces: Sequence[Window],
    longest: float,
    ground: Ground,
    out: Sequence[Window],
) -> list[Room]:
    """When the work may begin in each free piece of a day, and how many minutes of it that piece holds;
    nothing where the most crews are out already."""
    travel = way_to(work, crew, ground.rules)[0]
    most = ground.rules.constraints.max_concurrent_jobs
    dawn, dusk = -float("inf"), float("inf")
    if work.light != "any" and work.location is not None:
        sun = light(work.location, day)
        dawn, dusk = minutes_since(sun.rises, ground.origin), minutes_since(sun.sets, ground.origin)
    rooms = []
    for opens, closes in pieces:
        begin = max(opens + travel, minutes_since(next_step(work.ready), ground.origin))
        end = closes - travel
        if work.light == "day":
            begin, end = max(begin, dawn), min(end, dusk)
        elif work.light == "dark" and begin < dawn:
            end = min(end, dawn)
        elif work.light == "dark":
            begin = max(begin, dusk)
        begin = rounded_up(begin)
        minutes = floor(min(end - begin, longest - 2 * travel) / SLOT) * SLOT
        if minutes > 0 and _at_once(begin - travel, begin + minutes + travel, out) < most:
            rooms.append((begin, float(minutes)))
    return rooms


def _at_once(leaves: float, returns: float, out: Sequence[Window]) -> int:
    """The most crews that are out at one moment between two times, minutes."""
    others = [(begin, end) for begin, end in out if begin < returns and leaves < end]
    instants = [leaves, *(begin for begin, _ in others if begin > leaves)]
    return max(sum(begin <= at < end for begin, end in others) for at in instants)


def _stay(work: Work, crew: Crew, days: Sequence[Out], promised: Visit | None, ground: Ground) -> Stay:
    """The stay of a crew on those days, with its cost."""
    rules, now = ground.rules, ground.now
    km = round(2.0 * len(days) * way_to(work, crew, rules)[1], 1)
    moved = 0.0
    if promised is not None and work.finding_key not in ground.calendars.broken:
        other_time = [d.start for d in days] != [d.start for d in promised.booking.times]
        changes = other_time + (crew.crew_id != promised.crew_id)
        moved = changes * move_price(promised.booking, now, rules)
    loss = loss_of(work, days[0].start, now, rules, days[-1].end)
    usd = loss + rules.weights.w_cost * _money(work.technicians, days, km, rules, work.part_usd) + moved
    return Stay(work, crew.crew_id, days, km, usd, moved)


def money(booking: Booking, rules: PlanningRules, part_usd: float) -> float:
    """What a visit costs in labour, travel and parts, USD, unweighted."""
    return _money(booking.technicians, booking.times, booking.travel_km, rules, part_usd)


def _money(
    technicians: int,
    times: Sequence[Out | Booking | BookedDay],
    km: float,
    rules: PlanningRules,
    part_usd: float,
) -> float:
    hours = sum((time.returns - time.leaves).total_seconds() for time in times) / 3600.0
    return (
        technicians * hours * rules.crew.hourly_cost_usd + km * rules.crew.travel_cost_usd_per_km + part_usd
    )


def _kept(work: Work, promised: Visit, ground: Ground) -> Stay | None:
    """The promised visit as it stands; None where its crew cannot do it any more, or its time is taken."""
    crew = next((one for one in ground.crews if one.crew_id == promised.crew_id), None)
    if crew is None or why_not(work, crew, ground.rules):
        return None
    own = ground.calendars.fixed.get(crew.crew_id, ())
    for day in promised.booking.times:
        if any(t.leaves < day.returns and day.leaves < t.returns for one in own for t in one.times):
            return None
    days = [Out(day.leaves, day.start, day.end, day.returns) for day in promised.booking.times]
    stay = _stay(work, crew, days, promised, ground)
    return replace(stay, moved_usd=0.0, promised=promised.booking)
