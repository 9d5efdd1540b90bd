"""Times of an event log as instants in UTC. A time that can be read in two ways is never guessed at."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pandas as pd

from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.readings import Quality
from ona.telemetry.timestamps import parse_timestamps

_DAY_FIRST = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})[ T,]*(.*)$")
_SLASHES = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})[ T,]*(.*)$")
_YEAR_FIRST = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T,]*(.*)$")
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?\s*([AaPp]\.?[Mm]\.?)?\s*(.*)$")
_OFFSET = re.compile(r"^(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d{2})?$", re.IGNORECASE)
_UTC = {"utc", "gmt", "z", "zulu", "universal"}
_PREAMBLE_ZONE = re.compile(
    r"(?:time ?zone|zeitzone|zona horaria)\W{1,4}([A-Za-z0-9/_+:-]+)", re.IGNORECASE
)
_TZDATA = "use a name of the IANA list such as Europe/Berlin, an offset such as UTC+02:00, or UTC"


def zone_named(name: str, where: str) -> tzinfo:
    """The zone of a name. Raises InvalidTelemetry for one that nobody knows."""
    name = name.strip()
    if name.lower() in _UTC:
        return UTC
    offset = _OFFSET.match(name)
    if offset:
        minutes = 60 * int(offset[2]) + int(offset[3] or 0)
        if minutes <= 14 * 60:
            return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidTelemetry(
            "time_zone_unknown", f"{name[:60]!r} is no time zone", where=where, remedy=_TZDATA
        ) from error


def zone_in(preamble: str) -> str:
    """The zone that the lines before the header name; "" where they name none.

    >>> zone_in("# Plant: Karoo\\n# Time zone: Africa/Johannesburg")
    'Africa/Johannesburg'
    """
    match = _PREAMBLE_ZONE.search(preamble)
    return match[1] if match else ""


def instants(texts: pd.Series, zone: tzinfo | None, quality: Quality, where: str) -> pd.Series:
    """Texts as instants in UTC, shape (n,); what is no time becomes NaT and is counted.

    `zone`: of texts without an offset. Raises InvalidTelemetry where they need one and there is none, and
    where nothing tells day from month.
    """
    texts = texts.astype("string").str.strip()
    texts = texts.where(texts != "")
    slashed = texts.dropna().str.extract(_SLASHES.pattern).dropna(subset=[0])
    month_first = _month_first(slashed, where) if len(slashed) else False
    iso = texts.map(lambda text: _iso(text, month_first), na_action="ignore").astype("string")
    bare = iso.str.contains(r"^\d{4}-\d\d-\d\dT[\d:.]+$", na=False)
    if zone is None and bare.any() and 2 * bare.sum() > texts.notna().sum():
        raise InvalidTelemetry(
            "time_without_zone",
            f"{int(bare.sum())} of {int(texts.notna().sum())} times carry no zone, "
            f"as {texts[bare].iloc[0]!r}: they may be hours off",
            where=where,
            remedy="write times with their offset (2025-01-15T10:00:00Z), or name the zone in the header: "
            "`start (UTC)`, `start (Europe/Berlin)`",
        )
    if isinstance(zone, ZoneInfo) or zone is None:
        return parse_timestamps(iso, _silent(quality), zone)
    offset = "Z" if zone is UTC else f"{zone}".removeprefix("UTC")
    return parse_timestamps(iso.where(~bare, iso + offset), _silent(quality))


class _NoMissing(Quality):
    """Counts what is wrong with times; a missing one is none."""

    def reject(self, reason: str, count: int) -> None:
        if reason != "timestamp_missing":
            super().reject(reason, count)


def _silent(quality: Quality) -> Quality:
    return _NoMissing(rejected=quality.rejected, offsets=quality.offsets)


def _month_first(parts: pd.DataFrame, where: str) -> bool:
    """Whether dates with slashes are written month/day. Raises InvalidTelemetry where both are possible."""
    first, second = parts[0].astype(int), parts[1].astype(int)
    if (first > 12).any() == (second > 12).any():
        example = f"{first.iloc[0]}/{second.iloc[0]}/{parts[2].iloc[0]}"
        both = (
            "some are day/month and some month/day" if (first > 12).any() else "day or month may come first"
        )
        raise InvalidTelemetry(
            "dates_ambiguous",
            f"dates such as {example} can be read in two ways: {both}",
            where=where,
            remedy="write dates as 2025-01-15 or 15.01.2025",
        )
    return bool((second > 12).any())


def _iso(text: str, month_first: bool) -> str:
    """A date and a time of day in ISO 8601; another text as it is.

    >>> _iso("15.01.2025 10:00", False), _iso("1/15/2025 2:05:09 PM", True)
    ('2025-01-15T10:00:00', '2025-01-15T14:05:09')
    >>> _iso("2025-01-15 10:00 UTC", False)
    '2025-01-15T10:00:00Z'
    """
    text = text[:60]
    if match := _YEAR_FIRST.match(text):
        year, month, day, rest = match.groups()
    elif match := _DAY_FIRST.match(text):
        day, month, year, rest = match.groups()
    elif match := _SLASHES.match(text):
        day, month, year, rest = match.groups()
        day, month = (month, day) if month_first else (day, month)
    else:
        return text
    clock = _CLOCK.match(rest.strip()) if rest.strip() else _CLOCK.match("0:00")
    if not clock:
        return text
    hour, half = int(clock[1]), (clock[4] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    zone = clock[5].strip()
    zone = "Z" if zone.lower() in _UTC else zone.removeprefix("UTC").removeprefix("GMT").replace(" ", "")
    seconds = (clock[3] or "00").replace(",", ".")
    return f"{year}-{int(month):02d}-{int(day):02d}T{hour:02d}:{clock[2]}:{seconds}{zone}"


_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
}
_UNITS |= {
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}
"""Seconds in a unit of a duration."""
_NUMBER = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
_HMS = re.compile(r"^\s*(?:(\d+)\s*(?:d|days?)?[ ,.]+)?(\d+):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?\s*$")


def seconds_of(text: str, unit: str) -> float | None:
    """A duration in seconds; None for what is none, or a number whose unit nobody named.

    >>> [seconds_of(text, "") for text in ("600 s", "10 min", "1 day, 00:10:00", "0:10:00", "600", "-5 s")]
    [600.0, 600.0, 87000.0, 600.0, None, None]
    """
    if match := _NUMBER.match(text):
        factor = _UNITS.get((match[2] or unit).lower())
        return None if factor is None else float(match[1].replace(",", ".")) * factor
    if match := _HMS.match(text):
        days, hours, minutes, seconds = match.groups()
        total = 60.0 * (60.0 * (24.0 * int(days or 0) + int(hours)) + int(minutes))
        return total + float((seconds or "0").replace(",", "."))
    return None
