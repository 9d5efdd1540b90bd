"""The only place that reads the wall clock; domain code takes `now` as an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""As `datetime.weekday()` counts them: Monday is 0."""


FIRST_YEAR, LAST_YEAR = 1970, 2999
"""Years of any time and day that comes in: keys have four digits, and a time at either end of Python's
calendar has no local time in half of all zones (ours)."""


def is_plausible(when: date) -> bool:
    """Whether a time or a day lies where the platform works.

    >>> is_plausible(date(1, 1, 1)), is_plausible(datetime(2025, 6, 10, tzinfo=UTC))
    (False, True)
    """
    return FIRST_YEAR <= when.year <= LAST_YEAR


def is_zone(name: str) -> bool:
    """Whether a name is that of a time zone in the IANA database.

    >>> is_zone("Africa/Johannesburg"), is_zone("Johannesburg"), is_zone("../etc/passwd"), is_zone("\\x00")
    (True, False, False, False)
    """
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not known; a folder of the database; no name at all
        return False
    return True


def local_and_utc(moment: datetime, zone: str, form: str = "%a %d %b %H:%M") -> str:
    """A moment for people: the time at the site with its zone's name, and UTC beside it; only UTC where the
    zone is not known. `form` ends with the time of day.

    >>> local_and_utc(datetime(2026, 11, 30, 13, 25, tzinfo=UTC), "America/New_York")
    'Mon 30 Nov 08:25 America/New_York (13:25 UTC)'
    >>> local_and_utc(datetime(2026, 11, 30, 3, 25, tzinfo=UTC), "America/New_York")
    'Sun 29 Nov 22:25 America/New_York (Mon 30 Nov 03:25 UTC)'
    >>> local_and_utc(datetime(2026, 11, 30, 13, 25, tzinfo=UTC), "")
    'Mon 30 Nov 13:25 UTC'
    """
    utc = moment.astimezone(UTC)
    if zone in ("", "UTC") or not is_zone(zone):
        return f"{utc:{form}} UTC"
    local = moment.astimezone(ZoneInfo(zone))
    beside = f"{utc:%H:%M}" if utc.date() == local.date() else f"{utc:%a %d %b %H:%M}"
    return f"{local:{form}} {zone} ({beside} UTC)"


def utc_now() -> datetime:
    """The current time, with its zone."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with a `Z`, to the second: the one format of times in our documents.

    >>> iso(datetime.fromisoformat("2025-06-10T10:00:00.7+02:00"))
    '2025-06-10T08:00:00Z'
    """
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The moment in an ISO 8601 text, as `iso` writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
