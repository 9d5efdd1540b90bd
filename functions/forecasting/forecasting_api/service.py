"""Making and keeping forecasts: reads what a site has, predicts, stores, shares with detection."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from forecasting.config import forecasting_config
from forecasting.documents import (
    Conditions,
    ForecastDocument,
    ForecastMetadata,
    Interval,
    LiveCalibration,
    Point,
    SiteDocument,
)
from forecasting.forecasting_api import documents
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.store import s3

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.forecasting_api.predict import Prediction
    from forecasting.model.registry import InService
    from ona.sky.weather_cache import Cached

RECENT_DAYS, USUAL_DAYS = 2, 14
"""Telemetry read for the nowcast; and where no weather is known, for what usually comes."""
CSV_EVERY_HOURS = 6


def latest_key(customer_id: str, site_id: str) -> str:
    """Where a site's newest forecast lies."""
    return f"forecasts/latest/{customer_id}/{site_id}.json"


def forecast_prefix(site: SiteDocument) -> str:
    """How the ids of a site's forecasts begin; the time of issue follows."""
    return f"fc-{site.site_id}-{digest(site.customer_id, site.site_id, length=6)}-"


def read_site(bucket: str, key: str) -> SiteDocument:
    """A site's document. Raises ObjectMissing."""
    found: SiteDocument = SiteDocument.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return found


def stored(bucket: str, customer_id: str, site_id: str, now: datetime) -> dict[str, Any] | None:
    """The newest stored forecast when it is still fresh, else None."""
    try:
        key = latest_key(customer_id, site_id)
        document: dict[str, Any] = s3.read_json(S3Pointer(bucket=bucket, key=key))
    except ObjectMissing:
        return None
    age = now - datetime.fromisoformat(document["generated_at"])
    fresh = timedelta(minutes=forecasting_config().forecast.fresh_minutes)
    return document if timedelta(0) <= age <= fresh else None


def make(site: SiteDocument, now: datetime, *, interval_minutes: int = 60) -> ForecastDocument:
    """Forecast a site for the whole horizon with what there is; nothing missing is an error."""
    from forecasting.forecasting_api import predict
    from forecasting.model import registry
    from ona.sky import weather_frames as frames
    from ona.sky.weather_cache import WeatherCache
    from ona.sky.weather_document import Place
    from ona.sky.weather_providers import NoProvider

    now = now.replace(microsecond=0)
    bucket, rules = aws.environment("OUTPUT_BUCKET"), forecasting_config().forecast
    table, inputs = aws.environment("WEATHER_CACHE_TABLE"), aws.environment("INPUT_BUCKET")
    cache = WeatherCache(table, inputs, NoProvider())
    with ThreadPoolExecutor(4) as pool:
        model_later = pool.submit(registry.in_service, bucket, site.customer_id, site.site_id)
        weather_later = pool.submit(cache.newest, Place.of(site.latitude, site.longitude), now)
        recent_later = pool.submit(recent, bucket, site, now, RECENT_DAYS)
        live_later = pool.submit(read_live, bucket, site)
        (model, missing), held, measured = (
            model_later.result(),
            weather_later.result(),
            recent_later.result(),
        )
        live, _ = live_later.result()
    if held is None:
        measured = recent(bucket, site, now, USUAL_DAYS)
    weather = frames.frame(held.document) if held else None
    # answered until it is no longer fresh, and still for the whole horizon then
    hours = rules.max_horizon_hours + math.ceil(rules.fresh_minutes / 60)
    prediction = predict.predict(
        site, model, weather, measured, now, hours, rules.nowcast_hours,
        registry.tails(live.factors) if live and model and live.model_version == model.version else None,
    )  # fmt: skip
    if interval_minutes == 15:
        prediction = predict.quarter_hours(prediction)
    degraded = sorted({*prediction.degraded, *missing, *(["stale_weather"] if held and held.stale else [])})
    return _document(site, prediction, model, held, degraded, now, interval_minutes)


def live_key(site: SiteDocument) -> str:
    """Where a site's live calibration lies."""
    return f"accuracy/{site.customer_id}/{site.site_id}/live.json"


def read_live(bucket: str, site: SiteDocument) -> tuple[LiveCalibration | None, str]:
    """A site's live calibration and its ETag; (None, "") before the first measured day."""
    try:
        document, etag = s3.read_json_tagged(S3Pointer(bucket=bucket, key=live_key(site)))
    except ObjectMissing:
        return None, ""
    return LiveCalibration.read(document, live_key(site)), etag


def recent(bucket: str, site: SiteDocument, now: datetime, days: int) -> pd.Series | None:
    """Measured hourly shares of the last days, or None."""
    prefix = f"telemetry/site={site.site_id}/"
    first = f"{prefix}day={now - timedelta(days=days):%Y-%m-%d}"
    entries = s3.list_keys(bucket, prefix, start_after=first)
    return measured_share(bucket, site, [entry["Key"] for entry in entries])


def measured_share(bucket: str, site: SiteDocument, keys: list[str]) -> pd.Series | None:
    """Hourly shares from objects of the telemetry store; None where they tell nothing of the site."""
    import pandas as pd

    from forecasting.forecasting_api import predict
    from ona.store import parquet

    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda key: s3.read_bytes(S3Pointer(bucket=bucket, key=key)), keys))
    if not bodies:
        return None
    tables = [parquet.load(body)[["timestamp", "asset_id", "power_kw"]] for body in bodies]
    return predict.hourly_share(pd.concat(tables, ignore_index=True), site)


def generate(site: SiteDocument, now: datetime) -> tuple[ForecastDocument, S3Pointer]:
    """Make a site's hourly forecast, store it, and give detection its CSV."""
    bucket = aws.environment("OUTPUT_BUCKET")
    document = make(site, now)
    body = document.document()
    pointer = s3.write_json(bucket, f"forecasts/{now:%Y/%m/%d}/{document.forecast_id}.json", body)
    s3.write_json(bucket, latest_key(site.customer_id, site.site_id), body)
    _for_detection(site, document, now)
    count("ForecastsGenerated", 1)
    count("ForecastsDegraded", float(bool(document.metadata.degraded)))
    logger.info("Forecast generated", customer_id=site.customer_id, site_id=site.site_id,
                forecast_id=document.forecast_id, degraded=document.metadata.degraded)  # fmt: skip
    return document, pointer


def _for_detection(site: SiteDocument, document: ForecastDocument, now: datetime) -> None:
    """The CSVs of the coming 30 hours, renewed every hour under a name that changes every six: the name
    before still covers the hours that a renewal leaves behind."""
    inputs = aws.environment("INPUT_BUCKET")
    points = [p for p in document.forecasts if p.timestamp <= now + timedelta(hours=30)]
    files = documents.csv_by_day(points, site)
    hour = now.astimezone(UTC).hour // CSV_EVERY_HOURS * CSV_EVERY_HOURS
    for (asset_id, day), body in files.items():
        key = f"forecasts/{day}/{asset_id}_forecast_{now:%Y%m%d}T{hour:02d}.csv"
        s3.write_bytes(inputs, key, body, "text/csv")


def _document(
    site: SiteDocument,
    prediction: Prediction,
    model: InService | None,
    held: Cached | None,
    degraded: list[str],
    now: datetime,
    interval_minutes: int,
) -> ForecastDocument:
    capacity = site.capacity_kw
    low80, high80 = prediction.bounds[80]
    low95, high95 = prediction.bounds[95]
    sky = prediction.weather
    columns = {
        "temperature_c": _column(sky, "temperature_c"),
        "irradiance_w_m2": _column(sky, "ghi_w_m2"),
        "wind_speed_m_s": _column(sky, "wind_speed_m_s"),
        "cloud_cover_percent": _column(sky, "cloud_cover_percent"),
        "humidity_percent": _column(sky, "humidity_percent"),
    }
    points = [
        Point(
            timestamp=when,
            predicted_power_kw=round(float(prediction.median[n]) * capacity, 3),
            confidence_interval=Interval(
                lower_80=round(float(low80[n]) * capacity, 3),
                upper_80=round(float(high80[n]) * capacity, 3),
                lower_95=round(float(low95[n]) * capacity, 3),
                upper_95=round(float(high95[n]) * capacity, 3),
            ),
            weather_conditions=Conditions(**{name: values[n] for name, values in columns.items()}),
        )
        for n, when in enumerate(prediction.hours.to_pydatetime())
    ]
    card = model.card if model else None
    metadata = ForecastMetadata(
        model_version=model.version if model else "physical",
        training_data_points=card.training_rows if card else 0,
        model_accuracy=round(card.own.accuracy_percent / 100.0, 4) if card and card.own else None,
        last_training_date=card.created_at if card else None,
        weather_provider=held.document.provider if held else "",
        weather_age_minutes=round(held.age.total_seconds() / 60.0) if held else None,
        nowcast_age_minutes=(
            round((now - prediction.nowcast_at).total_seconds() / 60.0) if prediction.nowcast_at else None
        ),
        interval_minutes=interval_minutes,
        degraded=degraded,
        notes=[NOTES[name] for name in degraded if name in NOTES]
        + (["intervals are those of the hourly mean"] if interval_minutes < 60 else []),
    )
    raw = [point.model_dump(include={"predicted_power_kw"}) for point in points]
    return ForecastDocument(
        forecast_id=f"{forecast_prefix(site)}{now:%Y%m%d%H%M%S}",
        customer_id=site.customer_id,
        site_id=site.site_id,
        generated_at=now,
        horizon_hours=len(points) * interval_minutes // 60,
        capacity_kw=capacity,
        forecasts=points,
        metadata=metadata,
        summary=documents.summary(raw, interval_minutes, capacity),
    )


NOTES = {
    "no_model": "no model yet: physics from the weather with wide intervals; upload 14 days of history",
    "global_model": "no model of this customer yet: the model that all sites share forecasts",
    "no_weather": "no weather forecast is cached: what recent days gave stands in",
    "stale_weather": "the weather provider has not answered lately: an older forecast of it is used",
    "weather_ends_early": "the weather forecast ends before the horizon: what recent days gave stands in",
}


def _column(sky: pd.DataFrame, name: str) -> list[float | None]:
    if name not in sky:
        return [None] * len(sky)
    return [None if value != value else round(float(value), 2) for value in sky[name].tolist()]
