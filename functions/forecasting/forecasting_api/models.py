"""What the API takes and gives, as models: they validate, and they make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from forecasting.documents import ForecastDocument
from ona.api.envelope import Envelope
from ona.api.strict import JsonNumber, Moment
from ona.documents.base import Document
from ona.documents.names import CUSTOMER_PATTERN, SITE_PATTERN

MAX_UPLOAD_BYTES = 100_000_000
"""Bytes; `max_file_size_mb` of configs/services.yaml refuses more."""

CustomerId = Annotated[
    str, Field(pattern=CUSTOMER_PATTERN, description="Your customer id", examples=["customer-001"])
]
SiteId = Annotated[str, Field(pattern=SITE_PATTERN, description="A site of yours", examples=["site-001"])]

SizeBytes = Annotated[
    Annotated[int, Field(ge=1, le=MAX_UPLOAD_BYTES), JsonNumber] | None,
    Field(description="Exact size of the file; when given, S3 takes no other"),
]


class TrainMetadata(Document):
    """What a history file contains: its site, and the time from `start_date` to `end_date` (with zone)."""

    site_id: SiteId
    start_date: Moment
    end_date: Moment
    size_bytes: SizeBytes = None

    @model_validator(mode="after")
    def _ordered(self) -> TrainMetadata:
        if self.end_date <= self.start_date:
            raise ValueError("end_date must be after start_date")
        return self


class TrainUpload(Document):
    """Asks for a place to upload history to."""

    customer_id: CustomerId
    data_type: Literal["historical"]
    metadata: TrainMetadata


class NowcastMetadata(Document):
    """What a nowcast file contains: its site, and its `timestamp` (with time zone)."""

    site_id: SiteId
    timestamp: Moment
    size_bytes: SizeBytes = None


class NowcastUpload(Document):
    """Asks for a place to upload recent telemetry to."""

    customer_id: CustomerId
    data_type: Literal["nowcast"]
    metadata: NowcastMetadata


class UploadTarget(Document):
    """Where to PUT the file, once, with exactly these headers.

    A second PUT is answered with 412: the file is there. A corrected file needs an `upload_id` of its own.
    """

    upload_url: str
    expires_in: int = Field(description="seconds")
    upload_id: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str]
    max_bytes: int = MAX_UPLOAD_BYTES


class ForecastPage(ForecastDocument):
    """A site's forecast, or the sum of a page of sites."""

    next: str | None = Field(
        default=None,
        description="of a sum: put it into `next` of the following request; none: that was all",
    )


class DayAccuracy(Document):
    """How good the day-ahead forecast of one UTC day was, over daylight."""

    day: str
    forecast_id: str
    issued_at: datetime
    model_version: str
    source: str = Field(description="what forecast: model, physical, usual; empty of earlier versions")
    hours: int
    accuracy_percent: float
    mae_kw: float
    bias_kw: float = Field(description="forecast less measured")
    skill: float | None = Field(description="1 - MAE / MAE of 24-hour clear-sky persistence")
    coverage_80_percent: float
    coverage_95_percent: float


class MonthAccuracy(Document):
    """The measured days of one month, pooled by the hour."""

    month: str
    days: int
    hours: int
    mae_kw: float
    bias_kw: float
    coverage_80_percent: float
    coverage_95_percent: float


class LevelShare(Document):
    """How often power was at or below the forecast of one level."""

    level_percent: float
    hours: int
    at_or_below: int
    observed_percent: float
    low_percent: float = Field(description="Wilson's interval of 95 %, as if hours were independent")
    high_percent: float


class LeadAccuracy(Document):
    """Forecasts of one lead, pooled by the hour."""

    lead: Literal["first_hours", "day_ahead", "two_days"] = Field(
        description="up to 6 h before; 6 h before the day began; 30 h before it"
    )
    days: int
    hours: int
    mae_kw: float
    bias_kw: float
    pinball_kw: float = Field(description="mean loss at levels 2.5, 10, 50, 90, 97.5 %")
    width_80_kw: float
    width_95_kw: float
    reliability: list[LevelShare]


class AccuracyReport(Document):
    """How good a site's forecasts were from one day to another, both included (UTC)."""

    customer_id: str
    site_id: str
    first_day: str
    last_day: str
    capacity_kw: float | None
    measured_days: int
    hours: int
    mae_kw: float | None
    mae_percent: float | None = Field(description="of capacity")
    bias_kw: float | None
    reference_mae_kw: float | None = Field(description="24-hour clear-sky persistence, where it is known")
    skill: float | None
    coverage_80_percent: float | None
    coverage_95_percent: float | None
    months: list[MonthAccuracy]
    leads: list[LeadAccuracy]
    days: list[DayAccuracy]
    reliability_svg: str = Field(description="the reliability diagram of the day-ahead forecasts")
    unreadable: list[str] = Field(description="days whose record cannot be read")


AccuracyAnswer = Envelope[AccuracyReport]


class ServedSite(Document):
    """What serves a site, as its next forecast will say it (`metadata` has the same names)."""

    site_id: str
    model_version: str = Field(description="a version of your model, or `physics`")
    model_since: datetime | None = Field(description="since when it serves the site, where that is known")
    model_reason: str = Field(description="why it serves the site, in a sentence")
    degraded: list[str] = Field(description="names of what is missing, as in a forecast")


class SitesPage(Document):
    """Your sites that have sent data, by id."""

    customer_id: str
    sites: list[ServedSite]
    next: str | None = Field(
        default=None, description="put it into `next` of the following request; none: that was all"
    )


ForecastAnswer = Envelope[ForecastPage]
SitesAnswer = Envelope[SitesPage]
UploadAnswer = Envelope[UploadTarget]
