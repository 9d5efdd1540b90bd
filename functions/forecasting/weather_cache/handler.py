"""WeatherCache: every 15 minutes the forecasts of all places; for an upload, the weather of its days.

An upload never fails for want of weather: it goes on without, and its report says so.
"""

from __future__ import annotations

from typing import Any

from forecasting.payloads import WeatherRequest, WeatherResult
from forecasting.weather_cache import places, store
from ona.runtime.clock import utc_now
from ona.runtime.errors import WeatherUnavailable
from ona.runtime.observability import count, handler, logger
from ona.sky.weather_cache import WeatherCache


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """A payload with `upload` is an upload's: a `WeatherResult`. Anything else is the timer's: counts."""
    if isinstance(event, dict) and "upload" in event:
        return _for_upload(WeatherRequest.read(event, "event"), store.cache()).document()
    counts = places.refresh(store.cache(), store.places(), utc_now())
    count("WeatherRefreshed", counts["refreshed"])
    without = counts["stale"] + counts["missing"]
    count("WeatherStale", without)
    count("WeatherUnanswered", without if without == sum(counts.values()) else 0)
    logger.info("weather refreshed", counts=counts)
    return counts


def _for_upload(request: WeatherRequest, cache: WeatherCache) -> WeatherResult:
    upload, place = request.upload, store.place_of(request.upload)
    try:
        document = places.of_upload(cache, place, upload.start, upload.end, utc_now())
    except WeatherUnavailable as error:
        logger.warning("no weather for an upload", place=place.place_id, reason=str(error))
        return WeatherResult(weather=None, reason=str(error))
    return WeatherResult(weather=store.save(upload, document), provider=document.provider)
