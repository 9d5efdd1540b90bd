"""The book of a machine: its days as files told them, and its incidents."""

from __future__ import annotations

from pydantic import Field

from ona.documents.base import Document
from ooda.documents.detections import (
    Basis,
    Episode,
    Geometry,
    Incident,
)


class LevelOfDay(Document):
    """What a day says of a machine against one driver (see `detect/expected.py`); None: nothing."""

    gain: float | None = None
    spread: float | None = None
    cloudy: float | None = Field(default=None, description="spread of the readings under clouds")
    shape: list[float | None] = []


class BookDay(Document):
    """One solar day of a machine as one file told it."""

    basis: Basis
    levels: dict[str, LevelOfDay]
    expected_kwh: float
    measured_kwh: float
    judged_hours: float
    top_kw: float = Field(default=0.0, description="the highest power that was due while it was judged")
    loss: float | None = Field(description="share of the expected energy that did not come, stops apart")
    volts: float | None = None
    efficiency: float | None = None
    warmth_c: float | None = None
    episodes: list[Episode]
    weak: Episode | None = Field(
        default=None,
        description="the whole day, when a little was missing: it counts if it goes on for days",
    )


class AssetBook(Document):
    """What is known of a machine over time: `incidents/<site>/<asset>.json`, one an asset.

    Days are kept by the file that told them, so that a file that comes late, out of order or twice changes
    what it says and nothing else; the incidents follow from the days.
    """

    asset_id: str
    site_id: str
    geometry: Geometry | None = None
    days: dict[str, dict[str, BookDay]] = Field(default={}, description="by date, then by the file's key")
    incidents: list[Incident] = []
