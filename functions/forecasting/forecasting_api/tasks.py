"""The timers' tasks: `forecast` makes a site's hourly forecast, `accuracy` measures yesterday's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from forecasting.documents import IssuedForecast, SiteDocument
from forecasting.forecasting_api import accuracy, generate, picture, store, subtraction
from forecasting.layout import SITE
from forecasting.model import availability, hourly, known_outs, measured_days
from forecasting.model.features import site_of
from forecasting.payloads import AccuracyRequest, AccuracyResult, ForecastRequest, ForecastResult
from ona.runtime.errors import InvalidPayload
from ona.runtime.metric_table import FORECAST_ACCURACY
from ona.runtime.observability import logger
from ona.runtime.observability import measure as published
from ona.store.unreadable import attempted, note


def forecast(request: ForecastRequest, bucket: str, now: datetime) -> ForecastResult:
    """A site's hourly forecast, stored."""
    site, degraded = _site(bucket, request.site_key)
    document, pointer = generate.generate(site, now, degraded)
    return ForecastResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        forecast=pointer,
        degraded=document.metadata.degraded,
    )


def measure(request: AccuracyRequest, bucket: str) -> AccuracyResult:
    """Accuracy of a site over a UTC day: recorded, and published as the metric ForecastAccuracy.

    Raises DependencyBusy when another measure moved the site's measured days meanwhile.
    """
    site, _ = _site(bucket, request.site_key)
    start = datetime.fromisoformat(request.day).replace(tzinfo=UTC)
    day = start.date()
    around = [day + timedelta(days=days) for days in (-2, -1, 0)]
    issued = store.forecasts_issued(bucket, site, around)
    document = _day_ahead(bucket, [one for one in issued if one[0].date() > around[0]], start)
    if document is None:
        return _without(site, "no forecast was stored for that day")
    telemetry = store.telemetry_of(bucket, site, [*around[1:], day + timedelta(days=1)])
    if telemetry is not None:  # of the machines that ran, as the whole forecast is
        outs = known_outs.of_site(site, start + timedelta(days=1))
        telemetry = availability.running(telemetry, availability.until_power(outs, telemetry, site))
        if telemetry.empty:
            return _without(site, "all machines were out that day")
    share = hourly.measured_share(telemetry, site, site_of(site)) if telemetry is not None else None
    if share is None:
        return _without(site, "no telemetry of that day has arrived")
    stored = store.load_live(bucket, site)
    measured = accuracy.measure(
        site,
        subtraction.restored(document),
        share,
        start,
        [
            subtraction.restored(one)
            for one in store.load_forecasts(bucket, accuracy.of_first_hours(issued, start))
        ],
        [
            subtraction.restored(one)
            for one in store.load_forecasts(bucket, accuracy.of_two_days(issued, start))
        ],
        stored.live,
    )
    if isinstance(measured, str):
        return _without(site, measured)
    record = measured.record
    drawn = picture.day(measured.points, measured.power_kw, record)
    where = store.save_accuracy(bucket, record, drawn)
    renewed = measured_days.with_day(stored.live, day, measured.kept, measured.heard)
    if renewed is not None:
        store.save_live(bucket, site, renewed, stored)
    published(FORECAST_ACCURACY, record.accuracy_percent, HorizonHours="24", CustomerId=site.customer_id)
    logger.info("forecast measured", **record.document())
    return AccuracyResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        accuracy_percent=record.accuracy_percent,
        report=where,
    )


def _site(bucket: str, key: str) -> tuple[SiteDocument, list[str]]:
    """The site of a key, or a copy of it. Raises InvalidPayload for another key, InvalidInput."""
    fields = SITE.parse(key)
    if fields is None:
        raise InvalidPayload(f"{key} is no sites/<customer>/<site>.json")
    return store.load_site(bucket, fields["customer_id"], fields["site_id"])


def _day_ahead(bucket: str, issued: list[tuple[datetime, str]], start: datetime) -> IssuedForecast | None:
    """The day-ahead forecast of a day; where one cannot be read, the next best, and the log names it."""
    left = list(issued)
    while (key := accuracy.day_ahead(left, start)) is not None:
        document, damage = attempted(partial(store.load_forecast, bucket, key))
        if document is not None:
            return document
        note(f"s3://{bucket}/{key}", damage)
        left = [one for one in left if one[1] != key]
    return None


def _without(site: SiteDocument, reason: str) -> AccuracyResult:
    return AccuracyResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        accuracy_percent=None,
        report=None,
        reason=reason,
    )
