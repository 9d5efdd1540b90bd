"""The detection record of one file, and the answer that the workflow gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ona.documents.base import S3Pointer
from ona.telemetry.readings import Quality
from ooda.detect import not_judged
from ooda.detect.context import TelemetryFile
from ooda.documents.detections import AssetDetection, DetectionRecord, FileQuality
from ooda.payloads import DetectRequest, DetectResult


def detection_id_of(request: DetectRequest) -> str:
    """The id of a file's record: the same for the same version of the file."""
    return f"det-{request.file_id}"


def record_of(
    request: DetectRequest,
    file: TelemetryFile,
    assets: list[AssetDetection],
    telemetry: list[S3Pointer],
    now: datetime,
) -> DetectionRecord:
    """The record of a file whose assets are judged; `telemetry`: where their judged readings lie."""
    return DetectionRecord(
        detection_id=detection_id_of(request),
        execution_id=request.execution_id,
        source=request.source,
        source_profile=file.source_profile,
        generated_at=now,
        detection_threshold=file.threshold,
        file_quality=_file_quality(file.quality, file.rows),
        assets=sorted(assets, key=lambda asset: asset.asset_id),
        telemetry=telemetry,
    )


def _file_quality(quality: Quality, rows_used: int) -> FileQuality:
    return FileQuality(
        rows_read=quality.rows_read,
        rows_used=rows_used,
        rejected=quality.rejected,
        flagged=quality.flagged,
    )


def answer(record: DetectionRecord, pointer: S3Pointer, complete: Sequence[str] = ()) -> DetectResult:
    """What the workflow goes on with: where the record lies, and whether there is anything to diagnose.
    `complete`: sites whose day is complete with this file."""
    incidents = [incident for asset in record.assets for incident in asset.incidents]
    actionable = sum(incident.actionable for incident in incidents)
    blinding = sum(issue.blinding for asset in record.assets for issue in asset.quality.issues)
    return DetectResult(
        status="found" if actionable or blinding else "nothing_found",
        detection=pointer,
        detection_id=record.detection_id,
        assets=len(record.assets),
        incidents=len(incidents),
        actionable=actionable,
        not_judged=not_judged.summary(record.assets),
        sites=list(complete),
    )
