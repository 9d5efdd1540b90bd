"""Whether a timer missed a time while it was off. Pure.

EventBridge makes up for no time that came while a rule or a schedule was off (EventBridge Scheduler User
Guide, "Managing a schedule": a schedule that is disabled starts nothing). So a resume runs once what missed
a time, and nothing else: five reports of the day after a stop of two minutes are load, and no work.
The fields of a cron are those of the same guide, "Schedule types".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_NAMES = {
    name: str(number)
    for names in ("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", "SUN MON TUE WED THU FRI SAT")
    for number, name in enumerate(names.split(), 1)
}
_LEAST = (0, 0, 1, 1, 1, 1970)
"""The least value of each field: minutes, hours, day of the month, month, day of the week, year."""
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def missed(expression: str, zone: str, since: datetime, until: datetime) -> bool:
    """Whether a time of a timer lay between `since` and `until`, UTC.

    True for what cannot be reckoned: a rate, which AWS counts from a moment that it does not tell, and
    the signs L, W and # of a cron. To run once too often is well: a timer's tasks look at what is due.

    >>> two = datetime(2026, 11, 28, 18, 37, tzinfo=UTC), datetime(2026, 11, 28, 18, 39, tzinfo=UTC)
    >>> missed("cron(0 8 * * ? *)", "UTC", *two), missed("cron(38 * * * ? *)", "UTC", *two)
    (False, True)
    >>> missed("rate(15 minutes)", "UTC", *two)
    True
    """
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return True
    fields = cron.groups()
    place, at = ZoneInfo(zone or "UTC"), since.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    try:
        while at <= until:
            if _comes(fields, at.astimezone(place)):
                return True
            at += _MINUTE
    except ValueError:
        return True
    return False


def _comes(fields: tuple[str | None, ...], at: datetime) -> bool:
    """Whether a cron comes in a minute on the wall. Raises ValueError for a sign that is not known here."""
    weekday = at.isoweekday() % 7 + 1  # Sunday is 1
    moment = (at.minute, at.hour, at.day, at.month, weekday, at.year)
    return all(
        _holds(str(field), value, least) for field, value, least in zip(fields, moment, _LEAST, strict=True)
    )


def _holds(field: str, value: int, least: int) -> bool:
    if field in ("*", "?"):
        return True
    return any(_in_part(part, value, least) for part in field.upper().split(","))


def _in_part(part: str, value: int, least: int) -> bool:
    for name, number in _NAMES.items():
        part = part.replace(name, number)
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(part)
    first, last, step = found.groups()
    low = int(first or least)
    high = int(last) if last else (low if first and not step else 9999)
    return low <= value <= high and (value - low) % int(step or 1) == 0
