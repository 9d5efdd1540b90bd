"""WeatherCache: every 15 minutes all places; for an upload, the weather of its days.

An upload never fails for want of weather: it goes on without, and its report says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from forecasting.documents import SiteDocument
from forecasting.payloads import WeatherRequest, WeatherResult
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import WeatherUnavailable
from ona.runtime.observability import count, handler, logger
from ona.sky import weather_cache, weather_providers
from ona.sky.weather_document import Place
from ona.store import s3, tables

FETCH_AFTER = timedelta(minutes=45)
"""A forecast is at most an hour old between refreshes 15 minutes apart."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module. A payload with `upload` is an upload's; anything else is the schedule's."""
    now = utc_now()
    bucket = aws.environment("INPUT_BUCKET")
    provider = weather_providers.chosen(aws.environment("WEATHER_PROVIDER"), bucket)
    held = weather_cache.WeatherCache(aws.environment("WEATHER_CACHE_TABLE"), bucket, provider)
    if isinstance(event, dict) and "upload" in event:
        return _for_upload(WeatherRequest.read(event, "event"), held, now).document()
    return _refresh(held, now)


def _for_upload(request: WeatherRequest, held: weather_cache.WeatherCache, now: datetime) -> WeatherResult:
    upload = request.upload
    site: SiteDocument = SiteDocument.read(s3.read_json(upload.site), upload.site.key)
    place = Place.of(site.latitude, site.longitude)
    if held.newest(place, now) is None:
        held.forecast(place, now)  # a new place: its first forecast should not wait for the schedule
    # a day more on either side, for the neighbours in time of the first and the last hour
    first = (upload.start - timedelta(days=1)).astimezone(UTC).date()
    last = min(upload.end + timedelta(days=1), now).astimezone(UTC).date()
    try:
        document = held.history(place, first, last, now)
    except WeatherUnavailable as error:
        logger.warning("no weather for an upload", place=place.place_id, reason=str(error))
        return WeatherResult(weather=None, reason=str(error))
    key = upload.staged.key.removesuffix(".parquet") + "-weather.json"
    body = document.model_dump_json().encode()
    pointer = s3.write_bytes(upload.staged.bucket, key, body, "application/json")
    return WeatherResult(weather=pointer, provider=document.provider)


def _refresh(held: weather_cache.WeatherCache, now: datetime) -> dict[str, Any]:
    items = tables.scan(aws.environment("LOCATIONS_TABLE"))
    places = [Place.of(item["latitude"], item["longitude"]) for item in items]

    def tell(place: Place, state: str, reason: str) -> None:
        if reason:
            logger.warning("weather not refreshed", place=place.place_id, state=state, reason=reason)

    counts = weather_cache.refresh_all(held, places, now, fetch_after=FETCH_AFTER, each=tell)
    count("WeatherRefreshed", counts["refreshed"])
    count("WeatherStale", counts["stale"] + counts["missing"])
    logger.info("weather refreshed", counts=counts)
    return counts
