"""Detect: one telemetry file in, a detection record out.

Raises InvalidTelemetry for a file that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from detect import context
from detect.analysis import analyse
from ona import config, storage
from ona.assets import AssetRegistry
from ona.clock import utc_now
from ona.errors import InvalidTelemetry, ObjectMissing
from ona.identity import date_folder
from ona.observability import MetricUnit, count, handler, logger
from ona.payloads import DetectRequest, DetectResult, S3Pointer
from ona.records import DetectionRecord, FileQuality
from ona.sources import SourceProfile, read_export, recognise
from ona.telemetry import Telemetry, read_canonical


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = DetectRequest.parse(event)
    source, bucket = request.source, storage.environment("OUTPUT_BUCKET")
    detection_id = f"det-{request.file_id}"
    key = f"detections/{date_folder(source.key, utc_now().date())}/{detection_id}.json"
    earlier = _earlier(S3Pointer(bucket=bucket, key=key)) if source.version_id else None
    record = earlier or _detect(request, detection_id, bucket, utc_now())
    pointer = (
        S3Pointer(bucket=bucket, key=key) if earlier else storage.write_json(bucket, key, record.document())
    )
    incidents = [incident for asset in record.assets for incident in asset.incidents]
    actionable = sum(incident.actionable for incident in incidents)
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
        status="found" if actionable else "nothing_found",
        detection=pointer,
        detection_id=detection_id,
        assets=len(record.assets),
        incidents=len(incidents),
        actionable=actionable,
    ).dump()


def _earlier(pointer: S3Pointer) -> DetectionRecord | None:
    """The record of the same object version, when an event is delivered again."""
    try:
        document = storage.read_json(pointer)
    except ObjectMissing:
        return None
    logger.info("delivered before; the recorded result stands", key=pointer.key)
    record: DetectionRecord = DetectionRecord.read(document, pointer.key)
    return record


def _detect(request: DetectRequest, detection_id: str, bucket: str, now: datetime) -> DetectionRecord:
    source = request.source
    registry = _registry(source.bucket)
    telemetry, profile = _read(source, registry, now)
    rules = config.detection()
    known = context.load(
        telemetry.frame,
        registry,
        rules.algorithms.reference,
        output_bucket=bucket,
        input_bucket=source.bucket,
        source_key=source.key,
    )
    threshold = config.detection_threshold()
    assets, judged = analyse(telemetry.frame, telemetry.quality, known, registry, rules, threshold)
    stored = context.store(judged, registry, output_bucket=bucket, source_key=source.key)
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
            rows_used=len(telemetry.frame),
            rejected=telemetry.quality.rejected,
            flagged=telemetry.quality.flagged,
        ),
        assets=assets,
        telemetry=stored,
    )


def _registry(bucket: str) -> AssetRegistry:
    try:
        return storage.read_registry(bucket)
    except ObjectMissing as error:
        raise InvalidTelemetry(
            "no_asset_registry",
            "the input bucket has no assets.json, so no machine's capacity is known",
            where=f"s3://{bucket}/assets.json",
            remedy="put assets.json, then `ona dlq redrive`",
        ) from error


def _read(source: S3Pointer, registry: AssetRegistry, now: datetime) -> tuple[Telemetry, str]:
    """The file as canonical telemetry: our own columns, or a vendor's export that a profile knows."""
    limit = config.services()["detect"].max_file_size_mb or 100.0
    size = storage.size_of(source)
    if size > limit * 1e6:
        raise InvalidTelemetry(
            "file_too_large",
            f"the file has {size / 1e6:.0f} MB, more than {limit:g}",
            where=source.key,
            remedy="split it by day or asset",
        )
    data = storage.read_bytes(source)
    header = data[:4096].decode("utf-8", errors="replace").lstrip("\ufeff").split("\n", 1)[0]
    profile: SourceProfile | None = recognise(header, config.source_profiles())
    if profile:
        telemetry, _ = read_export(profile, {source.key: data}, now=now, registry=registry, any_name=True)
        return telemetry, profile.name
    return read_canonical(data, now=now, capacity_kw=registry.capacity_kw, where=source.key), ""
