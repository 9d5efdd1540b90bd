"""What the site layer reads and writes: a site's stored telemetry, histories, its record and its runs."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

import pandas as pd

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, InvalidInput, ObjectMissing
from ona.store.layout import ASSET_HISTORY, TELEMETRY
from ona.store.s3 import NOT_JSON, list_keys, read_bytes_tagged, read_json, write_json, write_json_if
from ona.store.unreadable import note
from ona.telemetry.intervals import minutes_of
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import DetectionConfig, detection_threshold
from ooda.detect import event_store
from ooda.detect.asset_history import KEEP_DAYS, name_of, number_of
from ooda.detect.context import TelemetryFile
from ooda.detect.damaged_history import Read, read_history
from ooda.detect.site_layer import MachineDays, Run, entered
from ooda.detect.sky import place_of_days, solar_days
from ooda.detect.telemetry_store import EXPECTED, read_objects
from ooda.documents.asset_history import AssetHistory
from ooda.documents.site_days import PlantEvent, SiteDay, SiteRecord
from ooda.layout import SITE_DAY, SITE_RECORD
from ooda.store import history_of

READERS = 16
"""Histories and telemetry objects that are read at once (ours)."""
WRITE_TRIES = 8
"""Attempts to write an object that others write too; waits double from 50 ms to 6 s."""
MOST_LOOKED = 24
"""Machines whose histories Detect reads to see whether a day is complete (ours); of more the grace says."""
NOON, AROUND = timedelta(hours=12), timedelta(hours=4)
"""The middle of a solar day: a machine whose file came has readings there."""


def _bucket() -> str:
    return aws.environment("OUTPUT_BUCKET")


def of_site(registry: AssetRegistry, site_id: str) -> list[Asset]:
    """A site's registered machines, by id; nobody judges its storage."""
    own = (one for one in registry.assets if one.site_id == site_id and not one.is_storage)
    return sorted(own, key=lambda one: one.id)


def utc_days(days: Sequence[str], longitude: float) -> list[date]:
    """The UTC days over which solar days lie.

    >>> utc_days(["2025-06-10"], 170.0)
    [datetime.date(2025, 6, 9), datetime.date(2025, 6, 10)]
    """
    found = set()
    for day in days:
        begin = datetime.fromisoformat(day) - timedelta(minutes=4 * longitude)
        end = begin + timedelta(hours=24) - timedelta(seconds=1)
        found |= {begin.date(), end.date()}
    return sorted(found)


def is_complete(registry: AssetRegistry, site_id: str, day: str, own: set[str]) -> bool:
    """Whether all registered machines of a site have told of a day; the machines `own` just did."""
    missing = [asset for asset in of_site(registry, site_id) if asset.id not in own]
    if not missing:
        return True
    place = place_of_days(missing[0])
    middle = datetime.fromisoformat(day) + NOON - timedelta(minutes=4 * (place.longitude if place else 0.0))
    stems = [
        {
            PurePosixPath(e["Key"]).stem
            for e in list_keys(_bucket(), TELEMETRY.prefix(site_id=site_id, day=d))
        }
        for d in sorted({(middle - AROUND).date(), (middle + AROUND).date()})
    ]
    left = [asset for asset in missing if not all(asset.id in names for names in stems)]
    if len(left) > MOST_LOOKED or (left and not any(n.startswith("_") for names in stems for n in names)):
        return False
    return all((h := history_of(_bucket(), site_id, a.id)) is not None and day in h.days for a in left)


# ------------------------------------------------------------------ what a run reads


@dataclass(frozen=True)
class StoredDays:
    """A site's stored days. `content`: what says whether it is the same as before, with the ETag of each
    object of its telemetry and its event logs."""

    frame: pd.DataFrame
    content: list[str]


def stored_days(site_id: str, assets: Sequence[Asset], days: Sequence[str]) -> StoredDays:
    """A site's stored telemetry of some solar days, each reading once. Raises DependencyBusy."""
    places = [place_of_days(asset) for asset in assets]
    longitude = next((place.longitude for place in places if place), 0.0)
    entries = [
        entry
        for day in utc_days(days, longitude)
        for entry in list_keys(_bucket(), TELEMETRY.prefix(site_id=site_id, day=day))
    ]
    content = [f"{entry['Key']} {entry['ETag']}" for entry in entries]
    frame = read_objects(_bucket(), entries, READERS)
    if frame.empty:
        return StoredDays(frame, content)
    wanted = {number_of(day) for day in days}
    parts = []
    for asset in assets:
        own = frame[frame["asset_id"] == asset.id]
        if len(own):
            number = solar_days(minutes_of(own["timestamp"]), place_of_days(asset))
            parts.append(own[pd.Series(number, index=own.index).isin(wanted)])
    if not parts:
        return StoredDays(frame.iloc[:0], content)
    whole = pd.concat(parts, ignore_index=True)
    first, last = (end.to_pydatetime() for end in (whole["timestamp"].min(), whole["timestamp"].max()))
    logs = event_store.versions(_bucket(), assets, first, last)
    content += [f"{key} {etag}" for key, etag in sorted(logs.items())]
    return StoredDays(whole.drop(columns=EXPECTED, errors="ignore"), content)


def as_file(
    frame: pd.DataFrame, registry: AssetRegistry, rules: DetectionConfig, key: str
) -> TelemetryFile:
    """Stored days as one telemetry file, to be judged by these rules."""
    readings = by_asset(frame.sort_values(["asset_id", "timestamp"], ignore_index=True))
    return TelemetryFile(
        readings,
        Quality(rows_read=len(frame)),
        registry,
        rules,
        detection_threshold(),
        key=key,
        rows=len(frame),
    )


def histories_of(assets: Sequence[Asset]) -> dict[str, Read]:
    """The machines' histories by id, with their ETags. Raises DependencyBusy."""
    with ThreadPoolExecutor(READERS) as readers:
        read = readers.map(lambda asset: read_history(_bucket(), asset), assets)
    return {asset.id: one for asset, one in zip(assets, read, strict=True)}


def record_of(site_id: str) -> tuple[SiteRecord, str]:
    """A site's record and its ETag; an empty one before its first day, or where it cannot be read."""
    pointer = S3Pointer(bucket=_bucket(), key=SITE_RECORD.build(site_id=site_id))
    body, etag = read_bytes_tagged(pointer)
    if etag:
        try:
            record: SiteRecord = SiteRecord.read(json.loads(body), pointer.key)
            return record, etag
        except (InvalidInput, *NOT_JSON) as error:
            note(f"s3://{pointer.bucket}/{pointer.key}", error)
    return SiteRecord(site_id=site_id), etag


def run_pointer(site_id: str, day: str, run: str) -> S3Pointer:
    """Where the document of a run lies."""
    key = SITE_DAY.build(site_id=site_id, day=date.fromisoformat(day), run=run)
    return S3Pointer(bucket=_bucket(), key=key)


def earlier_run(pointer: S3Pointer) -> SiteDay | None:
    """The document of the same days with the same content; None where they were not judged so."""
    try:
        document: SiteDay = SiteDay.read(read_json(pointer), pointer.key)
    except ObjectMissing:
        return None
    return document


# ------------------------------------------------------------------ what a run writes


def enter(
    asset: Asset, machine: MachineDays, run: Run, events: Mapping[str, PlantEvent], had: Read
) -> tuple[AssetHistory, AssetHistory]:
    """Write what a run says of a machine into its history; the history before and after. `had`: as the run
    has read it. It is read again when that was written since, or has nothing to change: the newest may.
    Raises DependencyBusy when others keep writing it."""
    key = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id)
    if not had.damaged and had.etag:
        after = entered(had.history, machine, run, events)
        if after != had.history and write_json_if(_bucket(), key, after.document(), had.etag):
            return had.history, after
    for attempt in range(WRITE_TRIES):
        read = read_history(_bucket(), asset)
        if read.damaged or not read.etag:
            return read.history, read.history
        after = entered(read.history, machine, run, events)
        if after == read.history or write_json_if(_bucket(), key, after.document(), read.etag):
            return read.history, after
        time.sleep(random.uniform(0.0, 0.05 * 2**attempt))
    raise DependencyBusy(f"the history of {asset.id} is written by others all the time")


def save_record(record: SiteRecord, etag: str) -> None:
    """Write a site's record with its latest days. Raises DependencyBusy: another run wrote it."""
    oldest = name_of(max(map(number_of, record.days), default=0) - KEEP_DAYS)
    days = {day: item for day, item in sorted(record.days.items()) if day >= oldest}
    document = record.model_copy(update={"days": days}).document()
    if not write_json_if(_bucket(), SITE_RECORD.build(site_id=record.site_id), document, etag):
        raise DependencyBusy(f"the record of site {record.site_id} was written by another run")


def save_run(pointer: S3Pointer, document: SiteDay) -> S3Pointer:
    """Write the document of a run; last, for it says that the run was made."""
    return write_json(pointer.bucket, pointer.key, document.document())
