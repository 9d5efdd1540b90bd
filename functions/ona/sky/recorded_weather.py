"""Weather that somebody recorded into the input bucket, as a provider."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime.errors import ObjectMissing, WeatherUnavailable
from ona.sky.weather_document import FORECAST_HOURS, Place, WeatherDocument
from ona.store.layout import WEATHER_RECORDED


class Recorded:
    """Weather that somebody put into the input bucket, for places without a network: the embedded cloud,
    tests, closed sites. Objects `weather/recorded/<place>/forecast.json` and `…/history.json`."""

    name = "recorded"

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        """Only the recorded hours around `now`, as a service would answer."""
        first, last = now - timedelta(days=2), now + timedelta(hours=FORECAST_HOURS)
        return self._cut(place, "forecast", first, last, now)

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """The recorded hours of whole UTC days, both included, up to `now`."""
        first = datetime(start.year, start.month, start.day, tzinfo=UTC)
        last = datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)
        return self._cut(place, "history", first, min(last, now), now)

    def _cut(
        self, place: Place, kind: Any, first: datetime, last: datetime, now: datetime
    ) -> WeatherDocument:
        from ona.store.s3 import read_bytes

        key = WEATHER_RECORDED.build(place_id=place.place_id, kind=kind)
        try:
            body = read_bytes(S3Pointer(bucket=self._bucket, key=key))
            whole = WeatherDocument.model_validate_json(body)
        except ObjectMissing as error:
            raise WeatherUnavailable(
                f"no recorded weather: s3://{self._bucket}/{key} is missing"
            ) from error
        except ValueError as error:
            raise WeatherUnavailable(
                f"s3://{self._bucket}/{key} is no weather document: {error}"
            ) from error
        inside = [n for n, hour in enumerate(whole.hours) if first < hour <= last]
        if not inside:
            raise WeatherUnavailable(f"s3://{self._bucket}/{key} has no hour from {first} to {last}")
        return WeatherDocument(
            place=place,
            provider=self.name,
            kind=kind,
            fetched_at=now,
            hours=[whole.hours[n] for n in inside],
            values={name: [series[n] for n in inside] for name, series in whole.values.items()},
        )
