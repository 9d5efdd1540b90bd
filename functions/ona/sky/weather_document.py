"""One provider's answer in our own names and units, as JSON; large, so it travels by S3 pointer.

>>> Place.of(-26.23, 28.04).place_id
'-26.2_28.0'
>>> plausible("temperature_c", 21), plausible("temperature_c", 900.0)
(21.0, None)
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from ona.documents.base import Document
from ona.runtime.words import counted

GRID_DEG = 0.1
"""Sites within the same cell of this grid (about 10 km) share one request."""

FORECAST_HOURS = 192
"""168 hours (the longest horizon of `GET /forecast`) and a day, for a forecast that is a day old."""

VARIABLES = (
    "ghi_w_m2",
    "dni_w_m2",
    "dhi_w_m2",
    "temperature_c",
    "humidity_percent",
    "cloud_cover_percent",
    "cloud_low_percent",
    "cloud_mid_percent",
    "cloud_high_percent",
    "precipitation_mm",
    "pressure_hpa",
    "wind_speed_m_s",
    "wind_direction_deg",
    "wind_speed_hub_m_s",
    "cloud_water_kg_m2",
    "cloud_ice_kg_m2",
    "longwave_w_m2",
    "toa_net_w_m2",
)
"""Irradiance is the mean of the hour that ends at the time; precipitation its sum; the rest instants.
`wind_speed_hub_m_s` is the wind 80 to 120 m up, whichever the provider has. Low clouds lie below 3 km, high
ones above 8 km. A document holds what its provider has; the last four come from none of ours."""

_PLAUSIBLE = {
    "ghi_w_m2": (0.0, 1600.0),
    "dni_w_m2": (0.0, 1500.0),
    "dhi_w_m2": (0.0, 1200.0),
    "temperature_c": (-80.0, 65.0),
    "humidity_percent": (0.0, 120.0),
    "cloud_cover_percent": (0.0, 100.0),
    "cloud_low_percent": (0.0, 100.0),
    "cloud_mid_percent": (0.0, 100.0),
    "cloud_high_percent": (0.0, 100.0),
    "precipitation_mm": (0.0, 500.0),
    "pressure_hpa": (400.0, 1100.0),
    "wind_speed_m_s": (0.0, 120.0),
    "wind_direction_deg": (0.0, 360.0),
    "wind_speed_hub_m_s": (0.0, 150.0),
}
"""Least and greatest value that can be measured on Earth, in each variable's unit: beyond records, so that
only errors are dropped."""
_OTHERWISE = (-1e5, 1e5)
"""Of a variable without bounds of its own (ours): beyond is no weather."""


class Place(Document):
    """A cell of the weather grid, degrees north and east."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)

    @classmethod
    def of(cls, latitude: float, longitude: float) -> Place:
        """The cell around a point."""
        return cls(
            latitude=round(round(latitude / GRID_DEG) * GRID_DEG, 4) + 0.0,
            longitude=round(round(longitude / GRID_DEG) * GRID_DEG, 4) + 0.0,
        )

    @property
    def place_id(self) -> str:
        """Its name in keys of tables and objects, like `-26.2_28.0`."""
        return f"{self.latitude:.1f}_{self.longitude:.1f}"


class WeatherDocument(Document):
    """Hours of weather at a place. Every variable has one value an hour; None where it is unknown."""

    place: Place
    provider: str
    kind: Literal["forecast", "history"]
    fetched_at: datetime
    hours: list[datetime]
    values: dict[str, list[float | None]]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(b <= a for a, b in zip(self.hours, self.hours[1:], strict=False)):
            raise ValueError("hours must rise")
        if any(hour.tzinfo is None for hour in self.hours):
            raise ValueError("hours must carry a zone")
        for name, series in self.values.items():
            if name not in VARIABLES:
                raise ValueError(f"{name} is no weather variable")
            if len(series) != len(self.hours):
                raise ValueError(
                    f"{name} has {counted(len(series), 'value')} for {counted(len(self.hours), 'hour')}"
                )
        return self

    def age(self, now: datetime) -> timedelta:
        """How long ago it was fetched."""
        return now - self.fetched_at


def plausible(name: str, value: object) -> float | None:
    """A provider's number, or None when it is missing or cannot be (NaN, a wind of 900 m/s)."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    number = float(value)
    low, high = _PLAUSIBLE.get(name, _OTHERWISE)
    return number if math.isfinite(number) and low <= number <= high else None


def document_in(body: bytes) -> WeatherDocument:
    """A stored document; a value that cannot be is left out, whoever wrote it.

    Raises ValueError for what is no document of weather, and for one without an hour.
    """
    document = WeatherDocument.model_validate_json(body)
    if not document.hours:
        raise ValueError("it has no hour")
    values = {name: [plausible(name, value) for value in own] for name, own in document.values.items()}
    return document.model_copy(update={"values": values})


def joined(parts: list[WeatherDocument]) -> WeatherDocument:
    """Several documents of one place as one; where two have the same hour, the later document counts."""
    hours: dict[datetime, dict[str, float | None]] = {}
    for part in parts:
        for position, hour in enumerate(part.hours):
            hours[hour.astimezone(UTC)] = {name: series[position] for name, series in part.values.items()}
    names = [name for name in VARIABLES if any(name in part.values for part in parts)]
    ordered = sorted(hours)
    last = parts[-1]
    return WeatherDocument(
        place=last.place,
        provider=last.provider,
        kind=last.kind,
        fetched_at=min(part.fetched_at for part in parts),
        hours=ordered,
        values={name: [hours[hour].get(name) for hour in ordered] for name in names},
    )
