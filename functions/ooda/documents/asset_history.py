"""The asset history: the days of one asset as its files gave them, and its incidents."""

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
    """What a day says of an asset against one driver (`detect/levels.py`); None: nothing."""

    gain: float | None = None
    spread: float | None = None
    cloudy: float | None = Field(default=None, description="spread of the readings under clouds")
    shape: list[float | None] = []


class HistoryDay(Document):
    """One solar day of an asset as one file gave it.

    Energies in kWh, power in kW, `volts` in V, `warmth_c` in °C above the air, `efficiency` as AC over DC.
    """

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


class AssetHistory(Document):
    """All days and incidents of one asset: `incidents/<site>/<asset>.json`, one an asset.

    A day is filed under the key of the file that gave it. A file that comes late, out of order or twice
    thus changes what it says and nothing else. The incidents follow from the days.
    """

    asset_id: str
    site_id: str
    geometry: Geometry | None = None
    days: dict[str, dict[str, HistoryDay]] = Field(
        default={}, description="by date, then by the file's key"
    )
    incidents: list[Incident] = []
