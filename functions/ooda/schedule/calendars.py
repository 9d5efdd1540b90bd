"""On which days a crew works at a site: its weekdays, the country's public holidays, its own absences.

>>> country_of("Africa/Johannesburg")
'ZA'
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import holidays

from ona.repairs.crews import Crew
from ona.runtime.clock import WEEKDAYS
from ooda.config.loss_function import WorkingHours

MOST_CLOSED = 31
"""Days without work one after the other, at most (ours)."""


def why_closed(day: date, zone: str, crew: Crew, hours: WorkingHours) -> str:
    """Why a crew does not work on a day at a site of that time zone, in a few words; "" when it does."""
    for absence in crew.away:
        if absence.first <= day <= absence.last:
            return absence.why.strip() or "away"
    weekday = WEEKDAYS[day.weekday()]
    if weekday not in (crew.working_days or hours.days):
        return weekday.capitalize()
    if hours.public_holidays and not crew.works_on_holidays:
        return _holidays(country_of(zone), day.year).get(day, "")
    return ""


def end_of_working_day(after: datetime, zone: str, hours: WorkingHours) -> datetime:
    """The end of the first whole working day at a site that begins at or after a moment; all crews' usual
    days, without anybody's absences."""
    tz = ZoneInfo(zone)
    day = after.astimezone(tz).date()
    if datetime.combine(day, hours.start, tz) < after:
        day += timedelta(days=1)
    for _ in range(MOST_CLOSED):
        closed = hours.public_holidays and day in _holidays(country_of(zone), day.year)
        if WEEKDAYS[day.weekday()] in hours.days and not closed:
            break
        day += timedelta(days=1)
    return datetime.combine(day, hours.end, tz).astimezone(UTC)


@cache
def country_of(zone: str) -> str:
    """ISO 3166 code of the country that a time zone is of, "" where it is nobody's (UTC) or an old alias.

    Source: `zone.tab` of the IANA time zone database.
    """
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text()
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((row[0] for row in rows if row[2] == zone), "")


@cache
def _holidays(country: str, year: int) -> dict[date, str]:
    """National holidays; a country that the library `holidays` lacks has none."""
    try:
        return dict(holidays.country_holidays(country, years=year)) if country else {}
    except NotImplementedError:
        return {}
