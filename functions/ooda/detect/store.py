"""What Detect reads and writes.

It reads the telemetry file, the asset registry, the asset histories, earlier days and neighbours
(`telemetry_store.py`), forecasts and weather. It writes the asset histories, the judged telemetry and the
detection record.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, ObjectMissing
from ona.runtime.observability import logger
from ona.runtime.words import counted
from ona.store.layout import ASSET_HISTORY, day_of
from ona.store.registry import read_registry
from ona.store.s3 import read_json, write_json, write_json_if
from ona.store.unreadable import note
from ona.telemetry.readings import days_of, span
from ooda.config.detection import detection_threshold
from ooda.detect import event_store, foretold, reading
from ooda.detect.asset_history import windows_of
from ooda.detect.batches import Batch
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.damaged_history import Read, read_beside, read_history
from ooda.detect.judge import AssetVerdict, entered_again, judge_assets
from ooda.detect.judged_readings import published
from ooda.detect.other_files import OtherFiles, with_others
from ooda.detect.planned import rules_of
from ooda.detect.telemetry_store import read_neighbours, save_telemetry
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.layout import DETECTION

MAX_FORECAST_DAYS = 31
"""Days. Of a longer file (a backfill) forecasts are read for the first month only."""
STRANGERS_NAMED = 10
"""Assets of a file that nobody registered and that the log names (ours)."""
NO_NEIGHBOURS = pd.DataFrame({"asset_id": []})
WRITE_TRIES = 8
"""Attempts to write an asset history that others write too; waits double from 50 ms to 6 s."""

# ------------------------------------------------------------------ the file and its record


def load_file(
    source: S3Pointer, now: datetime, charge: bool = False, body: bytes | None = None
) -> TelemetryFile:
    """The telemetry file with registry and rules; `charge`: it has a state of charge. `body`: the file,
    where it was read already.

    Raises InvalidTelemetry for one that fails as a whole.
    """
    registry = read_registry(source.bucket)
    telemetry, profile = reading.read(source, registry, now, charge, body)
    for name, rows in sorted(telemetry.quality.strangers.items())[:STRANGERS_NAMED]:
        note(
            f"s3://{source.bucket}/{source.key}",
            f"{name}: not in assets.json, {counted(rows, 'row')} left out",
        )
    silent = {
        name: np.concatenate([times for _, times in of_no_use])
        for name, of_no_use in telemetry.quality.unusable.items()
    }
    readings = telemetry.by_asset.with_silent(silent)
    stored = {name: readings[name] for name in sorted(registry.storages() & set(readings))}
    return TelemetryFile(
        readings={name: readings[name] for name in readings if name not in stored} if stored else readings,
        storages=stored,
        quality=telemetry.quality,
        registry=registry,
        rules=rules_of(source.bucket),
        threshold=detection_threshold(),
        key=source.key,
        span=telemetry.by_asset.span,
        rows=len(telemetry),
        source_profile=profile,
    )


def record_pointer(source: S3Pointer, detection_id: str, now: datetime) -> S3Pointer:
    """Where the detection record of a file lies: under the day in the file's key, else today."""
    key = DETECTION.build(day=day_of(source.key, now.date()), detection_id=detection_id)
    return S3Pointer(bucket=output_bucket(), key=key)


def earlier_record(pointer: S3Pointer) -> DetectionRecord | None:
    """The record of the same object version, when an event is delivered again; else None."""
    try:
        document = read_json(pointer)
    except ObjectMissing:
        return None
    logger.info("delivered before; the recorded result stands", key=pointer.key)
    record: DetectionRecord = DetectionRecord.read(document, pointer.key)
    return record


def save_record(pointer: S3Pointer, record: DetectionRecord) -> S3Pointer:
    """Write the detection record; the pointer names its version."""
    return write_json(pointer.bucket, pointer.key, record.document())


def output_bucket() -> str:
    """The bucket that documents lie in."""
    return aws.environment("OUTPUT_BUCKET")


# ------------------------------------------------------------------ one batch of assets


def load_context(
    file: TelemetryFile,
    batch: Batch,
    input_bucket: str,
    now: datetime,
    *,
    whole: Mapping[str, Read] | None = None,
) -> Context:
    """What lies beside the file for some of its assets: histories, neighbours, forecasts, weather, logs.

    `whole`: the file has all of the site, whose histories these are; no neighbours are read.

    Of a site's other assets at most `max_peers` are read, the same ones every time. What has not arrived
    yet is not there: the first file of a day is judged without its neighbours.
    """
    assets = _assets_of(file, batch)
    log_versions = versions_of_logs(file, batch)
    days = sorted({str(day) for name in assets for day in _days(file, name)})
    bucket = output_bucket()
    had = whole or {}
    tagged = {name: had.get(name) or read_history(bucket, asset) for name, asset in assets.items()}
    histories = {name: read.history for name, read in tagged.items()}
    neighbours = NO_NEIGHBOURS if whole is not None else read_neighbours(file, assets, days, bucket)
    return Context(
        histories=histories,
        beside=_beside(file, assets.values(), set(neighbours["asset_id"]), bucket),
        etags={name: read.etag for name, read in tagged.items()},
        damaged={name: read.damaged for name, read in tagged.items() if read.damaged},
        neighbours=neighbours,
        forecasts=foretold.forecasts(set(assets), days[:MAX_FORECAST_DAYS], input_bucket),
        weather=foretold.weather(assets.values(), span(file.readings, assets), now, input_bucket),
        logs=event_store.read(bucket, assets.values(), log_versions),
        log_versions=log_versions,
    )


def versions_of_logs(file: TelemetryFile, batch: Batch) -> dict[str, str]:
    """The objects of event logs that concern the batch, each with its ETag."""
    first, last = span(file.readings, batch.names)
    assets = _assets_of(file, batch).values()
    return event_store.versions(output_bucket(), assets, first.to_pydatetime(), last.to_pydatetime())


def _assets_of(file: TelemetryFile, batch: Batch) -> dict[str, Asset]:
    names = set(batch.names)
    return {asset.id: asset for asset in file.registry.assets if asset.id in names}


def save_batch(
    file: TelemetryFile, batch: Batch, context: Context, verdicts: list[AssetVerdict], read: OtherFiles
) -> tuple[list[AssetDetection], list[S3Pointer]]:
    """Write asset histories and judged telemetry; the detections as they then stand, and the telemetry's
    pointers. `read` reads other files. Raises DependencyBusy."""
    saved = [save_history(file, context, verdict, read) for verdict in verdicts]
    names = [verdict.detection.asset_id for verdict in saved]
    before = {name: windows_of(context.histories.get(name), file.key) for name in names}
    set_aside, pointers = Counter[str](), list[S3Pointer]()
    for frames, wrong in published(saved, file.registry.capacities()):
        set_aside.update(wrong)
        pointers += save_telemetry(output_bucket(), batch, frames, file.key, before)
    return [
        verdict.detection.model_copy(update={"set_aside_readings": set_aside[verdict.detection.asset_id]})
        for verdict in saved
    ], pointers


# ------------------------------------------------------------------ asset histories


def save_history(
    file: TelemetryFile, context: Context, verdict: AssetVerdict, read: OtherFiles
) -> AssetVerdict:
    """Write an asset's history with the file's days; the verdict with the incidents as they then stand.

    Files of one asset may be judged side by side: a history that somebody else wrote meanwhile is read
    again and the file's days are entered again. Where it has a file that overlaps with this one, both are
    judged together. Raises DependencyBusy when that does not come to an end.
    """
    bucket = output_bucket()
    asset = file.registry.require(verdict.detection.asset_id, file.key)
    key, etag = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id), context.etags[asset.id]
    for attempt in range(WRITE_TRIES):
        if write_json_if(bucket, key, verdict.history.document(), etag):
            return verdict
        time.sleep(random.uniform(0.0, 0.05 * 2**attempt))
        newer = read_history(bucket, asset)
        etag = newer.etag
        verdict = _judged_again(file, context, verdict, newer.history, read)
    raise DependencyBusy(f"the history of {asset.id} is written by others all the time")


def _judged_again(
    file: TelemetryFile, context: Context, verdict: AssetVerdict, newer: AssetHistory, read: OtherFiles
) -> AssetVerdict:
    """The verdict upon a history that another file has changed meanwhile."""
    name = verdict.detection.asset_id
    read.forget()
    whole = with_others(file, {name: newer}, [name], read)
    if whole is file and verdict.readings is file.readings[name]:
        return entered_again(verdict, newer, file)
    (again,) = judge_assets(whole, replace(context, histories={**context.histories, name: newer}), [name])
    return again


def _beside(
    file: TelemetryFile, assets: Iterable[Asset], stored: set[str], bucket: str
) -> dict[str, AssetHistory]:
    """The histories of the neighbours that are a reference: their planes and levels. `stored`: neighbours
    whose readings come from the telemetry store."""
    most = file.rules.algorithms.reference.max_peers
    own = {asset.id: asset.site_id for asset in assets}
    result: dict[str, AssetHistory] = {}
    for site in sorted(set(own.values())):
        there = [
            asset
            for asset in file.registry.assets
            if asset.site_id == site and (asset.id in file.readings or asset.id in stored)
        ]
        nearest = sorted(there, key=lambda asset: asset.id)[:most]
        result.update(read_beside(bucket, [asset for asset in nearest if asset.id not in own]))
    return result


def _days(file: TelemetryFile, name: str) -> np.ndarray:
    """The UTC days on which an asset has readings."""
    return days_of(file.readings, name).astype("datetime64[D]")
