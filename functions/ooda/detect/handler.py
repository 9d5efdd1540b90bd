"""Detect: one telemetry file or event log in, a detection record out.

Raises InvalidTelemetry for a file that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime import processes
from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda.detect import event_log, monitoring, storage, store
from ooda.detect.batches import Batch, batches, is_large
from ooda.detect.context import TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.detect.other_files import OtherFiles, with_others
from ooda.detect.record import answer, detection_id_of, record_of
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.event_logs.headers import header_of
from ooda.payloads import DetectRequest

MOST_CROSSINGS = 3
"""So often a file is judged while event logs of its days keep coming (ours)."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Event: a DetectRequest. Answer: a DetectResult, with the pointer to the detection record."""
    request, now = DetectRequest.read(event, "event"), utc_now()
    pointer = store.record_pointer(request.source, detection_id_of(request), now)
    record = store.earlier_record(pointer) if request.source.version_id else None
    if record is None:
        record = _detect(request, now)
        pointer = store.save_record(pointer, record)
    result = answer(record, pointer)
    monitoring.incidents(record, result)
    return result.document()


def _detect(request: DetectRequest, now: datetime) -> DetectionRecord:
    head = event_log.beginning(request.source)
    if header_of(head) is not None:
        again = partial(_judged_again, request.source.bucket, now)
        return event_log.detect(request, store.output_bucket(), now, again)
    file = store.load_file(request.source, now, storage.says_charge(head))
    detections, telemetry = _judged(file, request.source.bucket, now)
    detections += [
        storage.detection_of(file.registry.require(n, file.key), own) for n, own in file.storages.items()
    ]
    monitoring.completeness(detections)
    return record_of(request, file, detections, telemetry, now)


def _judged(
    file: TelemetryFile, input_bucket: str, now: datetime
) -> tuple[list[AssetDetection], list[S3Pointer]]:
    work = partial(_judge_batch, file, input_bucket, now)
    parts = processes.spread(work, batches(file), is_large(file))
    detections = [detection for own, _ in parts for detection in own]
    return detections, [pointer for _, pointers in parts for pointer in pointers]


def _judged_again(input_bucket: str, now: datetime, key: str) -> list[AssetDetection]:
    """A telemetry file that came before, judged with what is known now."""
    file = store.load_file(S3Pointer(bucket=input_bucket, key=key), now)
    return _judged(file, input_bucket, now)[0]


def _judge_batch(
    file: TelemetryFile, input_bucket: str, now: datetime, batch: Batch
) -> tuple[list[AssetDetection], list[S3Pointer]]:
    for _ in range(MOST_CROSSINGS):
        context = store.load_context(file, batch, input_bucket, now)
        read = OtherFiles(input_bucket, file.registry, now)
        whole = with_others(file, context.histories, batch.names, read)
        verdicts = judge_assets(whole, context, batch.names)
        saved = store.save_batch(file, batch, context, verdicts, read)
        if store.versions_of_logs(file, batch) == context.log_versions:
            break  # else a log came meanwhile, which did not see these days yet
    return saved
