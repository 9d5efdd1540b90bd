"""The weather of places: of an upload's days, and of all registered sites every 15 minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ona.runtime.observability import logger
from ona.sky.weather_cache import WeatherCache, refresh_all
from ona.sky.weather_document import Place, WeatherDocument

FETCH_AFTER = timedelta(minutes=45)
"""A forecast is renewed at this age: with a refresh every 15 minutes it is at most an hour old."""


def days_of(start: datetime, end: datetime, now: datetime) -> tuple[date, date]:
    """First and last UTC day of weather for an upload's span.

    A day more on either side: a forecast sees the neighbouring hours of the first and the last one.

    >>> days_of(datetime(2025, 6, 10, 5, tzinfo=UTC), datetime(2025, 6, 12, tzinfo=UTC),
    ...         datetime(2025, 6, 12, 9, tzinfo=UTC))
    (datetime.date(2025, 6, 9), datetime.date(2025, 6, 12))
    """
    first = (start - timedelta(days=1)).astimezone(UTC).date()
    return first, min(end + timedelta(days=1), now).astimezone(UTC).date()


def of_upload(
    cache: WeatherCache, place: Place, start: datetime, end: datetime, now: datetime
) -> WeatherDocument:
    """The weather of an upload's days. Raises DependencyBusy, WeatherUnavailable."""
    if cache.newest(place, now) is None:
        cache.forecast(place, now)  # a new place: its first forecast should not wait for the timer
    first, last = days_of(start, end, now)
    return cache.history(place, first, last, now)


def refresh(cache: WeatherCache, places: list[Place], now: datetime) -> dict[str, int]:
    """Renew the forecasts of all places; how many were refreshed, are fresh, stale, missing."""

    def log(place: Place, state: str, reason: str) -> None:
        if reason:
            logger.warning("weather not refreshed", place=place.place_id, state=state, reason=reason)

    return refresh_all(cache, places, now, fetch_after=FETCH_AFTER, each=log)
