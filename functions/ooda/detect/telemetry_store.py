"""The telemetry store, as Detect reads and writes it.

It lies in the output bucket: one object a site, UTC day and file, named after the asset, or
`_<stem of the file>` for a file that holds several assets of the site.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.documents.columns import COLUMNS, NUMERIC
from ona.runtime.errors import DependencyBusy, InvalidPayload, ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import logger
from ona.store import parquet
from ona.store.held import Held
from ona.store.layout import TELEMETRY
from ona.store.s3 import Entry, list_keys, read_bytes_tagged, write_bytes_if
from ona.store.unreadable import note, readable
from ona.telemetry.readings import together, without_impossible
from ooda.detect.batches import Batch
from ooda.detect.context import TelemetryFile
from ooda.documents.detections import Window

NEEDED = ("timestamp", "asset_id", "power_kw")
"""Columns without which an object is no telemetry."""
WRITE_TRIES = 8
"""Attempts to write an object that others write too; waits double from 50 ms to 6 s."""
EXPECTED = "expected_kw"
"""The column that judging adds, kW."""
LONGEST_STEM = 512
"""Characters of a file's name in an object's key (ours): with site, day and part it stays below S3's 1 024
bytes (Amazon S3 User Guide, "Naming Amazon S3 objects")."""
MOST_NAMED = 10
"""Assets of another site or of none that the log names (ours)."""
MAX_PEER_DAYS = 31
"""Days. Of a longer file (a backfill) neighbours are read for the first month only."""
_held: Held[pd.DataFrame] = Held(most=32 << 20, size=lambda frame: int(frame.memory_usage().sum()))
"""The frames of telemetry objects that have not changed; 32 MiB (ours) are some 1 000 machine days."""


def save_telemetry(
    bucket: str,
    batch: Batch,
    frames: Mapping[str, pd.DataFrame],
    source_key: str,
    before: Mapping[str, Sequence[Window]] | None = None,
) -> list[S3Pointer]:
    """Write the judged frames of a batch to the telemetry store, one object a UTC day.

    An asset's own object may hold the other half of the day from another file. With `before`, what the
    file gave earlier by asset, readings outside of that and of the frame stay. Raises DependencyBusy.
    """
    frame = together(frames)
    pointers = []
    for day, own in frame.groupby(frame["timestamp"].dt.floor("D"), sort=True):
        name = _object_name(sorted(own["asset_id"].unique()), source_key)
        name += f"-{batch.part}" if batch.part else ""
        key = TELEMETRY.build(site_id=batch.site, day=day, name=name)
        if before is None or name.startswith("_"):
            pointers.append(parquet.put(bucket, key, own))
        else:
            pointers.append(_put_beside(bucket, key, own, before.get(name, ())))
    return pointers


def _put_beside(bucket: str, key: str, own: pd.DataFrame, before: Sequence[Window]) -> S3Pointer:
    """Write an asset's day with what other files gave of it. Raises DependencyBusy."""
    pointer = S3Pointer(bucket=bucket, key=key)
    for attempt in range(WRITE_TRIES):
        body, etag = read_bytes_tagged(pointer)
        whole = parquet.dump(beside(_stored(body, key), own, before))
        written = write_bytes_if(bucket, key, whole, parquet.MEDIA_TYPE, etag)
        if written is not None:
            return written
        time.sleep(random.uniform(0.0, 0.05 * 2**attempt))
    raise DependencyBusy(f"{key} is written by others all the time")


def _stored(body: bytes, key: str) -> pd.DataFrame | None:
    """What an object holds; None for no object, and for one that is no telemetry (the log names it)."""
    if not body:
        return None
    try:
        frame = parquet.load(body)
    except Exception as error:  # whatever fastparquet says of bytes that are none of its own
        logger.warning("no telemetry: written anew", key=key, why=str(error))
        return None
    return frame if set(NEEDED) <= set(frame) else None


def beside(stored: pd.DataFrame | None, own: pd.DataFrame, before: Sequence[Window]) -> pd.DataFrame:
    """An asset's readings of a day: a file's own, and those stored ones that are of other files.

    These lie outside of what the file gives now, and of what it gave `before`.
    """
    if stored is None:
        return own
    times = stored["timestamp"]
    others = (times < own["timestamp"].iloc[0]) | (times > own["timestamp"].iloc[-1])
    for window in before:
        others &= (times < pd.Timestamp(window.start)) | (times > pd.Timestamp(window.end))
    if not others.any():
        return own
    parts = [stored[others].reindex(columns=own.columns), own]
    return pd.concat(parts, ignore_index=True).sort_values("timestamp", ignore_index=True)


def _object_name(assets: Iterable[str], source_key: str) -> str:
    ids = list(assets)
    if len(ids) == 1:
        return ids[0]
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", PurePosixPath(source_key).stem)
    if len(stem) > LONGEST_STEM:
        stem = f"{stem[: LONGEST_STEM - 13]}-{digest(source_key)}"
    return f"_{stem}"


def _read_all(bucket: str, entries: Iterable[Entry]) -> list[pd.DataFrame]:
    """The frames of listed telemetry objects. One that is no telemetry is named in the log and left out:
    the file is judged by the others. One that has not changed is not read again; nobody may change it."""

    def read(entry: Entry) -> pd.DataFrame:
        where = f"s3://{bucket}/{entry['Key']}"

        def anew() -> tuple[pd.DataFrame, str]:
            body, etag = read_bytes_tagged(S3Pointer(bucket=bucket, key=entry["Key"]))
            if not etag:
                raise ObjectMissing(f"{where} does not exist")
            return _checked(parquet.parsed(body, where, NEEDED), where), etag

        return _held.read(where, entry["ETag"], anew)

    return readable(((f"s3://{bucket}/{entry['Key']}", entry) for entry in entries), read)


def read_objects(bucket: str, entries: Sequence[Entry], readers: int) -> pd.DataFrame:
    """The frames of listed telemetry objects in one, each reading once; so many are read at a time."""
    with ThreadPoolExecutor(readers) as pool:
        read = pool.map(lambda entry: _read_all(bucket, [entry]), entries)
        parts = [frame for frames in read for frame in frames]
    return each_reading_once(pd.concat(parts, ignore_index=True)) if parts else pd.DataFrame()


def _checked(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """A telemetry object's frame: every value is of its column's kind. Raises InvalidPayload, which names
    the object: one value of another kind in one file would end the whole site's day."""
    numbers = [name for name in (*NUMERIC, EXPECTED) if name in frame]
    wrong = [name for name in numbers if not _is_numeric(frame[name])]
    if not frame["asset_id"].map(lambda value: isinstance(value, str)).all():
        wrong.append("asset_id")
    if frame["timestamp"].isna().any():
        wrong.append("timestamp")
    if wrong:
        raise InvalidPayload(f"{where} has other values in column {', '.join(wrong)}")
    return frame.assign(**{name: frame[name].astype(float) for name in numbers})


def _is_numeric(values: pd.Series) -> bool:
    if values.isna().all():
        return True
    kind = pd.api.types
    numeric = kind.is_numeric_dtype(values) and not kind.is_bool_dtype(values)
    return numeric and not kind.is_complex_dtype(values) and not bool(np.isinf(values).any())


def read_neighbours(
    file: TelemetryFile, assets: Mapping[str, Asset], days: list[str], bucket: str
) -> pd.DataFrame:
    """The same days of the sites' other assets, one canonical frame; without assets that the file holds."""
    rules = file.rules.algorithms.reference
    present = set(file.readings)
    entries: list[Entry] = []
    sites = sorted({asset.site_id for asset in assets.values()})
    for site in sites:
        own_name = _object_name(sorted(_of_site(file.registry, site) & present), file.key)
        objects_read = 0
        for day in days[:MAX_PEER_DAYS]:
            for entry in list_keys(bucket, TELEMETRY.prefix(site_id=site, day=date.fromisoformat(day))):
                name = PurePosixPath(entry["Key"]).stem
                if name != own_name and objects_read < rules.max_peers * len(days):
                    objects_read += 1
                    entries.append(entry)
    parts = _read_all(bucket, entries)
    nothing = pd.DataFrame(columns=[*COLUMNS, EXPECTED])
    beside = each_reading_once(pd.concat(parts, ignore_index=True)) if parts else nothing
    registered = {name for site in sites for name in _of_site(file.registry, site)}
    strangers = sorted(set(beside["asset_id"]) - registered)
    for name in strangers[:MOST_NAMED]:
        note(f"s3://{bucket}/{TELEMETRY.prefix()}", f"{name} is no asset of {', '.join(sites)}")
    others = beside[~beside["asset_id"].isin([*present, *strangers, *file.registry.storages()])]
    return without_impossible(others, file.registry.capacities())[0]


def _of_site(registry: AssetRegistry, site_id: str) -> set[str]:
    return {asset.id for asset in registry.assets if asset.site_id == site_id}


def each_reading_once(frame: pd.DataFrame) -> pd.DataFrame:
    """Each reading once: uploads may repeat what came as an observation; the judged one stands."""
    if "expected_kw" not in frame:
        frame["expected_kw"] = float("nan")
    ranked = frame.sort_values("expected_kw", na_position="last", kind="stable")
    first = ranked.drop_duplicates(["asset_id", "timestamp"], keep="first")
    return first.sort_values(["asset_id", "timestamp"], ignore_index=True)


def read_days(bucket: str, asset: Asset, days: Iterable[str]) -> pd.DataFrame:
    """An asset's judged readings of some days; empty where there are none."""
    entries: list[Entry] = []
    for day in days:
        prefix = TELEMETRY.prefix(site_id=asset.site_id, day=date.fromisoformat(day)) + asset.id
        entries += list_keys(bucket, prefix)
    parts = _read_all(bucket, entries)
    if not parts:
        return pd.DataFrame()
    return without_impossible(pd.concat(parts, ignore_index=True), {asset.id: asset.capacity_kw})[0]
