"""Times and days as reasons say them. A clock time is UTC and says so; a day without one is the site's.

>>> from datetime import UTC
>>> clock(datetime(2025, 6, 17, 11, 5, tzinfo=UTC))
'Tuesday 17 June 11:05 UTC'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ona.repairs.crews import Booking, Crew, Work
from ona.runtime.words import listed

MOST_NAMED = 10
"""Days, assets and crews that one reason names (ours)."""


def clock(moment: datetime) -> str:
    """A moment, as orders, messages and tables say it too."""
    return f"{moment.astimezone(UTC):%A %-d %B %H:%M} UTC"


def later_days(booking: Booking, work: Work) -> str:
    """The days of a visit after its first, in words; "no other day" of a visit of one day."""
    zone = ZoneInfo(work.zone)
    later = [f"{time.start.astimezone(zone):%-d %B}" for time in booking.times[1:]]
    return listed(later, MOST_NAMED) or "no other day"


def away(work: Work, crews: Sequence[Crew], first: datetime, last: datetime) -> list[str]:
    """Which of some crews are away on days from `first` to `last`, at the work's site, and why."""
    zone = ZoneInfo(work.zone)
    begin, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    return [
        f"{crew.crew_id} is away {_span(absence.first, absence.last)} ({absence.why.strip() or 'away'})"
        for crew in crews
        for absence in crew.away
        if absence.first <= end and absence.last >= begin
    ][:MOST_NAMED]


def _span(first: date, last: date) -> str:
    return f"on {first:%-d %B}" if first == last else f"from {first:%-d %B} to {last:%-d %B}"
