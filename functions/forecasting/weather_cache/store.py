"""What the weather function reads and writes: the cache with its provider, places, an upload's weather."""

from __future__ import annotations

from forecasting.documents import SiteDocument
from forecasting.layout import STAGED, STAGED_WEATHER
from forecasting.payloads import SiteUpload
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import InvalidInput
from ona.sky.weather_cache import WeatherCache
from ona.sky.weather_document import Place, WeatherDocument
from ona.sky.weather_providers import chosen
from ona.store import s3, tables


def cache() -> WeatherCache:
    """The platform's cache of weather, in front of the provider that the template names."""
    bucket = aws.environment("INPUT_BUCKET")
    provider = chosen(aws.environment("WEATHER_PROVIDER"), bucket)
    return WeatherCache(aws.environment("WEATHER_CACHE_TABLE"), bucket, provider)


def places() -> list[Place]:
    """The places of all registered sites."""
    items = tables.scan(aws.environment("LOCATIONS_TABLE"))
    return [Place.of(item["latitude"], item["longitude"]) for item in items]


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
