"""What Fill reads and writes. Every object is whole, and the same on every attempt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pandas as pd

from forecasting.documents import FillReport, SiteDocument
from forecasting.layout import FILL_REPORT, TRAINING_ENRICHED, TRAINING_HOURLY
from forecasting.payloads import FillRequest
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.sky import weather_frames
from ona.sky.weather_document import WeatherDocument
from ona.store import parquet, s3
from ona.store.layout import TELEMETRY

NEEDED = ("timestamp", "asset_id", "power_kw")
"""Columns without which staged telemetry is none."""


def load(request: FillRequest) -> tuple[SiteDocument, pd.DataFrame, pd.DataFrame | None]:
    """The site, its canonical telemetry in the upload, and the hourly weather frame where there is weather.

    Raises ObjectMissing, DependencyBusy, InvalidInput, which names the object that cannot be read.
    """
    upload, weather = request.upload, request.weather.weather
    site: SiteDocument = SiteDocument.read(s3.read_json(upload.site), upload.site.key)
    frame = parquet.read(upload.staged, NEEDED)
    if weather is None:
        return site, frame, None
    document = WeatherDocument.read(s3.read_json(weather), f"s3://{weather.bucket}/{weather.key}")
    return site, frame, weather_frames.frame(document)


def save_telemetry(request: FillRequest, frame: pd.DataFrame) -> list[S3Pointer]:
    """Measured readings to the telemetry store, one object a UTC day: filled values stay out of it."""
    bucket = request.upload.staged.bucket
    days: dict[date, pd.DataFrame] = dict(tuple(frame.groupby(frame["timestamp"].dt.date)))

    def write(day: date) -> S3Pointer:
        key = TELEMETRY.build(site_id=request.upload.site_id, day=day, name=f"_upload-{request.file_id}")
        return parquet.put(bucket, key, days[day])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(write, sorted(days)))


def training_pointer(request: FillRequest) -> S3Pointer | None:
    """Where the hourly training table goes; None for a nowcast, on which nothing is trained."""
    if request.kind != "historical":
        return None
    return S3Pointer(bucket=aws.environment("INPUT_BUCKET"), key=TRAINING_HOURLY.build(**_names(request)))


def save_report(request: FillRequest, report: FillReport) -> S3Pointer:
    """The report of one site of an upload."""
    return s3.write_json(
        request.upload.staged.bucket, FILL_REPORT.build(**_names(request)), report.document()
    )


def save_enriched(request: FillRequest, table: pd.DataFrame) -> None:
    """All values of the upload and site."""
    parquet.put(aws.environment("INPUT_BUCKET"), TRAINING_ENRICHED.build(**_names(request)), table)


def save_training(pointer: S3Pointer, table: pd.DataFrame) -> S3Pointer:
    """The hourly training table; written last, because its event starts the training."""
    return parquet.put(pointer.bucket, pointer.key, table)


def _names(request: FillRequest) -> dict[str, str]:
    upload = request.upload
    return {"customer_id": upload.customer_id, "site_id": upload.site_id, "file_id": request.file_id}
