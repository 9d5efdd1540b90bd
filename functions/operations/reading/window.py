"""The days of a report: from midnight to midnight where the people are who read it.

>>> from zoneinfo import ZoneInfo
>>> day = Window.of(date(2026, 11, 28), ZoneInfo("Africa/Johannesburg"))
>>> day.start.isoformat(), day.hours
('2026-11-27T22:00:00+00:00', 24.0)
>>> [str(utc) for utc in day.utc_days()]
['2026-11-27', '2026-11-28']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Window:
    """From `start` until before `end`, UTC."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, day: date, zone: ZoneInfo, days: int = 1) -> Window:
        """`days` days of a zone, the last of which is `day`. A day is 23 or 25 hours long where the clocks
        are changed."""
        first, after = day - timedelta(days=days - 1), day + timedelta(days=1)
        return cls(_midnight(first, zone), _midnight(after, zone))

    @property
    def hours(self) -> float:
        """How long it is."""
        return (self.end - self.start) / timedelta(hours=1)

    def holds(self, moment: datetime | None) -> bool:
        """Whether a moment lies in it; one that never came does not."""
        return moment is not None and self.start <= moment < self.end

    def utc_days(self) -> list[date]:
        """The UTC days that have a part of it: under these lies what is kept by UTC day."""
        first, last = self.start.date(), (self.end - timedelta(microseconds=1)).date()
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
