"""The only place that reads the wall clock; domain code takes `now` as an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, get_args

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""As `datetime.weekday()` counts them: Monday is 0."""


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
