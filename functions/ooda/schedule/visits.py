"""Which visits on the crews' calendars stay as they are, which may still move, and what that costs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ona.repairs.crews import Booking, Crew
from ooda.schedule.calendars import why_closed
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import next_step


class Visit(NamedTuple):
    """The time of one crew at one site for one job: the crew, and its booking."""

    crew_id: str
    booking: Booking


@dataclass(frozen=True)
class Calendars:
    """What is booked when a plan begins: the `fixed` bookings by crew, and the `movable` visits by the key
    of their finding. `broken`: why the crew of a movable visit cannot keep it, by the same key. `stopped`:
    the fixed visits whose crew cannot come on a day that is still to come, and why. `elsewhere`: from when
    to when crews of other regions take of what may be out at once here."""

    fixed: dict[str, list[Booking]] = field(default_factory=dict)
    movable: dict[str, Visit] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    stopped: list[tuple[Visit, str]] = field(default_factory=list)
    elsewhere: Sequence[tuple[datetime, datetime]] = ()

    @classmethod
    def of(cls, crews: Sequence[Crew], now: datetime, rules: PlanningRules) -> Calendars:
        """The crews' calendars. A tour that leaves within `freeze_hours`, or with a booking that lacks what
        planning needs, is fixed. A tour moves as a whole or not at all. A visit that its crew cannot keep,
        and for which nobody has left, may move however near it is."""
        until = next_step(now) + timedelta(hours=rules.constraints.freeze_hours)
        calendars = cls()
        for crew in crews:
            for tour in _tours(crew.bookings):
                broken = {b.finding_key: why_not_kept(crew, b, now, rules) for b in tour}
                known = all(booking.work is not None for booking in tour)
                if known and tour[0].leaves > now and any(broken.values()):
                    calendars.broken.update({key: why for key, why in broken.items() if why})
                elif not known or tour[0].leaves < until:
                    calendars.fixed.setdefault(crew.crew_id, []).extend(tour)
                    calendars.stopped.extend(
                        (Visit(crew.crew_id, b), why) for b in tour if (why := broken[b.finding_key])
                    )
                    continue
                calendars.movable.update({b.finding_key: Visit(crew.crew_id, b) for b in tour})
        return calendars

    @property
    def tours(self) -> list[list[Visit]]:
        """The movable visits, those of one tour together."""
        by_crew: dict[str, list[Booking]] = {}
        for crew_id, booking in self.movable.values():
            by_crew.setdefault(crew_id, []).append(booking)
        return [
            [Visit(crew_id, booking) for booking in tour]
            for crew_id, bookings in by_crew.items()
            for tour in _tours(bookings)
        ]

    def moving(self, keys: Collection[str]) -> Calendars:
        """The same with every visit fixed, except those of these faults and what is on a tour with them."""
        fixed = {crew_id: list(bookings) for crew_id, bookings in self.fixed.items()}
        movable = {}
        for tour in self.tours:
            moves = any(visit.booking.finding_key in keys for visit in tour)
            for visit in tour:
                if moves:
                    movable[visit.booking.finding_key] = visit
                else:
                    fixed.setdefault(visit.crew_id, []).append(visit.booking)
        return replace(self, fixed=fixed, movable=movable)

    def all_fixed(self) -> Calendars:
        """The same with every booking fixed."""
        fixed = {crew_id: list(bookings) for crew_id, bookings in self.fixed.items()}
        for crew_id, booking in self.movable.values():
            fixed.setdefault(crew_id, []).append(booking)
        return Calendars(fixed, elsewhere=self.elsewhere)

    def keeping_promises(self) -> Calendars:
        """The same with every booking fixed that its crew can keep."""
        broken = {key: visit for key, visit in self.movable.items() if key in self.broken}
        fixed = {crew_id: list(bookings) for crew_id, bookings in self.fixed.items()}
        for key, (crew_id, booking) in self.movable.items():
            if key not in broken:
                fixed.setdefault(crew_id, []).append(booking)
        return replace(self, fixed=fixed, movable=broken)

    def with_fixed(self, crew_id: str, booking: Booking) -> Calendars:
        """The same with one booking more that stays; its fault has no movable visit then."""
        fixed = {**self.fixed, crew_id: [*self.fixed.get(crew_id, ()), booking]}
        movable = {key: visit for key, visit in self.movable.items() if key != booking.finding_key}
        return replace(self, fixed=fixed, movable=movable)


def why_not_kept(crew: Crew, booking: Booking, now: datetime, rules: PlanningRules) -> str:
    """Why a crew cannot come on a day of a visit that is still to come: it is not available, or away; ""
    when it can, and where no day is left."""
    to_come = [time for time in booking.times if time.leaves > now]
    if to_come and crew.status != "available":
        return f"status is {crew.status}"
    if booking.work is None:
        return ""
    zone = booking.work.zone
    for time in to_come:
        day = time.leaves.astimezone(ZoneInfo(zone)).date()
        why = why_closed(day, zone, crew, rules.constraints.working_hours)
        if why:
            return f"{day:%-d %B}: {why}"
    return ""


def move_price(booking: Booking, now: datetime, rules: PlanningRules) -> float:
    """USD, weighted, for another time of a visit, and once more for another crew: `move_cost_usd` while it
    is far, rising with the days to `move_cost_near_usd` for one that leaves at once."""
    limits = rules.constraints
    days = max((booking.leaves - now).total_seconds() / 86400.0, 0.0)
    near = max(1.0 - days / limits.move_near_days, 0.0)
    return limits.move_cost_usd + near * (limits.move_cost_near_usd - limits.move_cost_usd)


def visits_by_finding(crews: Sequence[Crew]) -> dict[str, Visit]:
    """The visits on the calendars by the key of their finding, of several of one fault the latest."""
    visits = [Visit(crew.crew_id, booking) for crew in crews for booking in crew.bookings]
    return {v.booking.finding_key: v for v in sorted(visits, key=lambda v: v.booking.leaves)}


def _tours(bookings: Sequence[Booking]) -> list[list[Booking]]:
    """Bookings in order, those of one tour together."""
    tours: list[list[Booking]] = []
    for booking in sorted(bookings, key=lambda item: item.leaves):
        if tours and tours[-1][-1].returns == booking.leaves and booking.on_tour:
            tours[-1].append(booking)
        else:
            tours.append([booking])
    return tours
