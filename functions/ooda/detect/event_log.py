"""A file that is an event log: its events are kept, and the days that they touch are judged again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry, ObjectMissing
from ona.runtime.observability import logger
from ona.runtime.words import counted
from ona.store import s3
from ona.store.registry import read_registry
from ona.store.unreadable import note
from ooda.config.detection import detection_threshold
from ooda.detect import event_store
from ooda.detect.asset_history import number_of
from ooda.detect.damaged_history import read_history
from ooda.detect.logged import Logged
from ooda.documents.asset_history import AssetHistory, file_order
from ooda.documents.detections import (
    AssetDetection,
    DetectionRecord,
    EventClass,
    FileQuality,
    LogSummary,
)
from ooda.documents.event_logs import StoredEvent
from ooda.event_logs.headers import HEAD_BYTES, head_text
from ooda.event_logs.reading import EventLog, read_log
from ooda.payloads import DetectRequest

LIMIT_MB = 100.0
"""The largest event log, MB (ours)."""
MOST_AGAIN = 60
"""Telemetry files that are judged again for one log, the latest ones (ours): Detect has four minutes."""
STRANGERS_NAMED = 10
"""Assets of a log that nobody registered and that Detect's own log names (ours)."""
UNKNOWN_NAMED = 50
"""Unknown codes that the record names (ours)."""
SILENT: tuple[EventClass, ...] = ("information", "communication")
"""Classes that change nothing of what was judged."""

Judge = Callable[[str], list[AssetDetection]]
"""Judges a telemetry file of the input bucket anew, by its key."""


@dataclass(frozen=True)
class Beginning:
    """How a file begins. `text`: in which its header is looked for; `came`: when the file came, None for an
    empty one; `whole`: all of a small file, so that it need not be read again, None of a larger one."""

    text: str
    came: datetime | None
    whole: bytes | None


def beginning(source: S3Pointer) -> Beginning:
    """How a file begins. Raises ObjectMissing, DependencyBusy."""
    head, came = s3.read_beginning(source, HEAD_BYTES)
    return Beginning(head_text(head), came, head if len(head) < HEAD_BYTES else None)


def detect(request: DetectRequest, output_bucket: str, now: datetime, judge: Judge) -> DetectionRecord:
    """Keep a log's events, judge again what they touch, say what came of it. Raises InvalidTelemetry."""
    source = request.source
    registry = read_registry(source.bucket)
    log = _read(source, registry, now)
    before = event_store.earlier(output_bucket, source.key)
    event_store.save(output_bucket, source.key, log.events, registry)
    assets = [asset for asset in registry.assets if asset.id in {*log.events, *before}]
    touched = {
        asset.id: _touched([*log.events.get(asset.id, ()), *before.get(asset.id, ())], asset)
        for asset in assets
    }
    histories = {asset.id: read_history(output_bucket, asset).history for asset in assets}
    keys = files_of(histories, touched)
    again: list[AssetDetection] = []
    for key in keys[-MOST_AGAIN:]:
        again += [one for one in _judged(judge, key) if one.asset_id in touched]
    now_stands = {asset.id: read_history(output_bucket, asset).history for asset in assets} if again else {}
    summary = _summary(log, registry)
    return DetectionRecord(
        detection_id=f"det-{request.file_id}",
        execution_id=request.execution_id,
        source=source,
        source_profile="event_log",
        generated_at=now,
        detection_threshold=detection_threshold(),
        file_quality=FileQuality(
            rows_read=log.quality.rows_read,
            rows_used=log.quality.rows_read - log.quality.rows_rejected,
            rejected=log.quality.rejected,
            flagged=log.quality.flagged,
        ),
        assets=_as_they_stand(again, now_stands),
        telemetry=[],
        event_log=summary.model_copy(
            update={"again": min(len(keys), MOST_AGAIN), "left": max(0, len(keys) - MOST_AGAIN)}
        ),
    )


def _read(source: S3Pointer, registry: AssetRegistry, now: datetime) -> EventLog:
    size = s3.size_of(source)
    if size > LIMIT_MB * 1e6:
        raise InvalidTelemetry(
            "file_too_large",
            f"the event log has {size / 1e6:.0f} MB, more than {LIMIT_MB:g}",
            where=source.key,
            remedy="split it by month or asset",
        )
    log = read_log(s3.read_bytes(source), registry, now, source.key)
    for name, rows in sorted(log.quality.strangers.items())[:STRANGERS_NAMED]:
        note(
            f"s3://{source.bucket}/{source.key}",
            f"{name}: not in assets.json, {counted(rows, 'event')} left out",
        )
    return log


def _judged(judge: Judge, key: str) -> list[AssetDetection]:
    """What a telemetry file says now; of one that is gone or no telemetry any more its days stand."""
    try:
        return judge(key)
    except (InvalidTelemetry, ObjectMissing) as error:
        logger.warning("a file of the log's days cannot be judged again", key=key, why=str(error))
        return []


# ------------------------------------------------------------------ what is judged again


def _touched(events: Iterable[StoredEvent], asset: Asset) -> set[int]:
    """The days, since 1970, on which events may change what was judged; a day more on each side, because a
    solar day is no UTC day."""
    days: set[int] = set()
    for event, meant in Logged.of(events, asset).events:
        if meant.event_class not in SILENT:
            first, last = event.begins - timedelta(days=1), event.lasts_to + timedelta(days=1)
            begin, end = (number_of(f"{moment:%Y-%m-%d}") for moment in (first, last))
            days.update(range(max(begin, end - 800), end + 1))
    return days


def files_of(histories: Mapping[str, AssetHistory], touched: Mapping[str, set[int]]) -> list[str]:
    """The telemetry files that gave the touched days on which something was missing, in order of their
    days. A day on which nothing was missing has nothing to be explained."""
    found: dict[str, str] = {}
    for name, history in histories.items():
        for day, by_file in sorted(history.days.items()):
            if number_of(day) not in touched[name]:
                continue
            for key, item in by_file.items():
                if item.episodes or item.weak is not None:
                    found[key] = max(found.get(key, ""), day)
    return sorted(found, key=lambda key: (found[key], file_order(key)))


def _as_they_stand(
    again: Iterable[AssetDetection], histories: Mapping[str, AssetHistory]
) -> list[AssetDetection]:
    """One detection an asset, its latest, with all incidents that the files have part in as they stand at
    the end: a file that was judged first does not know what the others changed."""
    by_asset: dict[str, list[AssetDetection]] = {}
    for one in again:
        by_asset.setdefault(one.asset_id, []).append(one)
    result = []
    for name, own in sorted(by_asset.items()):
        wanted = {incident.incident_id for one in own for incident in one.incidents}
        stand = [item for item in histories[name].incidents if item.incident_id in wanted]
        latest = max(own, key=lambda one: one.window.end)
        result.append(latest.model_copy(update={"incidents": stand}))
    return result


def _summary(log: EventLog, registry: AssetRegistry) -> LogSummary:
    """The log's events by class, and its unknown codes with how often each came."""
    classes: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for asset in registry.assets:
        for event, meant in Logged.of(log.events.get(asset.id, ()), asset).events:
            classes[meant.event_class] += 1
            if not meant.known:
                unknown[event.code or event.text] += 1
    return LogSummary(
        events=dict(sorted(classes.items())), unknown=dict(unknown.most_common(UNKNOWN_NAMED))
    )
