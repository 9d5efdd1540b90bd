"""The detection record of one file, and the answer that the workflow gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ona.documents.base import S3Pointer
from ona.runtime.words import counted, listed
from ona.telemetry.readings import Quality
from ooda.detect import not_judged
from ooda.detect.context import TelemetryFile
from ooda.documents.detections import NO_FAULT, AssetDetection, DetectionRecord, FileQuality
from ooda.payloads import DetectRequest, DetectResult

_NAMED = 3
"""So many suspected losses are named, and so many faults that are over."""


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
        unmeasured=quality.unmeasured,
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
        unmeasured=record.file_quality.unmeasured,
        event_log=record.event_log.in_words() if record.event_log else "",
        suspected=suspected(record.assets),
        over="" if record.event_log else over(record.assets, record.detection_threshold),
        sites=list(complete),
    )


def suspected(assets: list[AssetDetection]) -> str:
    """The small losses that are suspected and not over, in words; empty where there is none.

    Such as `1 loss suspected, not booked: INV-001 3.1 % since 2025-06-10`.
    """
    losses = [
        f"{item.asset_id} {item.deviation_percent:.1f} % since {item.window.start:%Y-%m-%d}"
        for asset in assets
        for item in asset.incidents
        if item.suspected and item.state != "closed"
    ]
    if not losses:
        return ""
    return f"{counted(len(losses), 'loss')} suspected, not booked: {listed(losses, _NAMED)}"


def over(assets: list[AssetDetection], threshold: float) -> str:
    """The faults that began and ended within the file, and so ask for nobody, in words; empty without one.

    Such as `1 fault already over (ROOF-2 outage 609 kWh): nobody is sent`. Those that began in an earlier
    file were told then. `threshold`: the severity (0…1) from which somebody would have been sent.
    """
    faults = [
        f"{item.asset_id} {item.kind.replace('_', ' ')} {item.lost_energy_kwh:.0f} kWh"
        for asset in assets
        for item in asset.incidents
        if item.state == "closed" and not item.suspected and item.kind not in NO_FAULT
        if item.severity >= threshold and item.window.start >= asset.window.start
    ]
    if not faults:
        return ""
    return f"{counted(len(faults), 'fault')} already over ({listed(faults, _NAMED)}): nobody is sent"
