"""`configs/operations/routines.yaml`: when the routines run, and where a day begins."""

from __future__ import annotations

from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from ona.config.fields import Zone
from ona.config.files import ConfigFile
from ona.documents.base import Document

Kind = Literal["health", "midday", "closing", "summary", "weekly"]
"""*Closing* is the summary of the whole day before."""
KINDS: tuple[Kind, ...] = get_args(Kind)
At = Annotated[
    str,
    StringConstraints(
        pattern=r"^((monday|tuesday|wednesday|thursday|friday|saturday|sunday) )?([01]\d|2[0-3]):[0-5]\d$"
    ),
]
"""A time of each day, or of one day of the week."""


class Routines(Document):
    """The file."""

    timezone: Zone = Field(description="of the IANA database; a day is from midnight to midnight there")
    times: dict[Kind, At] = Field(description="when each routine runs")
    midday_hours: int = Field(ge=1, le=24, description="full hours that the midday review looks at")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)


FILE = ConfigFile("operations/routines.yaml", Routines)


def routines() -> Routines:
    """The file. Raises InvalidConfiguration."""
    return FILE.read()
