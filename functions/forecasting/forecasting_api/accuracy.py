"""Yesterday's forecast against what came: the daily measure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from forecasting.documents import AccuracyRecord, ForecastDocument, LiveCalibration, SiteDocument
from forecasting.forecasting_api import picture, service
from forecasting.payloads import AccuracyRequest, AccuracyResult
from ona.documents.base import S3Pointer
from ona.runtime.errors import DependencyBusy
from ona.runtime.observability import logger, metric_of
from ona.store import s3

DAY_AHEAD = timedelta(hours=6)
"""The forecast that counts is the last one issued this long before the day began, or the next after."""


def measure(request: AccuracyRequest, bucket: str) -> AccuracyResult:
    """Accuracy of a site over a UTC day: recorded, and published as the metric ForecastAccuracy."""
    import numpy as np
    import pandas as pd

    from forecasting.model import calibration, score

    site = service.read_site(bucket, request.site_key)
    start = datetime.fromisoformat(request.day).replace(tzinfo=UTC)
    forecast = _issued(bucket, site, start)
    if forecast is None:
        return _none(site, "no forecast was stored for that day")
    keys = [
        entry["Key"]
        for day in (start, start + timedelta(days=1))
        for entry in s3.list_keys(bucket, f"telemetry/site={site.site_id}/day={day:%Y-%m-%d}/")
    ]
    measured = service.measured_share(bucket, site, keys)
    if measured is None:
        return _none(site, "no telemetry of that day has arrived")
    points = [p for p in forecast.forecasts if start < p.timestamp <= start + timedelta(days=1)]
    if site.kind == "solar":
        points = [p for p in points if p.confidence_interval.upper_95 > 0]
    known = [p for p in points if pd.Timestamp(p.timestamp) in measured.index]
    if len(known) < 3:
        return _none(site, f"only {len(known)} hours have both a forecast and telemetry")
    actual = np.array([measured[pd.Timestamp(p.timestamp)] * site.capacity_kw for p in known])
    predicted = np.array([p.predicted_power_kw for p in known])

    bounds = {
        level: (
            np.array([getattr(p.confidence_interval, f"lower_{level}") for p in known]),
            np.array([getattr(p.confidence_interval, f"upper_{level}") for p in known]),
        )
        for level in calibration.INTERVALS
    }
    record = AccuracyRecord(
        customer_id=site.customer_id,
        site_id=site.site_id,
        day=request.day,
        forecast_id=forecast.forecast_id,
        issued_at=forecast.generated_at,
        model_version=forecast.metadata.model_version,
        hours=len(known),
        accuracy_percent=round(score.accuracy_percent(actual, predicted, site.capacity_kw), 2),
        mae_kw=round(score.mean_absolute_error(actual, predicted), 3),
        bias_kw=round(float((predicted - actual).mean()), 3),
        coverage_80_percent=round(100.0 * score.coverage(actual, *bounds[80]), 2),
        coverage_95_percent=round(100.0 * score.coverage(actual, *bounds[95]), 2),
    )
    key = f"accuracy/{site.customer_id}/{site.site_id}/{request.day}.json"
    came = {p.timestamp: float(value) for p, value in zip(known, actual, strict=True)}
    drawn = picture.day(points, came, record)
    s3.write_bytes(bucket, key.removesuffix(".json") + ".svg", drawn, "image/svg+xml")
    where = s3.write_json(bucket, key, record.document())
    misses = {
        level: (float((actual < low).mean()), float((actual > high).mean()))
        for level, (low, high) in bounds.items()
    }
    _adapt(bucket, site, record, misses)
    metric_of("ForecastAccuracy", record.accuracy_percent, {"HorizonHours": "24"})
    metric_of(
        "ForecastAccuracy", record.accuracy_percent, {"CustomerId": site.customer_id, "HorizonHours": "24"}
    )
    logger.info("forecast measured", **record.document())
    return AccuracyResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        accuracy_percent=record.accuracy_percent,
        report=where,
    )


def _adapt(
    bucket: str, site: SiteDocument, record: AccuracyRecord, misses: dict[int, tuple[float, float]]
) -> None:
    """Let a measured day move the site's live factors, once: the day after the last that counted."""
    from forecasting.model import calibration, registry

    live, etag = service.read_live(bucket, site)
    same = live is not None and live.model_version == record.model_version
    if live is not None and same and record.day <= live.through:
        return  # counted before, or older than what counted
    before = registry.tails(live.factors) if live is not None and same else {}
    moved = LiveCalibration(
        model_version=record.model_version,
        through=record.day,
        factors=registry.stored_form(calibration.adapted(before, misses)),
    )
    if not s3.write_json_if(bucket, service.live_key(site), moved.document(), etag):
        raise DependencyBusy(f"{service.live_key(site)} was moved by another measure; try again")


def _none(site: SiteDocument, reason: str) -> AccuracyResult:
    return AccuracyResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        accuracy_percent=None,
        report=None,
        reason=reason,
    )


def _issued(bucket: str, site: SiteDocument, start: datetime) -> ForecastDocument | None:
    """The site's stored forecast that was the day's day-ahead one."""
    prefix = service.forecast_prefix(site)
    candidates: list[tuple[datetime, str]] = []
    for day in (start - timedelta(days=1), start):
        for entry in s3.list_keys(bucket, f"forecasts/{day:%Y/%m/%d}/{prefix}"):
            stamp = entry["Key"].rsplit("-", 1)[-1].removesuffix(".json")
            candidates.append((datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC), entry["Key"]))
    wanted = start - DAY_AHEAD
    early = [candidate for candidate in candidates if candidate[0] <= wanted]
    chosen = max(early, default=min(candidates, default=None))
    if chosen is None:
        return None
    key = chosen[1]
    document: ForecastDocument = ForecastDocument.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return document
