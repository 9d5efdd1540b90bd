"""Crews and their calendars, table `ona-platform-crews`; a crew is never booked twice.

Every crew's item carries a `version`. Whoever books writes all crews in one transaction that checks
every version it read, so a plan made on an old calendar is refused as a whole, not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ona.config.causes import Light
from ona.documents.assets import Location
from ona.documents.base import Document, S3Pointer
from ona.documents.work_orders import CrewAssignment, Job, OrderStatus
from ona.runtime.aws import environment
from ona.runtime.clock import Weekday
from ona.runtime.errors import CrewBookingConflict, InvalidConfiguration
from ona.store import tables

MAX_CREWS = 100
KEEP_PAST = timedelta(days=30)


class Work(Document):
    """A fault to be repaired, as planning sees it. Hours and USD; `daily_usd` and `growth_percent` are its
    Energy at Risk, `standing_usd` what the machine gives a day in spite of the fault and stands still for
    while people work on it; `ready`: when its part is there; `must`: it may not be put off."""

    finding_key: str
    finding_id: str
    asset_id: str
    site_id: str
    cause: str
    diagnostic: S3Pointer
    priority: Literal["critical", "high", "medium", "low"]
    location: Location | None
    zone: str
    specialization: str
    technicians: int
    hours: float
    hours_in_all: float = Field(default=0.0, description="where a day does not hold it; `hours`: its first")
    light: Light
    sunny: bool = Field(description="production follows the sun")
    known_since: datetime
    ready: datetime
    due: datetime | None = None
    must: bool
    severity: float
    daily_usd: float
    growth_percent: float
    standing_usd: float
    part: str = ""
    part_usd: float = 0.0


class Booking(Document):
    """A crew's time for one job. `leaves`: its base, or the job before on the same tour; `returns`: to its
    base, or the end of the work where the tour goes on. `work`: what is needed to plan it anew, None where
    it never is."""

    finding_key: str
    finding_id: str
    asset_id: str
    site_id: str
    leaves: datetime
    start: datetime
    end: datetime
    returns: datetime
    technicians: int
    specialization: str
    travel_km: float
    on_tour: bool = Field(default=False, description="it goes on from the booking before")
    work: Work | None = None

    def visit(self, crew_id: str) -> dict[str, Any]:
        """The fields of a job or an order that its visit decides."""
        crew = CrewAssignment(
            crew_id=crew_id, technician_count=self.technicians, specialization=self.specialization
        )
        return {"scheduled_start": self.start, "scheduled_end": self.end, "crew_assignment": crew}


class Away(Document):
    """Days on which a crew is not there: leave, training. Both ends belong to it."""

    first: date
    last: date
    why: str = "away"


class Crew(BaseModel):
    """A crew as it stands in the table. `working_days` and `works_on_holidays` are those of a crew that
    differs from the rest (on stand-by at weekends); `away`: when it is not there at all."""

    model_config = ConfigDict(extra="ignore")
    crew_id: str
    status: str = "available"
    base: Location
    specialisations: list[str]
    size: int = Field(ge=1)
    working_days: list[Weekday] | None = Field(default=None, min_length=1)
    works_on_holidays: bool = False
    away: list[Away] = []
    version: int = 0
    bookings: list[Booking] = []


def table_name() -> str:
    """The crews table, from the environment."""
    return environment("CREWS_TABLE")


def load() -> list[Crew]:
    """All crews, by id. Raises InvalidConfiguration for a wrong item or too many crews."""
    items = tables.scan(table_name())
    if len(items) > MAX_CREWS:
        raise InvalidConfiguration(
            f"{len(items)} crews; one transaction holds {MAX_CREWS}: split the fleet by environment"
        )
    crews = []
    for item in items:
        try:
            crews.append(Crew.model_validate(item))
        except ValueError as error:
            raise InvalidConfiguration(f"crew {item.get('crew_id')}: {error}") from error
    return sorted(crews, key=lambda crew: crew.crew_id)


def book(
    crews: list[Crew], new: dict[str, list[Booking]], now: datetime, lifted: Collection[str] = ()
) -> None:
    """Add bookings by crew and take out those of the faults `lifted`, if no crew changed since it was
    loaded.

    Raises CrewBookingConflict when another execution was faster: load and plan again.
    """
    if not new and not lifted:
        return
    writes: list[dict[str, Any]] = []
    for crew in crews:
        values = tables.to_item({":seen": crew.version, ":zero": 0})
        condition = "version = :seen OR (attribute_not_exists(version) AND :seen = :zero)"
        common = {
            "TableName": table_name(),
            "Key": tables.to_item({"crew_id": crew.crew_id}),
            "ConditionExpression": condition,
        }
        if crew.crew_id not in new and not any(b.finding_key in lifted for b in crew.bookings):
            writes.append({"ConditionCheck": {**common, "ExpressionAttributeValues": values}})
            continue
        kept = [
            booking
            for booking in crew.bookings
            if booking.returns > now - KEEP_PAST and booking.finding_key not in lifted
        ]
        booked = [booking.document() for booking in [*kept, *new.get(crew.crew_id, [])]]
        writes.append(
            {
                "Update": {
                    **common,
                    "UpdateExpression": "SET bookings = :booked, version = :next",
                    "ExpressionAttributeValues": {
                        **values,
                        **tables.to_item({":booked": booked, ":next": crew.version + 1}),
                    },
                }
            }
        )
    if not tables.transact(writes):
        raise CrewBookingConflict("another execution booked a crew meanwhile")


def booking_of(finding_key: str) -> tuple[str, Booking] | None:
    """A fault's booking and the crew that holds it, as the calendars stand; None when there is none."""
    held = _held(finding_key)
    return (held[0].crew_id, held[1]) if held else None


def timed(job: Job, crew_id: str, booking: Booking) -> Job:
    """A job with its visit."""
    return job.model_copy(update={**booking.visit(crew_id), "travel_km": booking.travel_km})


def pin(finding_key: str) -> None:
    """Keep a fault's visit where it is: work has begun. Raises CrewBookingConflict."""

    def pinned(bookings: list[Booking]) -> list[Booking]:
        return [
            b.model_copy(update={"work": None}) if b.finding_key == finding_key else b for b in bookings
        ]

    _edit(finding_key, pinned)


def follow(finding_key: str, status: OrderStatus | None) -> None:
    """What an order's new status means for its visit: one that began stays, a cancelled one is given back.

    Raises CrewBookingConflict.
    """
    if status == "IN_PROGRESS":
        pin(finding_key)
    elif status == "CANCELLED":
        release(finding_key)


def release(finding_key: str) -> bool:
    """Give back the time booked for a fault whose order was refused; False when there was none.

    A fault has one booking at a time, whichever of its findings made it.
    Raises CrewBookingConflict when another execution keeps changing the same crew.
    """
    return _edit(finding_key, lambda bookings: without(bookings, finding_key))


def _held(finding_key: str) -> tuple[Crew, Booking] | None:
    found = ((crew, booking) for crew in load() for booking in crew.bookings)
    return next((pair for pair in found if pair[1].finding_key == finding_key), None)


def _edit(finding_key: str, edit: Callable[[list[Booking]], list[Booking]]) -> bool:
    """Change the calendar that holds a fault's visit, unless somebody changed it since it was read: then
    again. False when nobody holds one. Raises CrewBookingConflict."""
    for _ in range(5):
        held = _held(finding_key)
        if held is None:
            return False
        crew = held[0]
        edited = edit(crew.bookings)
        if edited == crew.bookings or tables.update(
            table_name(),
            {"crew_id": crew.crew_id},
            "SET bookings = :kept, version = :next",
            {":kept": [b.document() for b in edited], ":next": crew.version + 1, ":seen": crew.version},
            condition="version = :seen",
        ):
            return True
    raise CrewBookingConflict(f"the calendar with the visit for {finding_key} keeps changing")


def without(bookings: list[Booking], finding_key: str) -> list[Booking]:
    """A calendar without one fault's visit. On a tour its time goes to the visit after it, which still
    has to be reached, or, where it was the last, to the one before, whose crew still has to come home."""
    rest = sorted(bookings, key=lambda booking: booking.leaves)
    gone = next((n for n, booking in enumerate(rest) if booking.finding_key == finding_key), None)
    if gone is None:
        return bookings
    removed = rest.pop(gone)
    after = rest[gone] if gone < len(rest) else None
    before = rest[gone - 1] if gone > 0 else None
    if after and after.on_tour and after.leaves == removed.returns:
        changes = {"leaves": removed.leaves, "on_tour": removed.on_tour}
        rest[gone] = after.model_copy(update=changes)
    elif before and removed.on_tour and before.returns == removed.leaves:
        rest[gone - 1] = before.model_copy(update={"returns": removed.returns})
    return rest
