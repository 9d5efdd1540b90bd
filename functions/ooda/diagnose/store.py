"""What Diagnose reads and writes.

It reads the detection record, the asset registry, each asset's history, and the platform's forecasts of the
coming days. It writes one diagnostic an asset. No pandas: the function is small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from ona.config.causes import cause_rules
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.store import s3
from ona.store.layout import FORECAST_CSV, day_of
from ona.store.registry import read_registry
from ooda.config.loss_function import loss_function_config
from ooda.config.trends import trend_rules
from ooda.diagnose.coming import DAYS, energy_of
from ooda.diagnose.diagnostics import AssetInput, Rules, needs_diagnosis
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.documents.diagnostics import Diagnostic
from ooda.layout import DIAGNOSTIC
from ooda.store import history_of

MOST_READS = 16
"""Assets that are read at a time (ours): each waits some 30 ms for S3, eight times."""
EntryT = TypeVar("EntryT")
DoneT = TypeVar("DoneT")


def load_record(pointer: S3Pointer) -> DetectionRecord:
    """The detection record. Raises ObjectMissing, InvalidPayload."""
    record: DetectionRecord = DetectionRecord.read(s3.read_json(pointer), pointer.key)
    return record


def load_rules() -> Rules:
    """The rules of diagnosis from the configuration files. Raises InvalidConfiguration."""
    return Rules(causes=cause_rules(), limits=loss_function_config().thresholds, trends=trend_rules())


def each_asset(
    record: DetectionRecord, where: str, diagnosed: Callable[[AssetInput], Diagnostic]
) -> list[Diagnostic]:
    """What `diagnosed` makes of each asset that needs a diagnosis, with history and forecasts, in the
    record's order; `where`: the record's key, for errors. Several are read at a time. A history is let go
    when its asset is diagnosed."""
    registry, bucket = read_registry(record.source.bucket), aws.environment("OUTPUT_BUCKET")

    def one(detection: AssetDetection) -> Diagnostic:
        return diagnosed(
            AssetInput(
                detection=detection,
                asset=registry.require(detection.asset_id, where),
                history=history_of(bucket, detection.site_id, detection.asset_id),
                coming_kwh=coming_kwh(record.source.bucket, detection.asset_id, detection.window.end),
            )
        )

    return _together(one, list(filter(needs_diagnosis, record.assets)))


def save_diagnostics(record: DetectionRecord, diagnostics: Sequence[Diagnostic]) -> list[S3Pointer]:
    """Write each diagnostic, under the day in the telemetry file's key; where they lie."""
    day, bucket = day_of(record.source.key, record.generated_at.date()), aws.environment("OUTPUT_BUCKET")

    def one(diagnostic: Diagnostic) -> S3Pointer:
        key = DIAGNOSTIC.build(day=day, diagnostic_id=diagnostic.diagnostic_id)
        return s3.write_json(bucket, key, diagnostic.document())

    return _together(one, diagnostics)


def _together(work: Callable[[EntryT], DoneT], entries: Sequence[EntryT]) -> list[DoneT]:
    """What `work` makes of each entry, in their order, `MOST_READS` at a time."""
    aws.client("s3")  # one for all threads
    with ThreadPoolExecutor(MOST_READS) as pool:
        return list(pool.map(work, entries))


def coming_kwh(bucket: str, asset_id: str, last: datetime) -> list[float | None]:
    """Forecast energy of each of the `DAYS` UTC days after a moment, kWh, None where there is no forecast.

    The newest forecast of a day counts. Days without any asset's forecast are not asked for: one listing
    of a month's days tells them.
    """
    days = {
        FORECAST_CSV.prefix(day=day): day for day in (last + timedelta(days=n + 1) for n in range(DAYS))
    }
    months = sorted({prefix.rstrip("/").rpartition("/")[0] + "/" for prefix in days})
    there = {prefix for month in months for prefix in s3.list_folders(bucket, month)}
    energies = []
    for folder, day in days.items():
        prefix = FORECAST_CSV.prefix(day=day, asset_id=asset_id)
        keys = sorted(entry["Key"] for entry in s3.list_keys(bucket, prefix)) if folder in there else []
        body = s3.read_bytes(S3Pointer(bucket=bucket, key=keys[-1])) if keys else b""
        energies.append(energy_of(body.decode(errors="replace"), asset_id))
    return energies
