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
