"""What detection knows beside the file: earlier days and neighbours, from the telemetry store.

Layout of the store (output bucket): `telemetry/site=<site>/day=<YYYY-MM-DD>/<name>.parquet`, where the
name is the asset's id, or `_<stem of the file>` for a file that holds several assets of the site.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.documents.columns import COLUMNS
from ona.runtime.errors import DependencyBusy, InvalidTelemetry, ObjectMissing
from ona.store import parquet
from ona.store.layout import FORECAST_CSV, TELEMETRY
from ona.store.s3 import list_keys, read_bytes, read_json_tagged, write_json_if
from ona.telemetry.decoding import decode
from ona.telemetry.readings import Quality, span, together
from ona.telemetry.strict_csv import read_table
from ona.telemetry.timestamps import parse_timestamps
from ooda.config.detection import DetectionConfig, ReferenceRules
from ooda.detect import analysis, geometry
from ooda.detect.analysis import Context, Judged
from ooda.documents.books import AssetBook
from ooda.documents.detections import AssetDetection, Geometry
from ooda.layout import BOOK


def _read(bucket: str, key: str) -> pd.DataFrame:
    body = read_bytes(S3Pointer(bucket=bucket, key=key))
    return parquet.load(body)


def _name(assets: Iterable[str], source_key: str) -> str:
    ids = list(assets)
    if len(ids) == 1:
        return ids[0]
    return "_" + re.sub(r"[^A-Za-z0-9._-]", "-", PurePosixPath(source_key).stem)


def load(
    names: Iterable[str],
    machines: Mapping[str, pd.DataFrame],
    registry: AssetRegistry,
    rules: ReferenceRules,
    now: datetime,
    *,
    output_bucket: str,
    input_bucket: str,
    weather_table: str,
    source_key: str,
) -> Context:
    """Read the books of some of the file's machines, the same days of their sites' other machines,
    forecasts, weather.

    Of a site's other machines at most `max_peers` are read, the same ones every time. What has not
    arrived yet is not there: the first file of a day is judged without its neighbours.
    """
    present, judged = set(machines), set(names)
    known = {asset.id: asset for asset in registry.assets if asset.id in judged}
    days = sorted({f"{day:%Y-%m-%d}" for name in judged for day in _days(machines[name])})
    ends = span({name: machines[name] for name in judged})
    peers: list[pd.DataFrame] = []
    for site in sorted({asset.site_id for asset in known.values()}):
        here = {asset.id for asset in registry.assets if asset.site_id == site}
        mine = _name(sorted(here & present), source_key)
        neighbours_read = 0
        for day in days[:MAX_PEER_DAYS]:
            for entry in list_keys(
                output_bucket, TELEMETRY.prefix(site_id=site, day=date.fromisoformat(day))
            ):
                name = PurePosixPath(entry["Key"]).stem
                if name != mine and neighbours_read < rules.max_peers * len(days):
                    neighbours_read += 1
                    peers.append(_read(output_bucket, entry["Key"]))
    empty = pd.DataFrame(columns=[*COLUMNS, "expected_kw"])
    beside = _once(pd.concat(peers, ignore_index=True)) if peers else empty
    read = {name: read_book(output_bucket, asset) for name, asset in known.items()}
    found = {name: book for name, (book, _) in read.items()}
    return Context(
        books=found,
        etags={name: etag for name, (_, etag) in read.items()},
        peers=beside[~beside["asset_id"].isin(present)],
        forecasts=_forecasts(judged, days[:MAX_PEER_DAYS], input_bucket),
        weather=_weather(known.values(), ends, now, weather_table, input_bucket),
        geometry={
            name: told
            for name, book in found.items()
            if (told := _geometry(book, known[name], output_bucket))
        },
    )


MAX_PEER_DAYS = 31
"""Of a file with more days (a backfill) neighbours and forecasts are looked up for the first month only."""
BOOK_TRIES = 8
GEOMETRY_DAYS, GEOMETRY_EVERY = 21, 7
"""A sensor's plane is looked for once so many days are known, and again every so many until it is found."""


def read_book(bucket: str, asset: Asset) -> tuple[AssetBook, str]:
    """A machine's book and its ETag; an empty one and "" before its first file."""
    key = BOOK.build(site_id=asset.site_id, asset_id=asset.id)
    try:
        document, etag = read_json_tagged(S3Pointer(bucket=bucket, key=key))
    except ObjectMissing:
        return analysis.empty(asset), ""
    return AssetBook.read(document, key), etag


def enter(
    bucket: str,
    judged: Judged,
    context: Context,
    registry: AssetRegistry,
    config: DetectionConfig,
    threshold: float,
    source: str,
) -> AssetDetection:
    """Enter a file's days into a machine's book; the detection with the incidents as they then stand.

    Files of one machine may be judged side by side: a book that somebody else wrote meanwhile is read
    again and entered again. Raises DependencyBusy when that does not come to an end.
    """
    detection, after = judged.detection, judged.book
    asset = registry.require(detection.asset_id, source)
    etag = context.etags[asset.id]
    for attempt in range(BOOK_TRIES):
        if after.geometry is None and asset.id in context.geometry:
            after = after.model_copy(update={"geometry": context.geometry[asset.id]})
        if write_json_if(
            bucket, BOOK.build(site_id=asset.site_id, asset_id=asset.id), after.document(), etag
        ):
            return detection
        time.sleep(random.uniform(0.0, 0.05 * 2**attempt))
        book, etag = read_book(bucket, asset)
        after = analysis.concluded(book, source, judged.days, asset, config, threshold)
        told = analysis.concerned(book, after, detection.window)
        detection = detection.model_copy(update={"incidents": told})
    raise DependencyBusy(f"the book of {asset.id} is written by others all the time")


def _geometry(book: AssetBook, asset: Asset, bucket: str) -> Geometry | None:
    """How a machine's irradiance sensor lies, from its book or, now and then, from its last month of
    telemetry."""
    n = len(book.days)
    if book.geometry is not None or n < GEOMETRY_DAYS or n % GEOMETRY_EVERY:
        return book.geometry
    if not any("sun" in item.levels for told in list(book.days.values())[-3:] for item in told.values()):
        return None
    parts = []
    for day in list(book.days)[-30:]:
        for entry in list_keys(
            bucket, TELEMETRY.prefix(site_id=asset.site_id, day=date.fromisoformat(day)) + asset.id
        ):
            parts.append(_read(bucket, entry["Key"]))
    history = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return geometry.fit(history, asset)


def _weather(
    assets: Iterable[Asset], ends: tuple[pd.Timestamp, pd.Timestamp], now: datetime, table: str, bucket: str
) -> dict[str, pd.DataFrame]:
    """Hourly weather by site, from what is cached; a site without is left out."""
    from ona.sky.weather_cache import WeatherCache
    from ona.sky.weather_document import Place
    from ona.sky.weather_frames import frame
    from ona.sky.weather_providers import NoProvider

    cache = WeatherCache(table, bucket, NoProvider())
    first, last = ends[0] - timedelta(days=2), ends[1]
    found: dict[str, pd.DataFrame] = {}
    for asset in assets:
        if asset.location is None or asset.site_id in found:
            continue
        place = Place.of(asset.location.latitude, asset.location.longitude)
        parts = [frame(item) for item in cache.held(place, first.date(), last.date(), now)]
        if not parts:
            continue
        joined = pd.concat(parts)
        joined = joined[~joined.index.duplicated(keep="first")].sort_index()
        inside = joined.loc[first : last + timedelta(hours=1)]
        if len(inside):
            found[asset.site_id] = inside
    return found


def _once(frame: pd.DataFrame) -> pd.DataFrame:
    """Each reading once: uploads may repeat what came as an observation; the judged one stands."""
    if "expected_kw" not in frame:
        frame["expected_kw"] = float("nan")
    ranked = frame.sort_values("expected_kw", na_position="last", kind="stable")
    kept = ranked.drop_duplicates(["asset_id", "timestamp"], keep="first")
    return kept.sort_values(["asset_id", "timestamp"], ignore_index=True)


def _forecasts(assets: set[str], days: list[str], bucket: str) -> dict[str, pd.Series]:
    """Forecasts of the file's assets: `forecasts/YYYY/MM/DD/<asset>….csv`; an unreadable one is none."""
    found: dict[str, pd.Series] = {}
    for day in days:
        for asset_id in sorted(assets):
            prefix = FORECAST_CSV.prefix(day=date.fromisoformat(day)) + asset_id
            for entry in list_keys(bucket, prefix):
                try:
                    text = decode(read_bytes(S3Pointer(bucket=bucket, key=entry["Key"])), entry["Key"])
                    table = read_table(text, entry["Key"], Quality())
                    times = parse_timestamps(table["timestamp"], Quality())
                    values = pd.to_numeric(table["predicted_power_kw"], errors="coerce")
                except (InvalidTelemetry, ObjectMissing, KeyError):
                    continue
                series = pd.Series(values.to_numpy(), index=times)[times.notna().to_numpy()]
                found[asset_id] = pd.concat([found.get(asset_id, series.iloc[:0]), series])
    return {name: series[~series.index.duplicated(keep="last")] for name, series in found.items()}


def store(
    site: str, part: int, machines: Mapping[str, pd.DataFrame], *, output_bucket: str, source_key: str
) -> list[S3Pointer]:
    """Write judged frames of one site to the telemetry store, one object a day; `part`: which of several
    parts of the site they are."""
    frame = together(machines)
    pointers = []
    for day, own in frame.groupby(frame["timestamp"].dt.floor("D"), sort=True):
        name = _name(sorted(own["asset_id"].unique()), source_key) + (f"-{part}" if part else "")
        key = TELEMETRY.build(site_id=site, day=day, name=name)
        pointers.append(parquet.put(output_bucket, key, own))
    return pointers


def _days(frame: pd.DataFrame) -> pd.DatetimeIndex:
    """The UTC days of a frame sorted by time."""
    day = pd.DatetimeIndex(frame["timestamp"]).as_unit("us").asi8 // 86_400_000_000
    return pd.to_datetime(day[np.flatnonzero(np.diff(day, prepend=-1))], unit="D")
