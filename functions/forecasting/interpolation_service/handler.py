"""Fill: one site of an upload in; gaps filled, telemetry and (historical) training data published.

Writes, each whole and the same on every attempt: `telemetry/site=…/day=…/_upload-<file id>.parquet`,
`training/<customer>/<site>/enriched/<file id>.parquet`, the report, and last
`training/<customer>/<site>/hourly/<file id>.parquet`, whose event starts the training.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd

from forecasting.documents import FillReport, SiteDocument
from forecasting.interpolation_service import fill, publish
from forecasting.interpolation_service.learner import boosted
from forecasting.payloads import FillRequest, FillResult
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.observability import MetricUnit, count, handler, logger
from ona.sky import weather_frames as weather_frames
from ona.sky.weather_document import WeatherDocument
from ona.store import parquet, s3


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = FillRequest.read(event, "event")
    upload, output = request.upload, request.upload.staged.bucket
    document: SiteDocument = SiteDocument.read(s3.read_json(upload.site), upload.site.key)
    site = publish.site_of(document)
    frame = parquet.load(s3.read_bytes(upload.staged))
    grid = publish.grid(frame)
    hourly = _weather(request.weather.weather)
    end = pd.DatetimeIndex(grid.power.index)
    fine = weather_frames.at_interval(hourly, end, site.plane, grid.minutes) if hourly is not None else None
    capacities = {name: document.assets[name] for name in map(str, grid.power.columns)}
    result = fill.fill(grid.power, grid.reported, capacities, site, fine, boosted)
    stored = _store(frame, document, output, request.file_id)
    training = None
    base = f"training/{document.customer_id}/{document.site_id}"
    if request.kind == "historical":
        bucket = aws.environment("INPUT_BUCKET")
        table = publish.enriched(grid, result, fine, site)
        parquet.put(bucket, f"{base}/enriched/{request.file_id}.parquet", table)
        training = S3Pointer(bucket=bucket, key=f"{base}/hourly/{request.file_id}.parquet")
    methods = pd.concat([pd.Series(asset.method) for asset in result.assets.values()])
    counts = {str(name): int(number) for name, number in methods.value_counts().items()}
    gaps, unlisted = publish.gap_records(result)
    days = publish.days_with_power(frame)
    report = FillReport(
        file_id=request.file_id,
        customer_id=document.customer_id,
        site_id=document.site_id,
        weather_provider=request.weather.provider,
        weather_reason=request.weather.reason,
        interval_minutes=grid.minutes,
        assets=len(result.assets),
        days=days,
        values=len(methods),
        filled={name: number for name, number in counts.items() if name != "measured"},
        gaps=gaps,
        gaps_not_listed=unlisted,
        training=training,
        telemetry=stored,
    )
    name = f"uploads/{document.customer_id}/{request.file_id}-{document.site_id}.json"
    where = s3.write_json(output, name, report.document())
    if training is not None:
        table = publish.hourly(grid, result, capacities, hourly, site)
        training = parquet.put(training.bucket, training.key, table)
    by_day = sum(number for name, number in counts.items() if name not in ("measured", "night"))
    share = 100.0 * by_day / max(len(methods), 1)
    count("FilledValues", share, MetricUnit.Percent)
    logger.info("gaps filled", site=document.site_id, days=days, gaps=len(gaps) + unlisted, methods=counts)
    return FillResult(
        customer_id=document.customer_id,
        site_id=document.site_id,
        report=where,
        training=training,
        days=days,
        gaps=len(gaps) + unlisted,
        filled_percent=round(share, 2),
    ).document()


def _weather(pointer: S3Pointer | None) -> pd.DataFrame | None:
    if pointer is None:
        return None
    document = WeatherDocument.model_validate_json(s3.read_bytes(pointer))
    return weather_frames.frame(document)


def _store(frame: pd.DataFrame, site: SiteDocument, bucket: str, file_id: str) -> list[S3Pointer]:
    """Measured readings to the telemetry store, one object a day: what was filled stays out of it."""
    days = dict(tuple(frame.groupby(frame["timestamp"].dt.strftime("%Y-%m-%d"))))

    def write(day: str) -> S3Pointer:
        key = f"telemetry/site={site.site_id}/day={day}/_upload-{file_id}.parquet"
        return parquet.put(bucket, key, days[day])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(write, sorted(days)))
