"""What was told beforehand of a file's days: weather that is cached, and forecasts of power."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import islice
from os.path import commonprefix

import pandas as pd

from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import InvalidTelemetry, ObjectMissing
from ona.store.layout import FORECAST_CSV
from ona.store.s3 import list_keys, read_bytes
from ona.telemetry.decoding import decode
from ona.telemetry.readings import Quality
from ona.telemetry.strict_csv import read_table
from ona.telemetry.timestamps import parse_timestamps

MOST_LISTED = 999
"""Forecasts of a day that are listed for several assets at once: a listing's first page."""


def weather(
    assets: Iterable[Asset], ends: tuple[pd.Timestamp, pd.Timestamp], now: datetime, input_bucket: str
) -> dict[str, pd.DataFrame]:
    """Hourly weather by site, from what is cached; a site without is left out."""
    from ona.sky.weather_cache import WeatherCache
    from ona.sky.weather_document import Place
    from ona.sky.weather_frames import frame
    from ona.sky.weather_providers import NoProvider

    cache = WeatherCache(aws.environment("WEATHER_CACHE_TABLE"), input_bucket, NoProvider())
    first, last = ends[0] - timedelta(days=2), ends[1]
    by_site: dict[str, pd.DataFrame] = {}
    asked: set[tuple[str, Place]] = set()
    for asset in assets:
        if asset.location is None or asset.site_id in by_site:
            continue
        place = Place.of(asset.location.latitude, asset.location.longitude)
        if (asset.site_id, place) in asked:
            continue
        asked.add((asset.site_id, place))
        parts = [frame(item) for item in cache.held(place, first.date(), last.date(), now)]
        if not parts:
            continue
        joined = pd.concat(parts)
        joined = joined[~joined.index.duplicated(keep="first")].sort_index()
        inside = joined.loc[first : last + timedelta(hours=1)]
        if len(inside):
            by_site[asset.site_id] = inside
    return by_site


def forecasts(assets: set[str], days: list[str], bucket: str) -> dict[str, pd.Series]:
    """Forecasts of the file's assets, kW by UTC time; an unreadable one is none."""
    series: dict[str, pd.Series] = {}
    for day in days:
        for asset_id, keys in _forecast_keys(assets, date.fromisoformat(day), bucket).items():
            for key in keys:
                part = _forecast(bucket, key)
                if part is not None:
                    series[asset_id] = pd.concat([series.get(asset_id, part.iloc[:0]), part])
    return {name: own[~own.index.duplicated(keep="last")] for name, own in series.items()}


def _forecast_keys(assets: set[str], day: date, bucket: str) -> dict[str, list[str]]:
    """The objects of a day's forecasts by asset, in order. One listing tells of all where few lie there;
    else each asset has its own."""
    own = {name: FORECAST_CSV.prefix(day=day, asset_id=name) for name in sorted(assets)}
    entries = list_keys(bucket, commonprefix([*own.values()])) if own else []  # noqa: RUF071 - of names
    found = [entry["Key"] for entry in islice(entries, MOST_LISTED + 1)]
    if len(found) <= MOST_LISTED:
        return {name: [key for key in found if key.startswith(prefix)] for name, prefix in own.items()}
    return {name: [entry["Key"] for entry in list_keys(bucket, prefix)] for name, prefix in own.items()}


def _forecast(bucket: str, key: str) -> pd.Series | None:
    """One forecast CSV, kW by UTC time; None when it cannot be read."""
    try:
        text = decode(read_bytes(S3Pointer(bucket=bucket, key=key)), key)
        table = read_table(text, key, Quality())
        times = parse_timestamps(table["timestamp"], Quality())
        values = pd.to_numeric(table["predicted_power_kw"], errors="coerce")
    except (InvalidTelemetry, ObjectMissing, KeyError):
        return None
    return pd.Series(values.to_numpy(), index=times)[times.notna().to_numpy()]
