"""Which visits on the crews' calendars stay as they are, and which may still move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ona.repairs.crews import Booking, Crew
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import next_step


class Visit(NamedTuple):
    """The time of one crew at one site for one job: the crew, and its booking."""

    crew_id: str
    booking: Booking


@dataclass(frozen=True)
class Calendars:
    """What is booked when a plan begins: the `fixed` bookings by crew, and the `movable` visits by the key
    of their finding."""

    fixed: dict[str, list[Booking]] = field(default_factory=dict)
    movable: dict[str, Visit] = field(default_factory=dict)

    @classmethod
    def of(cls, crews: Sequence[Crew], now: datetime, rules: PlanningRules) -> Calendars:
        """The crews' calendars. A tour that leaves within `freeze_hours`, or with a booking that lacks what
        planning needs, is fixed. A tour moves as a whole or not at all."""
        until = next_step(now) + timedelta(hours=rules.constraints.freeze_hours)
        fixed: dict[str, list[Booking]] = {}
        movable: dict[str, Visit] = {}
        for crew in crews:
            for tour in _tours(crew.bookings):
                if tour[0].leaves < until or any(booking.work is None for booking in tour):
                    fixed.setdefault(crew.crew_id, []).extend(tour)
                else:
                    movable.update({b.finding_key: Visit(crew.crew_id, b) for b in tour})
        return cls(fixed, movable)

    @classmethod
    def all_fixed(cls, crews: Sequence[Crew]) -> Calendars:
        """The crews' calendars with every booking fixed."""
        return cls({crew.crew_id: crew.bookings for crew in crews})


def visits_by_finding(crews: Sequence[Crew]) -> dict[str, Visit]:
    """All visits on the calendars, by the key of their finding."""
    return {
        booking.finding_key: Visit(crew.crew_id, booking) for crew in crews for booking in crew.bookings
    }


def _tours(bookings: Sequence[Booking]) -> list[list[Booking]]:
    """Bookings in order, those of one tour together."""
    tours: list[list[Booking]] = []
    for booking in sorted(bookings, key=lambda item: item.leaves):
        if tours and tours[-1][-1].returns == booking.leaves and booking.on_tour:
            tours[-1].append(booking)
        else:
            tours.append([booking])
    return tours
