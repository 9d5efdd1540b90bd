"""`configs/operations/maintenance.yaml`: maintenance windows of the platform that come again and again.

A window that is there once is opened by `ona maintenance start`, and lies in the alert log. (The assets'
own windows are another thing: the input bucket's `maintenance.json`.)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ona.config.fields import ClockTime, Zone
from ona.config.files import ConfigFile
from ona.documents.base import Document
from ona.runtime.clock import WEEKDAYS, Weekday
from operations.config.alarms import Severity


class Recurring(Document):
    """A window on the same days at the same local time. `only`: families, alarms' kinds or names (empty:
    everything); `always`: severities that are told all the same."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    days: list[Weekday] = Field(min_length=1)
    start: ClockTime
    hours: float = Field(gt=0, le=24)
    only: list[str] = []
    always: list[Severity] = []
    why: str = Field(min_length=1)

    def until(self, zone: str, now: datetime) -> datetime | None:
        """The end of the window that `now` lies in; None outside. Hours are hours of the clock on the wall.

        >>> from datetime import UTC, time
        >>> window = Recurring(name="w", days=["sunday"], start=time(22), hours=4, why="backup")
        >>> window.until("Africa/Johannesburg", datetime(2026, 11, 29, 23, tzinfo=UTC)).isoformat()
        '2026-11-30T00:00:00+00:00'
        >>> window.until("Africa/Johannesburg", datetime(2026, 11, 30, 23, tzinfo=UTC)) is None
        True
        """
        local = now.astimezone(ZoneInfo(zone))
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            begin = datetime.combine(day, self.start, ZoneInfo(zone))
            end = begin + timedelta(hours=self.hours)
            if WEEKDAYS[day.weekday()] in self.days and begin <= local < end:
                return end.astimezone(now.tzinfo)
        return None


class Maintenance(Document):
    """The file."""

    zone: Zone
    windows: list[Recurring]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({window.name for window in self.windows}) < len(self.windows):
            raise ValueError("two windows have the same name")
        return self


FILE = ConfigFile("operations/maintenance.yaml", Maintenance)


def maintenance() -> Maintenance:
    """`operations/maintenance.yaml`. Raises InvalidConfiguration."""
    return FILE.read()
