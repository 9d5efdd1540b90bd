"""Diagnose: a detection record in, one diagnostic document an asset out."""

from __future__ import annotations

from typing import Any

from diagnose.coming import coming_kwh
from diagnose.findings import findings_of
from diagnose.trends import trend
from ona import config, storage
from ona.clock import utc_now
from ona.identity import date_folder, digest
from ona.observability import count, handler, logger
from ona.payloads import DiagnoseRequest, DiagnoseResult
from ona.records import DetectionRecord, Diagnostic


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = DiagnoseRequest.parse(event)
    where = request.detection.key
    record: DetectionRecord = DetectionRecord.read(storage.read_json(request.detection), where)
    registry = storage.read_registry(record.source.bucket)
    bucket, now = storage.environment("OUTPUT_BUCKET"), utc_now()
    pointers, total = [], 0
    for detection in record.assets:
        blind = any(issue.blinding for issue in detection.quality.issues)
        if not blind and not any(incident.actionable for incident in detection.incidents):
            continue
        asset = registry.require(detection.asset_id, where)
        diagnostic = Diagnostic(
            diagnostic_id=f"diag-{digest(record.detection_id, detection.asset_id)}",
            asset_id=asset.id,
            analysis_timestamp=now,
            detection=request.detection,
            findings=findings_of(
                detection,
                asset,
                now=now,
                causes=config.causes(),
                limits=config.loss_function().thresholds,
                coming_kwh=coming_kwh(record.source.bucket, asset.id, detection.window.end),
            ),
            trend_analysis=trend(
                detection,
                storage.read_book(bucket, detection.site_id, detection.asset_id),
                asset,
                now,
                config.trends(),
            ),
        )
        folder = date_folder(record.source.key, record.generated_at.date())
        key = f"diagnostics/{folder}/{diagnostic.diagnostic_id}.json"
        pointers.append(storage.write_json(bucket, key, diagnostic.document()))
        total += len(diagnostic.findings)
        for finding in diagnostic.findings:
            count("EnergyAtRiskUsdPerDay", finding.energy_at_risk.daily_loss_usd)
            logger.info(
                "fault diagnosed",
                asset_id=asset.id,
                category=finding.category,
                subcategory=finding.subcategory,
                severity=finding.severity,
                daily_loss_usd=finding.energy_at_risk.daily_loss_usd,
            )
    return DiagnoseResult(diagnostics=pointers, findings=total).dump()
