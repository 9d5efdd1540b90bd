"""Event logs as they are kept: `events/…` in the output bucket."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from ona.documents.base import Document

OPEN_FOR = timedelta(hours=24)
"""An event whose end nobody logged is taken to last so long, or to the last entry of its log (ours)."""


class StoredEvent(Document):
    """One event of an asset, as it was logged; what it means is decided when an asset is judged.

    Without `start` it is the end of an event that another file began. Without `end` it was still there at
    `seen`, the last time in its log.
    """

    code: str = ""
    text: str = ""
    category: str = Field(default="", description="the log's own")
    severity: str = Field(default="", description="the log's own")
    start: datetime | None = None
    end: datetime | None = None
    seen: datetime

    @property
    def begins(self) -> datetime:
        """When it began; of one without a start, when it ended."""
        return self.start or self.end or self.seen

    @property
    def lasts_to(self) -> datetime:
        """When it ended, or to when it is taken to last."""
        return self.end or max(self.begins + OPEN_FOR, self.seen)


class EventsOfMonth(Document):
    """What one log says of an asset in a month (`events/site=…/month=…/<asset>/<file>.json`)."""

    asset_id: str
    source: str = Field(description="key of the log in the input bucket")
    events: list[StoredEvent]


class EventsOfFile(Document):
    """The objects that a log wrote, so that its next version can take them back."""

    source: str
    keys: list[str]
