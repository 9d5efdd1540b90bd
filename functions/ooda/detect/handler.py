"""Detect: one telemetry file in, a detection record out.

Raises InvalidTelemetry for a file that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime import aws, processes
from ona.runtime.clock import utc_now
from ona.runtime.errors import ObjectMissing
from ona.runtime.observability import MetricUnit, count, handler, logger
from ona.store import s3
from ona.store.layout import day_of
from ona.store.registry import read_registry
from ona.telemetry import intake
from ooda import layout
from ooda.config import detection
from ooda.detect import context
from ooda.detect.analysis import LARGE, Batch, analyse, batches
from ooda.documents.detections import AssetDetection, DetectionRecord, FileQuality
from ooda.payloads import DetectRequest, DetectResult


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = DetectRequest.read(event, "event")
    source, bucket = request.source, aws.environment("OUTPUT_BUCKET")
    detection_id = f"det-{request.file_id}"
    key = layout.DETECTION.build(day=day_of(source.key, utc_now().date()), detection_id=detection_id)
    earlier = _earlier(S3Pointer(bucket=bucket, key=key)) if source.version_id else None
    record = earlier or _detect(request, detection_id, bucket, utc_now())
    pointer = (
        S3Pointer(bucket=bucket, key=key) if earlier else s3.write_json(bucket, key, record.document())
    )
    incidents = [incident for asset in record.assets for incident in asset.incidents]
    actionable = sum(incident.actionable for incident in incidents)
    blind = sum(issue.blinding for asset in record.assets for issue in asset.quality.issues)
    count("IncidentsDetected", len(incidents))
    for asset in record.assets[:50]:
        logger.info(
            "asset judged",
            asset_id=asset.asset_id,
            basis=asset.basis,
            incidents=len(asset.incidents),
            completeness_percent=asset.quality.completeness_percent,
        )
    return DetectResult(
        status="found" if actionable or blind else "nothing_found",
        detection=pointer,
        detection_id=detection_id,
        assets=len(record.assets),
        incidents=len(incidents),
        actionable=actionable,
    ).document()


def _earlier(pointer: S3Pointer) -> DetectionRecord | None:
    """The record of the same object version, when an event is delivered again."""
    try:
        document = s3.read_json(pointer)
    except ObjectMissing:
        return None
    logger.info("delivered before; the recorded result stands", key=pointer.key)
    record: DetectionRecord = DetectionRecord.read(document, pointer.key)
    return record


def _detect(request: DetectRequest, detection_id: str, bucket: str, now: datetime) -> DetectionRecord:
    source = request.source
    registry = read_registry(source.bucket)
    telemetry, profile = intake.read(source, registry, now, service="detect")
    rules, threshold = detection.detection_config(), detection.detection_threshold()
    ends = telemetry.machines.span

    def judge(batch: Batch) -> tuple[list[AssetDetection], list[S3Pointer]]:
        known = context.load(
            batch.names,
            telemetry.machines,
            registry,
            rules.algorithms.reference,
            now,
            output_bucket=bucket,
            input_bucket=source.bucket,
            weather_table=aws.environment("WEATHER_CACHE_TABLE"),
            source_key=source.key,
        )
        judged = analyse(
            telemetry.machines, telemetry.quality, known, registry, rules, threshold, source.key,
            span=ends, only=batch.names,
        )  # fmt: skip
        told = [
            context.enter(bucket, item, known, registry, rules, threshold, source.key) for item in judged
        ]
        expected = {item.detection.asset_id: item.expected for item in judged}
        frames = {name: telemetry.machines[name].assign(expected_kw=kw) for name, kw in expected.items()}
        stored = context.store(batch.site, batch.part, frames, output_bucket=bucket, source_key=source.key)
        return told, stored

    done = processes.spread(judge, batches(telemetry, registry), len(telemetry) >= LARGE)
    assets = sorted((item for told, _ in done for item in told), key=lambda item: item.asset_id)
    stored = [pointer for _, pointers in done for pointer in pointers]
    worst = min((asset.quality.completeness_percent for asset in assets), default=0.0)
    count("DataCompleteness", worst, MetricUnit.Percent)
    return DetectionRecord(
        detection_id=detection_id,
        execution_id=request.execution_id,
        source=source,
        source_profile=profile,
        generated_at=now,
        detection_threshold=threshold,
        file_quality=FileQuality(
            rows_read=telemetry.quality.rows_read,
            rows_used=len(telemetry),
            rejected=telemetry.quality.rejected,
            flagged=telemetry.quality.flagged,
        ),
        assets=assets,
        telemetry=stored,
    )
