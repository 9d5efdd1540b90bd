"""What the site layer writes: a site's record, and what each of its runs judged."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ona.documents.base import Document, S3Pointer
from ooda.documents.detections import Incident, PlantCause, Window


class GroupEvent(Document):
    """One solar day's event that machines of a plant have in common, as the group layer finds it."""

    cause: PlantCause
    window: Window
    machines: list[str]
    stops: dict[str, list[Window]] = Field(
        default={}, description="of each machine, when it stood for that; empty in older records"
    )
    lost_kwh: float
    ended: bool = Field(description="all of these machines gave power again on the same day")
    statement: str


class PlantEvent(GroupEvent):
    """An event of a plant, over days: one incident in the place of one a machine."""

    event_id: str
    site_id: str
    days: list[str]


class JudgedDay(Document):
    """A site's day as it was judged last. `absent`: registered machines that had not come, at most 50."""

    run: str
    judged_at: datetime
    machines: int
    absent: list[str] = []
    events: list[PlantEvent] = []


class SiteRecord(Document):
    """`site-days/<site>/record.json`: a site's days as they were judged last, by date."""

    site_id: str
    days: dict[str, JudgedDay] = {}

    def events(self) -> list[PlantEvent]:
        """The events of the plant, each over all of its days, in order of time."""
        whole: dict[str, PlantEvent] = {}
        for day in sorted(self.days):
            for event in self.days[day].events:
                before = whole.get(event.event_id)
                whole[event.event_id] = event if before is None else joined(before, event)
        return list(whole.values())


def joined(before: PlantEvent, later: PlantEvent) -> PlantEvent:
    """An event that goes on on a later day."""
    return later.model_copy(
        update={
            "window": Window(start=before.window.start, end=later.window.end),
            "days": [*before.days, *later.days],
            "machines": sorted({*before.machines, *later.machines}),
            "lost_kwh": round(before.lost_kwh + later.lost_kwh, 3),
        }
    )


class SupersededIncident(Document):
    """An incident that a run superseded, with whose it was."""

    incident: Incident
    site_id: str
    customer_id: str


class SiteDay(Document):
    """`site-days/<site>/<last day>/<run>.json`: what one run of the site layer judged, and what came of it.

    The same days with the same content have the same `run`. `customers`: each with its registered machines
    of the site.
    """

    run: str
    site_id: str
    days: list[str]
    judged_at: datetime
    because: str = Field(default="", description="a later fact for which the days were judged again")
    machines: int
    absent: list[str] = []
    customers: dict[str, int]
    events: list[PlantEvent] = []
    superseded: list[SupersededIncident] = []
    found: int = Field(default=0, description="actionable incidents that no file had shown")
    detection: S3Pointer | None = Field(default=None, description="the record of these, for the loop")
