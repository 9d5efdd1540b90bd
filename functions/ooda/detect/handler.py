"""Detect: one telemetry file or event log in, a detection record out.

Raises InvalidTelemetry for a file that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime import processes
from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda import site_days
from ooda.detect import event_log, monitoring, site_store, storage, store
from ooda.detect.batches import Batch, batches, is_large
from ooda.detect.context import TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.detect.other_files import OtherFiles, with_others
from ooda.detect.record import answer, detection_id_of, record_of
from ooda.detect.site_run import judge_site
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.event_logs.headers import header_of
from ooda.payloads import DetectRequest, SiteDayRequest

MOST_CROSSINGS = 3
"""So often a file is judged while event logs of its days keep coming (ours)."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Event: a DetectRequest. Answer: a DetectResult, with the pointer to the detection record.

    Or, for the site layer, a SiteDayRequest and a SiteDayResult.
    """
    now = utc_now()
    if isinstance(event, dict) and "site_day" in event:
        return judge_site(SiteDayRequest.read(event, "event"), now).document()
    request = DetectRequest.read(event, "event")
    pointer = store.record_pointer(request.source, detection_id_of(request), now)
    record, complete = store.earlier_record(pointer) if request.source.version_id else None, list[str]()
    if record is None:
        begun = time.perf_counter()
        begin = event_log.beginning(request.source)
        record, complete = _detect(request, now, begin)
        monitoring.latency(time.perf_counter() - begun)
        pointer = store.save_record(pointer, record)
        monitoring.observed(request.source.key, begin.came, utc_now())
    result = answer(record, pointer, complete)
    if result.status == "nothing_found" and complete:  # else the workflow asks, after its orders
        site_days.ask(complete, now)
    monitoring.incidents(record, result)
    return result.document()


def _detect(
    request: DetectRequest, now: datetime, begin: event_log.Beginning
) -> tuple[DetectionRecord, list[str]]:
    """The record of a file that begins so, and the sites to be looked at as a whole now."""
    if header_of(begin.text) is not None:
        sites: set[str] = set()
        again = partial(_judged_again, request, now, sites)
        return event_log.detect(request, store.output_bucket(), now, again), sorted(sites)
    file = store.load_file(request.source, now, storage.says_charge(begin.text), begin.whole)
    detections, telemetry, days = _judged(file, request.source.bucket, now)
    detections += [
        storage.detection_of(file.registry.require(n, file.key), own) for n, own in file.storages.items()
    ]
    monitoring.quality(detections)
    complete = _marked(file, days, request.file_id, now)
    return record_of(request, file, detections, telemetry, now), complete


def _marked(
    file: TelemetryFile, days_of: Mapping[str, set[str]], by: str, now: datetime, because: str = ""
) -> list[str]:
    """Mark the file's days for the site layer; the sites whose newest day is complete with this file."""
    complete = []
    for site_id, days in sorted((site_id, sorted(own)) for site_id, own in days_of.items() if own):
        assets = [
            asset for asset in site_store.of_site(file.registry, site_id) if asset.id in file.readings
        ]
        if site_store.is_complete(file.registry, site_id, days[-1], {asset.id for asset in assets}):
            complete.append(site_id)
            due = now
        else:
            due = site_days.when_due(date.fromisoformat(days[-1]), now, site_days.zone_of(assets[0]))
        site_days.mark(site_id, days, due.astimezone(UTC), by, because)
    return complete


def _judged(
    file: TelemetryFile, input_bucket: str, now: datetime
) -> tuple[list[AssetDetection], list[S3Pointer], dict[str, set[str]]]:
    """The detections of a file, where its telemetry lies, and the solar days that it tells of, by site."""
    work = partial(_judge_batch, file, input_bucket, now)
    parts = processes.spread(work, batches(file), is_large(file))
    detections = [detection for own, _, _ in parts for detection in own]
    days: dict[str, set[str]] = {}
    for batch, (_, _, of_batch) in zip(batches(file), parts, strict=True):
        days.setdefault(batch.site, set()).update(of_batch)
    return detections, [pointer for _, pointers, _ in parts for pointer in pointers], days


def _judged_again(request: DetectRequest, now: datetime, sites: set[str], key: str) -> list[AssetDetection]:
    """A telemetry file that came before, judged with what is known now; `sites` gets those to be looked at
    as a whole once more."""
    bucket = request.source.bucket
    file = store.load_file(S3Pointer(bucket=bucket, key=key), now)
    detections, _, days = _judged(file, bucket, now)
    sites.update(_marked(file, days, request.file_id, now, "an event log came"))
    return detections


def _judge_batch(
    file: TelemetryFile, input_bucket: str, now: datetime, batch: Batch
) -> tuple[list[AssetDetection], list[S3Pointer], set[str]]:
    for _ in range(MOST_CROSSINGS):
        context = store.load_context(file, batch, input_bucket, now)
        read = OtherFiles(input_bucket, file.registry, now)
        whole = with_others(file, context.histories, batch.names, read)
        verdicts = judge_assets(whole, context, batch.names)
        saved = store.save_batch(file, batch, context, verdicts, read)
        if store.versions_of_logs(file, batch) == context.log_versions:
            break  # else a log came meanwhile, which did not see these days yet
    return *saved, {day for verdict in verdicts for day in verdict.days}
