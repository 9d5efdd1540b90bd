"""What forecasts read and write: sites, telemetry, stored forecasts, accuracy. No pandas at import."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from forecasting.accuracy_documents import AccuracyRecord, LiveCalibration
from forecasting.config import forecasting_config
from forecasting.documents import ForecastJson, IssuedForecast, SiteDocument
from forecasting.forecasting_api import answers, detection_csv
from forecasting.layout import (
    ACCURACY,
    ACCURACY_PICTURE,
    FORECAST,
    FORECAST_LATEST,
    LIVE_ASIDE,
    LIVE_CALIBRATION,
    SITE,
)
from ona.documents import names
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.clock import is_plausible
from ona.runtime.errors import DependencyBusy, InvalidPayload, ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import logger
from ona.store import forecast_ids, s3, tables
from ona.store.layout import FORECAST_CSV, TELEMETRY
from ona.store.unreadable import Unreadable, attempted, note, readable

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.model.portfolio import Place

BY_CUSTOMER = "customer-location-index"
"""The index of locations: by customer, then by site."""
CSV_EVERY_HOURS = 6
"""Detection's files get a new name so often: the name before still covers the hours that a renewal leaves
behind."""
CSV_HOURS = 30
"""Hours to come in detection's files: a day, and the six hours until the next name."""
MOST_READS = 8
"""Objects that are read or written at once (ours)."""
STANDS_IN = timedelta(hours=24)
"""How old a forecast may be that stands in for a new one (ours)."""


def sites_of(customer_id: str) -> list[str]:
    """Ids of a customer's sites that have sent data; an item that names none is left out, and logged."""
    return list(places_of(customer_id))


def is_registered(customer_id: str, site_id: str) -> bool:
    """Whether a customer's site has sent data: one item is read, however many sites there are."""
    return _location(customer_id, site_id) is not None


def _location(customer_id: str, site_id: str) -> dict[str, Any] | None:
    """A site's item in the table of locations."""
    where = aws.environment("LOCATIONS_TABLE"), BY_CUSTOMER
    return next(iter(tables.query(*where, "customer_id", customer_id, ("location_name", site_id))), None)


def places_of(customer_id: str) -> dict[str, Place | None]:
    """Where a customer's sites lie, by id in order; None where nobody can say."""
    table = aws.environment("LOCATIONS_TABLE")
    items = tables.query(table, BY_CUSTOMER, "customer_id", customer_id)
    named = ((f"table {table}, {item.get('location_id')}", item) for item in items)
    found = readable(named, lambda item: (_site_id(item), _place(item)))
    return dict(sorted(found, key=lambda one: one[0]))


def _place(item: dict[str, Any]) -> Place | None:
    """Latitude and longitude of an item, degrees; None where it has none that can be."""
    latitude, longitude = item.get("latitude"), item.get("longitude")
    if type(latitude) not in (int, float) or type(longitude) not in (int, float):
        return None
    there = float(latitude), float(longitude)  # type: ignore[arg-type]
    return there if abs(there[0]) <= 90.0 and abs(there[1]) <= 180.0 else None


def _site_id(item: dict[str, Any]) -> str:
    """The site of an item. Raises InvalidPayload where it names none that keys could hold."""
    site_id = item.get("location_name")
    if not isinstance(site_id, str) or not names.is_site(site_id):
        raise InvalidPayload(f"location_name {site_id!r} is no site's")
    return site_id


def load_site(bucket: str, customer_id: str, site_id: str) -> tuple[SiteDocument, list[str]]:
    """A site's document, and `site_unreadable` where another copy of it stands in.

    The copies are the one in the card of the model that serves the site, and the site's item in the table
    of locations, which knows no machines. Raises InvalidInput where there is neither.
    """
    key = site_key(customer_id, site_id)

    def read() -> SiteDocument:
        site: SiteDocument = SiteDocument.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
        if (site.customer_id, site.site_id) != (customer_id, site_id):
            raise InvalidPayload(f"{key} is the document of another site")
        return site

    site, damage = attempted(read)
    if site is not None:
        return site, []
    note(f"s3://{bucket}/{key}", damage)
    copy = _learned_site(bucket, customer_id, site_id) or _located_site(customer_id, site_id)
    if copy is None:
        raise InvalidPayload(f"s3://{bucket}/{key} cannot be read, and no copy of it is known: {damage}")
    return copy, ["site_unreadable"]


def _learned_site(bucket: str, customer_id: str, site_id: str) -> SiteDocument | None:
    from forecasting.model import registry

    model = registry.in_service(bucket, customer_id, site_id).model
    return model.own_site.site if model is not None else None


def _located_site(customer_id: str, site_id: str) -> SiteDocument | None:
    table = aws.environment("LOCATIONS_TABLE")
    item = _location(customer_id, site_id) or {}
    names_ = ("customer_id", "latitude", "longitude", "capacity_kw", "kind")
    known = {name: item.get(name) for name in names_}
    site, _ = attempted(lambda: SiteDocument.read({**known, "site_id": site_id, "assets": {}}, table))
    return site


def site_key(customer_id: str, site_id: str) -> str:
    """Where a site's document lies."""
    return SITE.build(customer_id=customer_id, site_id=site_id)


def load_newest(bucket: str, customer_id: str, site_id: str) -> ForecastJson | None:
    """The newest stored forecast of a site in its JSON form, however old; None where there is none.

    One that cannot be read is named in the log, and counts as none: a new forecast takes its place.
    """
    key = FORECAST_LATEST.build(customer_id=customer_id, site_id=site_id)

    def read() -> ForecastJson | None:
        try:
            document: ForecastJson = s3.read_json(S3Pointer(bucket=bucket, key=key))
        except ObjectMissing:
            return None
        made = datetime.fromisoformat(document["generated_at"])
        if made.tzinfo is None or not is_plausible(made) or not isinstance(document["forecasts"], list):
            raise InvalidPayload("it is no forecast")
        answers.check(document)
        return document

    document, damage = attempted(read)
    if damage:
        note(f"s3://{bucket}/{key}", damage)
    return document


def is_fresh(document: ForecastJson, now: datetime) -> bool:
    """Whether a stored forecast is answered as it is."""
    return (
        timedelta(0)
        <= _age(document, now)
        <= timedelta(minutes=forecasting_config().forecast.fresh_minutes)
    )


def is_usable(document: ForecastJson, now: datetime) -> bool:
    """Whether a stored forecast may stand in where there is no time for a new one."""
    return timedelta(0) <= _age(document, now) <= STANDS_IN


def _age(document: ForecastJson, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(document["generated_at"])


def save_forecast(bucket: str, site: SiteDocument, document: IssuedForecast, now: datetime) -> S3Pointer:
    """Store a forecast, make it the site's newest, and give detection its files."""
    from forecasting.forecasting_api.subtraction import restored

    key = FORECAST.build(day=now, forecast_id=document.forecast_id)
    pointer = s3.write_json(bucket, key, document.issued())
    newest = FORECAST_LATEST.build(customer_id=site.customer_id, site_id=site.site_id)
    s3.write_json(bucket, newest, document.newest())
    whole = restored(document).forecasts  # a machine that stands must not excuse the others
    points = [p for p in whole if p.timestamp <= now + timedelta(hours=CSV_HOURS)]
    utc = now.astimezone(UTC)
    made = utc.replace(hour=utc.hour // CSV_EVERY_HOURS * CSV_EVERY_HOURS)
    bucket_of_detection = aws.environment("INPUT_BUCKET")

    def written(item: tuple[tuple[str, date], bytes]) -> None:
        (asset_id, day), content = item
        key = FORECAST_CSV.build(day=day, asset_id=asset_id, made=made)
        s3.write_bytes(bucket_of_detection, key, content, "text/csv")

    with ThreadPoolExecutor(MOST_READS) as writers:  # a request waits for it: two files a machine
        list(writers.map(written, detection_csv.csv_by_day(points, site).items()))
    return pointer


def forecasts_issued(bucket: str, site: SiteDocument, days: list[date]) -> list[tuple[datetime, str]]:
    """When the site's stored forecasts of some days were issued, and their keys."""
    issued = []
    beginning = forecast_ids.beginning(site.customer_id, site.site_id)
    for day in days:
        for entry in s3.list_keys(bucket, FORECAST.prefix(day=day) + beginning):
            fields = FORECAST.parse(entry["Key"])
            if fields:
                issued.append((forecast_ids.issued_at(fields["forecast_id"]), entry["Key"]))
    return issued


def load_forecast(bucket: str, key: str) -> IssuedForecast:
    """A stored forecast. Raises ObjectMissing."""
    document: IssuedForecast = IssuedForecast.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return document


def load_forecasts(bucket: str, keys: list[str]) -> list[IssuedForecast]:
    """Stored forecasts; one that cannot be read is named in the log and left out."""
    return readable([(f"s3://{bucket}/{key}", key) for key in keys], lambda key: load_forecast(bucket, key))


def telemetry_since(
    bucket: str, site: SiteDocument, now: datetime, days: int, bad: list[Unreadable] | None = None
) -> pd.DataFrame | None:
    """A site's stored telemetry of the last days up to now; None when there is none. Objects that cannot be
    read are left out: the log names them, and `bad` has them."""
    first = TELEMETRY.prefix(site_id=site.site_id, day=now - timedelta(days=days)).removesuffix("/")
    entries = s3.list_keys(bucket, TELEMETRY.prefix(site_id=site.site_id), start_after=first)
    found = _telemetry(bucket, [entry["Key"] for entry in entries], bad)
    return _between(found, now - timedelta(days=days + 1), now + timedelta(days=1))


def telemetry_of(bucket: str, site: SiteDocument, days: list[date]) -> pd.DataFrame | None:
    """A site's stored telemetry of some UTC days; None when there is none."""
    prefixes = [TELEMETRY.prefix(site_id=site.site_id, day=day) for day in days]
    keys = [entry["Key"] for prefix in prefixes for entry in s3.list_keys(bucket, prefix)]
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (min(days), max(days)))
    return _between(_telemetry(bucket, keys), first, last + timedelta(days=1))


def _between(telemetry: pd.DataFrame | None, first: datetime, last: datetime) -> pd.DataFrame | None:
    """The readings of a time, both ends included: a single one of the year 1970 would make a grid of
    millions of rows."""
    return telemetry[telemetry["timestamp"].between(first, last)] if telemetry is not None else None


@dataclass(frozen=True)
class StoredLive:
    """A site's `live.json`: its content (None before the first measured day), its ETag for `save_live`, and
    why nobody can read it ("" where all is well) with the bytes that lie there."""

    live: LiveCalibration | None
    etag: str = ""
    damage: str = ""
    body: bytes = b""


def load_live(bucket: str, site: SiteDocument) -> StoredLive:
    """A site's live calibration, also where it is damaged: then the log and a metric name it."""
    key = _live_key(site)
    where = S3Pointer(bucket=bucket, key=key)
    read, damage = attempted(lambda: s3.read_bytes_tagged(where))
    body, etag = read or (b"", "")
    live: LiveCalibration | None = None
    if etag:
        live, damage = attempted(lambda: LiveCalibration.read(s3.parsed(body, where), key).checked())
    if damage:
        note(f"s3://{bucket}/{key}", damage)
    return StoredLive(live, etag, damage, body)


def save_live(bucket: str, site: SiteDocument, live: LiveCalibration, before: StoredLive) -> None:
    """A site's live calibration, over the one that was read; a damaged one is kept aside before.

    Where nobody may read the one that lies there, nothing is written. Raises DependencyBusy where another
    measure moved it.
    """
    key = _live_key(site)
    if before.damage and not before.etag:
        return
    if before.damage:
        aside = LIVE_ASIDE.build(
            customer_id=site.customer_id, site_id=site.site_id, digest=digest(before.etag, length=16)
        )
        s3.write_bytes(bucket, aside, before.body, "application/octet-stream")
        logger.error("live.json was damaged and is written anew", kept=f"s3://{bucket}/{aside}")
    if not s3.write_json_if(bucket, key, live.document(), before.etag):
        raise DependencyBusy(f"{key} was moved by another measure; try again")


def save_accuracy(bucket: str, record: AccuracyRecord, picture: bytes) -> S3Pointer:
    """A measured day, and its picture (SVG)."""
    names = {
        "customer_id": record.customer_id,
        "site_id": record.site_id,
        "day": date.fromisoformat(record.day),
    }
    s3.write_bytes(bucket, ACCURACY_PICTURE.build(**names), picture, "image/svg+xml")
    return s3.write_json(bucket, ACCURACY.build(**names), record.document())


def load_accuracy(
    bucket: str, customer_id: str, site_id: str, first: date, last: date
) -> tuple[list[AccuracyRecord], list[str]]:
    """The measured days of a site from one day to another, and the days whose record nobody can read."""
    prefix = ACCURACY.prefix(customer_id=customer_id, site_id=site_id)
    before = ACCURACY.build(customer_id=customer_id, site_id=site_id, day=first).removesuffix(".json")
    keys = {}
    for entry in s3.list_keys(bucket, prefix, start_after=before):
        fields = ACCURACY.parse(entry["Key"])
        if fields and first <= fields["day"] <= last:
            keys[fields["day"].isoformat()] = entry["Key"]

    def read(item: tuple[str, str]) -> tuple[str, list[AccuracyRecord]]:
        day, key = item
        where = f"s3://{bucket}/{key}"
        return day, readable(
            [(where, key)],
            lambda name: AccuracyRecord.read(s3.read_json(S3Pointer(bucket=bucket, key=name)), name),
        )

    with ThreadPoolExecutor(MOST_READS) as pool:
        found = list(pool.map(read, keys.items()))
    return [record for _, part in found for record in part], [day for day, part in found if not part]


def _live_key(site: SiteDocument) -> str:
    return LIVE_CALIBRATION.build(customer_id=site.customer_id, site_id=site.site_id)


def _telemetry(bucket: str, keys: list[str], bad: list[Unreadable] | None = None) -> pd.DataFrame | None:
    import pandas as pd

    from ona.store import parquet

    columns = ["timestamp", "asset_id", "power_kw"]

    def read(key: str) -> tuple[pd.DataFrame | None, str]:
        return attempted(lambda: parquet.read(S3Pointer(bucket=bucket, key=key), columns)[columns])

    with ThreadPoolExecutor(MOST_READS) as pool:
        found = list(pool.map(read, keys))
    for key, (_, damage) in zip(keys, found, strict=True):
        if damage:
            note(f"s3://{bucket}/{key}", damage)
            if bad is not None:
                bad.append(Unreadable(f"s3://{bucket}/{key}", damage))
    frames = [frame for frame, _ in found if frame is not None]
    return pd.concat(frames, ignore_index=True) if frames else None
