"""Crews and their calendars, table `ona-platform-crews` (key `crew_id`); a crew is never booked twice.

Every crew's item carries a `version`. Whoever books writes all crews in one transaction that checks
every version it read, so a plan made on an old calendar is refused as a whole, not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, Field, model_validator

from ona.config.causes import Light
from ona.config.fields import Zone
from ona.documents.assets import Location
from ona.documents.base import S3Pointer
from ona.documents.work_orders import CrewAssignment, Job, OrderStatus, VisitDay, WorkOrder
from ona.runtime.clock import Weekday
from ona.runtime.errors import CrewBookingConflict, InvalidConfiguration, InvalidPayload
from ona.store import tables
from ona.store.items import Table, TableItem
from ona.store.unreadable import Unreadable, note

MOST_TECHNICIANS = 1_000
"""Technicians of one crew: beyond is a typing error (ours)."""
MOST_AT_ONCE = 99
"""Crews that are booked together: in one transaction with one write beside them, and DynamoDB takes 100
(Developer Guide, "TransactWriteItems"). A plan of more is made and booked by regions."""
KEEP_PAST = timedelta(days=30)
"""So long a visit that is over stays in the calendar, for people who look."""


LONGEST_HOURS = 10_000.0
"""Hours of one work (ours), far beyond any: planning computes a loss for each quarter of an hour of it."""
MOST_USD = 1e9
"""USD a day, and of a part (ours): more than any plant earns."""
MOST_GROWTH_PERCENT = 100.0
"""% a day by which a loss may grow (ours): it doubles each day, and a year of it is still a number."""
Usd = Annotated[float, Field(ge=-MOST_USD, le=MOST_USD)]


class Work(TableItem):
    """A fault to be repaired, as planning sees it. Hours and USD; `daily_usd` and `growth_percent` are its
    Energy at Risk, `standing_usd` what the asset gives a day in spite of the fault and stands still for
    while people work on it; `ready`: when its part is there; `must`: it may not be put off.

    It lies in its crew's item too, and each plan computes with all of them: what no plan can compute with
    is refused here, so that it costs one crew and not all plans."""

    finding_key: str
    finding_id: str
    asset_id: str
    site_id: str
    cause: str
    diagnostic: S3Pointer
    priority: Literal["critical", "high", "medium", "low"]
    location: Location | None
    zone: Zone
    specialization: str
    technicians: int
    equipment: list[str] = []
    hours: float = Field(gt=0, le=LONGEST_HOURS)
    hours_in_all: float = Field(
        default=0.0, description="earlier versions: all hours, where `hours` were those of a first day"
    )
    light: Light
    sunny: bool = Field(description="production follows the sun")
    known_since: AwareDatetime
    ready: AwareDatetime
    due: AwareDatetime | None = None
    must: bool
    severity: float = Field(ge=0, le=1)
    daily_usd: Usd
    growth_percent: float = Field(ge=0, le=MOST_GROWTH_PERCENT)
    standing_usd: Usd
    part: str = ""
    part_usd: Usd = 0.0
    assumed: list[str] = Field(
        default=[], description="what was not known and what was taken instead, in words"
    )


class BookedDay(TableItem):
    """A crew's time on one day of a visit of several days; the fields are those of `Booking`."""

    leaves: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    returns: AwareDatetime


class Booking(TableItem):
    """A crew's time for one job. `leaves`: its base, or the job before on the same tour; `returns`: to its
    base, or the end of the work where the tour goes on. `days`: each day of a visit of several days, empty
    for a visit of one day; the four times are then the first day's begin and the last day's end. `work`:
    what is needed to plan it anew, None where it never is."""

    finding_key: str
    finding_id: str
    asset_id: str
    site_id: str
    leaves: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    returns: AwareDatetime
    technicians: int
    specialization: str
    travel_km: float
    on_tour: bool = Field(default=False, description="it goes on from the booking before")
    booked_at: AwareDatetime | None = Field(
        default=None, description="when a plan put it into the calendar"
    )
    days: list[BookedDay] = []
    work: Work | None = None

    @property
    def times(self) -> Sequence[Booking | BookedDay]:
        """When the crew is away for it, day by day."""
        return self.days or (self,)


class Away(TableItem):
    """Days on which a crew is not there: leave, training. Both ends belong to it."""

    first: date
    last: date
    why: str = "away"

    @model_validator(mode="after")
    def _in_order(self) -> Away:
        if self.last < self.first:
            raise ValueError(f"last {self.last} is before first {self.first}")
        return self


class Crew(TableItem):
    """A crew as it stands in the table. `working_days` and `works_on_holidays` are those of a crew that
    differs from the rest (on stand-by at weekends); `equipment`: what it has with it on each day (a
    lift); `away`: when it is not there at all. A crew without base keeps its calendar, and gets no new
    visit but to sites to which its way was measured."""

    crew_id: str
    status: str = "available"
    base: Location | None = None
    specialisations: list[str] = []
    equipment: list[str] = []
    size: int = Field(ge=1, le=MOST_TECHNICIANS)
    working_days: list[Weekday] | None = Field(default=None, min_length=1)
    works_on_holidays: bool = False
    away: list[Away] = []
    version: int = 0
    bookings: list[Booking] = []


def _parsed(item: dict[str, Any], where: str) -> Crew:
    """A crew's item: an operator writes it, so a mistake in it is one of the configuration."""
    try:
        return Crew.read(item, where)
    except InvalidPayload as error:
        with suppress(InvalidPayload):
            crew = Crew.read({name: value for name, value in item.items() if name != "base"}, where)
            note(where, error)
            return crew  # a wrong base: its calendar counts all the same
        raise InvalidConfiguration(str(error)) from error


CREWS = Table("CREWS_TABLE", "crew_id", _parsed)


def load(unread: list[Unreadable] | None = None) -> list[Crew]:
    """All crews, by id. A crew whose item is wrong is left out: nobody books it and nobody changes it until
    a person mends the item; it is put into `unread` where that is given. Raises InvalidConfiguration where,
    without `unread`, no crew can be read; DependencyBusy."""
    bad: list[Unreadable] = []
    crews = CREWS.scan(bad)
    for entry in bad:
        note(entry.where, entry.why)
    if unread is not None:
        unread.extend(bad)
    elif bad and not crews:
        raise InvalidConfiguration(f"no crew can be read; {bad[0].where}: {bad[0].why}")
    return sorted(crews, key=lambda crew: crew.crew_id)


def book(
    crews: list[Crew],
    new: dict[str, list[Booking]],
    now: datetime,
    lifted: Collection[str] = (),
    *,
    together: Sequence[tables.Write] = (),
) -> None:
    """Add bookings by crew and take out those of the faults `lifted`, if no crew changed since it was
    loaded; of at most `MOST_AT_ONCE` crews. `together`: what is written with it or not at all.

    Raises CrewBookingConflict when another execution was faster: load and plan again.
    """
    if not new and not lifted:
        return
    writes = []
    for crew in crews:
        if crew.crew_id not in new and not any(b.finding_key in lifted for b in crew.bookings):
            writes.append(CREWS.unchanged(crew))
            continue
        staying = [
            booking
            for booking in crew.bookings
            if booking.returns > now - KEEP_PAST and booking.finding_key not in lifted
        ]
        added = [booking.model_copy(update={"booked_at": now}) for booking in new.get(crew.crew_id, [])]
        writes.append(CREWS.changed(crew, _with(crew, [*staying, *added])))
    if not tables.transact([*writes, *together]):
        raise CrewBookingConflict("another execution booked a crew meanwhile")


def holder(crews: Sequence[Crew], finding_key: str) -> tuple[Crew, Booking] | None:
    """The crew that has a fault's visit in its calendar, and the visit; None where nobody has.

    It is the latest one: a fault that came again has its earlier visits in the calendars too.
    """
    visits = [
        (crew, booking) for crew in crews for booking in crew.bookings if booking.finding_key == finding_key
    ]
    return max(visits, key=lambda visit: visit[1].leaves, default=None)


def unmoved(crew: Crew) -> bool:
    """Whether a crew's calendar is still as it was read: a look at one item. Raises DependencyBusy."""
    current = CREWS.get(crew.crew_id)
    return current is not None and current.version == crew.version


PlannedT = TypeVar("PlannedT", Job, WorkOrder)


def with_visit(planned: PlannedT, crew_id: str, booking: Booking) -> PlannedT:
    """A job or an order with the time and the crew of its visit."""
    crew = CrewAssignment(
        crew_id=crew_id, technician_count=booking.technicians, specialization=booking.specialization
    )
    return planned.model_copy(
        update={
            "scheduled_start": booking.start,
            "scheduled_end": booking.end,
            "crew_assignment": crew,
            "visit_days": [VisitDay(start=day.start, end=day.end) for day in booking.days],
        }
    )


def timed(job: Job, crew_id: str, booking: Booking) -> Job:
    """A job with its visit, and the way that the crew drives for it."""
    return with_visit(job, crew_id, booking).model_copy(update={"travel_km": booking.travel_km})


def follow(finding_key: str, status: OrderStatus | None) -> None:
    """What an order's new status means for its visit: one that began stays, a cancelled one is given back.

    Raises CrewBookingConflict.
    """
    if status == "IN_PROGRESS":
        pin(finding_key)
    elif status == "CANCELLED":
        release(finding_key)


def pin(finding_key: str) -> None:
    """Keep a fault's visit where it is: work has begun. Raises CrewBookingConflict."""

    def pinned(bookings: list[Booking]) -> list[Booking]:
        return [
            b.model_copy(update={"work": None}) if b.finding_key == finding_key else b for b in bookings
        ]

    _edit(finding_key, pinned)


def release(
    finding_key: str, crews: Sequence[Crew] | None = None, *, start: datetime | None = None
) -> bool:
    """Give back the time booked for a fault; False when there was none. `crews`: as the caller has read
    them, for the first try. `start`: give back only a visit that begins then.

    A fault has one visit to come at a time, whichever of its findings made it; earlier ones stay.
    Raises CrewBookingConflict when another execution keeps changing the same crew.
    """

    def released(bookings: list[Booking]) -> list[Booking]:
        own = [
            booking
            for booking in bookings
            if booking.finding_key == finding_key and start in (None, booking.start)
        ]
        return without(bookings, max(own, key=lambda booking: booking.leaves)) if own else bookings

    return _edit(finding_key, released, crews)


def _edit(
    finding_key: str,
    change: Callable[[list[Booking]], list[Booking]],
    crews: Sequence[Crew] | None = None,
) -> bool:
    """Change the calendar that has a fault's visit; False when none has. Raises CrewBookingConflict."""

    def find() -> Crew | None:
        visit = holder(load(), finding_key)
        return visit[0] if visit else None

    def changed(crew: Crew | None) -> Crew | None:
        if crew is None:
            return None
        bookings = change(crew.bookings)
        return None if bookings == crew.bookings else _with(crew, bookings)

    seen = holder(crews, finding_key) if crews is not None else None
    what = f"the calendar with the visit for {finding_key}"
    crew = CREWS.edit(what, changed, read=seen[0] if seen else None, find=find, busy=CrewBookingConflict)
    return crew is not None


def _with(crew: Crew, bookings: list[Booking]) -> Crew:
    """A crew with another calendar."""
    return crew.model_copy(update={"bookings": bookings, "version": crew.version + 1})


def without(bookings: list[Booking], removed: Booking) -> list[Booking]:
    """A calendar without one of its visits. On a tour its time goes to the visit after it, which still
    has to be reached, or, where it was the last, to the one before, whose crew still has to come home."""
    rest = sorted(bookings, key=lambda booking: booking.leaves)
    gone = rest.index(removed)
    del rest[gone]
    after = rest[gone] if gone < len(rest) else None
    before = rest[gone - 1] if gone > 0 else None
    if after and after.on_tour and after.leaves == removed.returns:
        changes = {"leaves": removed.leaves, "on_tour": removed.on_tour}
        rest[gone] = after.model_copy(update=changes)
    elif before and removed.on_tour and before.returns == removed.leaves:
        rest[gone - 1] = before.model_copy(update={"returns": removed.returns})
    return rest
