"""What the weather function reads and writes: the cache with its provider, places, an upload's weather."""

from __future__ import annotations

from typing import Any

from forecasting.documents import SiteDocument
from forecasting.layout import STAGED, STAGED_WEATHER
from forecasting.payloads import SiteUpload
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import InvalidInput, InvalidPayload
from ona.sky.weather_cache import WeatherCache
from ona.sky.weather_document import Place, WeatherDocument
from ona.sky.weather_providers import chosen
from ona.store import s3, tables
from ona.store.unreadable import readable


def cache() -> WeatherCache:
    """The platform's cache of weather, in front of the provider that the template names."""
    bucket = aws.environment("INPUT_BUCKET")
    provider = chosen(aws.environment("WEATHER_PROVIDER"), bucket)
    return WeatherCache(aws.environment("WEATHER_CACHE_TABLE"), bucket, provider)


def places() -> list[Place]:
    """The places of all registered sites; an item that names none is left out: the log names it."""
    table = aws.environment("LOCATIONS_TABLE")
    named = ((f"table {table}, {item.get('location_id')}", item) for item in tables.scan(table))
    return readable(named, _place)


def _place(item: dict[str, Any]) -> Place:
    try:
        return Place.of(float(item["latitude"]), float(item["longitude"]))
    except (KeyError, TypeError, OverflowError) as error:
        raise InvalidPayload(f"no place: {type(error).__name__}: {error}") from error


def place_of(upload: SiteUpload) -> Place:
    """Where an upload's site stands."""
    site: SiteDocument = SiteDocument.read(s3.read_json(upload.site), upload.site.key)
    return Place.of(site.latitude, site.longitude)


def save(upload: SiteUpload, document: WeatherDocument) -> S3Pointer:
    """Put an upload's weather beside its staged telemetry. Raises InvalidInput for no staged telemetry."""
    fields = STAGED.parse(upload.staged.key)
    if fields is None:
        raise InvalidInput(f"{upload.staged.key} is no staged telemetry")
    body = document.model_dump_json().encode()
    return s3.write_bytes(upload.staged.bucket, STAGED_WEATHER.build(**fields), body, "application/json")
