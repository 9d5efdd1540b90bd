"""A crew's free times, and when a work may begin in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ona.repairs.crews import Booking, Crew, Work
from ooda.schedule.calendars import why_closed
from ooda.schedule.daylight import light
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.problem import SLOT, Shift, Window
from ooda.schedule.times import minutes_since, rounded_up

SHORTEST = 30
"""Minutes: free time that is shorter is no shift (ours)."""


@dataclass(frozen=True)
class CrewShift:
    """A shift of the solver, with the crew, day and time zone that it is of."""

    shift: Shift
    crew: Crew
    day: date
    zone: str


@dataclass(frozen=True)
class Days:
    """The days that are planned: `offsets` from today, with the plan's origin, and how many crews there are
    to plan for."""

    origin: datetime
    offsets: Sequence[int]
    crews: int


def crew_shifts(
    number: int, crew: Crew, zone: str, booked: Sequence[Booking], days: Days, rules: PlanningRules
) -> list[CrewShift]:
    """The shifts of the crew with that number at sites of a time zone, beside what is booked."""
    tz = ZoneInfo(zone)
    first = days.origin.astimezone(tz).date()
    shifts = []
    for offset in days.offsets:
        day = first + timedelta(days=offset)
        pieces, longest = free_of_day(crew, zone, day, booked, days, rules)
        for begin, end in pieces:
            shift = Shift(crew.crew_id, day.toordinal(), number, number, begin, end, longest)
            shifts.append(CrewShift(shift, crew, day, zone))
    return shifts


def free_of_day(
    crew: Crew, zone: str, day: date, booked: Sequence[Booking], days: Days, rules: PlanningRules
) -> tuple[list[Window], float]:
    """A crew's free pieces of a day at sites of a time zone, none where it does not work; and the most
    minutes that it may still be out on that day."""
    if why_closed(day, zone, crew, rules.constraints.working_hours):
        return [], 0.0
    tz = ZoneInfo(zone)
    longest = rules.crew.hours_per_day * 60.0 - _used(booked, day, tz)
    pieces = _free(booked, day, tz, days, rules)
    return [(begin, end) for begin, end in pieces if min(end - begin, longest) >= SHORTEST], longest


def _used(booked: Sequence[Booking], day: date, tz: ZoneInfo) -> float:
    """Minutes of a day that are booked."""
    return sum(
        (time.returns - time.leaves).total_seconds() / 60.0
        for booking in booked
        for time in booking.times
        if time.leaves.astimezone(tz).date() == day
    )


def _free(
    booked: Sequence[Booking], day: date, tz: ZoneInfo, days: Days, rules: PlanningRules
) -> list[Window]:
    """A day's free pieces between bookings. Where more crews than may be out at once are there, also the
    second half of a day, for who leaves when others are back."""
    hours = rules.constraints.working_hours
    opens, closes = (
        minutes_since(datetime.combine(day, at, tz), days.origin) for at in (hours.start, hours.end)
    )
    begin = max(opens, 0.0)
    pieces = []
    for time in sorted((time for booking in booked for time in booking.times), key=lambda t: t.leaves):
        leaves = minutes_since(time.leaves, days.origin)
        returns = minutes_since(time.returns, days.origin)
        if returns <= begin or leaves >= closes:
            continue
        pieces.append((begin, leaves))
        begin = max(begin, returns)
    pieces.append((begin, closes))
    if days.crews > rules.constraints.max_concurrent_jobs:
        noon = (opens + closes) / 2.0
        noon -= noon % SLOT
        pieces += [(noon, end) for begin, end in pieces if begin < noon < end]
    return pieces


def window(work: Work, crew_shift: CrewShift, origin: datetime, ready: float) -> Window | None:
    """When the work may begin in a shift, minutes; None when it may not. `ready`: when its part is there,
    minutes."""
    shift = crew_shift.shift
    length = rounded_up(work.hours * 60)
    first = max(shift.opens, ready)
    last = shift.closes - length
    if work.light != "any" and work.location is not None:
        sun = light(work.location, crew_shift.day)
        dawn, dusk = minutes_since(sun.rises, origin), minutes_since(sun.sets, origin)
        if work.light == "day":
            first, last = max(first, rounded_up(dawn)), min(last, dusk - length)
        elif last > dusk:  # after sunset, or before sunrise
            first = max(first, rounded_up(dusk))
        else:
            last = min(last, dawn - length)
    return (first, last) if first <= last else None
