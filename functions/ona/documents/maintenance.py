"""The maintenance calendar, `maintenance.json` in the input bucket: planned work that stops machines.

>>> work = {"asset_id": "INV-001", "start": "2025-06-10T08:00:00Z", "end": "2025-06-10T12:00:00Z"}
>>> MaintenanceCalendar.read({"windows": [work]}).windows[0].share
1.0
"""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from ona.documents.base import Document


class PlannedWork(Document):
    """Planned work on one asset, from `start` to `end`; `share` of its power is out meanwhile."""

    asset_id: str
    start: AwareDatetime
    end: AwareDatetime
    share: float = Field(default=1.0, gt=0, le=1)
    note: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        return self


class MaintenanceCalendar(Document):
    """All planned work that the operator wrote down."""

    windows: list[PlannedWork] = []
