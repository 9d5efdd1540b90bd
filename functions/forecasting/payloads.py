"""What travels between the states of `forecast_upload`, `forecast_training` and `forecast_schedule`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from forecasting.layout import SITE_KEY_PATTERN
from ona.documents.base import Document, S3Pointer
from ona.documents.names import CUSTOMER_PATTERN, SITE_PATTERN

VERSION_PATTERN = r"^v\d{12}-[0-9a-f]{8}$"
"""A version of a model: the minute (UTC) its training began, and the beginning of its uploads' digest."""


class IngestRequest(Document):
    """Input of Ingest: an upload under `historical/` or `nowcast/`."""

    source: S3Pointer
    file_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    execution_id: str = Field(min_length=1)


class SiteUpload(Document):
    """What an upload holds of one site: `staged` is canonical telemetry, `site` the site's document."""

    customer_id: str = Field(pattern=CUSTOMER_PATTERN)
    site_id: str = Field(pattern=SITE_PATTERN)
    site: S3Pointer
    staged: S3Pointer
    start: datetime
    end: datetime
    unmeasured: list[str] = Field(default=[], description="columns of the contract without a value")


class IngestResult(Document):
    """Output of Ingest."""

    kind: Literal["historical", "nowcast"]
    file_id: str
    source_profile: str
    sites: list[SiteUpload]
    rows_used: int = Field(ge=0)
    rows_rejected: int = Field(ge=0)
    unmeasured: list[str] = Field(default=[], description="columns of the contract without a value")


class WeatherRequest(Document):
    """Input of FetchWeather."""

    upload: SiteUpload


class WeatherResult(Document):
    """Output of FetchWeather. Without weather the upload goes on; `reason` says why there is none."""

    weather: S3Pointer | None
    provider: str = ""
    reason: str = ""


class FillRequest(Document):
    """Input of Fill: one site of an upload, with its weather."""

    kind: Literal["historical", "nowcast"]
    file_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    upload: SiteUpload
    weather: WeatherResult


class FillResult(Document):
    """Output of Fill: what was published."""

    customer_id: str
    site_id: str
    report: S3Pointer
    training: S3Pointer | None
    days: int = Field(ge=0)
    gaps: int = Field(ge=0)
    filled_percent: float = Field(ge=0, le=100)
    unmeasured: list[str] = Field(default=[], description="columns of the contract without a value")


class PrepareRequest(Document):
    """Input of Prepare: the object under `training/` that asks for a model."""

    task: Literal["prepare"]
    source: S3Pointer
    started: datetime
    execution_id: str = Field(min_length=1)


class PrepareResult(Document):
    """Output of Prepare. `folds` are the numbers of the rolling-origin windows; `unreadable` says which
    stored objects were left out, and why."""

    status: Literal["ready", "nothing_new", "too_little", "unreadable"]
    reason: str = ""
    customer_id: str
    version: str = ""
    folds: tuple[int, ...] = ()
    run_in: Literal["function", "container"] = "function"
    unreadable: tuple[str, ...] = ()


class FoldRequest(Document):
    """Input of EvaluateFold: train on what came before a window, forecast the window."""

    task: Literal["fold"]
    customer_id: str = Field(pattern=CUSTOMER_PATTERN)
    version: str = Field(pattern=VERSION_PATTERN)
    fold: int = Field(ge=0)


class TrainRequest(Document):
    """Input of Train: the candidate, on all rows."""

    task: Literal["train"]
    customer_id: str = Field(pattern=CUSTOMER_PATTERN)
    version: str = Field(pattern=VERSION_PATTERN)


class DecideRequest(Document):
    """Input of Decide: the candidate against the model in service, on days that neither has seen."""

    task: Literal["decide"]
    customer_id: str = Field(pattern=CUSTOMER_PATTERN)
    version: str = Field(pattern=VERSION_PATTERN)


class StepResult(Document):
    """Output of EvaluateFold and Train."""

    customer_id: str
    version: str
    rows: int = Field(ge=0)
    seconds: float = Field(ge=0)


class DecideResult(Document):
    """Output of Decide."""

    customer_id: str
    version: str
    decision: Literal["promoted", "kept"]
    reason: str
    card: S3Pointer
    sites: tuple[str, ...]
    pinball_percent: float | None = None
    in_service: str = ""


class ForecastRequest(Document):
    """Input of Forecast: one site, as its document's key, or as customer and site."""

    task: Literal["forecast"]
    site_key: str = Field(pattern=SITE_KEY_PATTERN)


class ForecastResult(Document):
    """Output of Forecast."""

    customer_id: str
    site_id: str
    forecast: S3Pointer
    degraded: list[str]


class AccuracyRequest(Document):
    """Input of MeasureAccuracy: one site, one UTC day that is over."""

    task: Literal["accuracy"]
    site_key: str = Field(pattern=SITE_KEY_PATTERN)
    day: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class AccuracyResult(Document):
    """Output of MeasureAccuracy; no accuracy where forecast or telemetry is missing."""

    customer_id: str
    site_id: str
    accuracy_percent: float | None
    report: S3Pointer | None
    reason: str = ""
