"""Diagnose: a detection record in, one diagnostic document an asset out."""

from __future__ import annotations

from typing import Any

from ona.config import causes
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.identity import digest
from ona.runtime.observability import count, handler, logger
from ona.store import s3
from ona.store.layout import day_of
from ona.store.registry import read_registry
from ooda import layout
from ooda.config import loss_function, trends
from ooda.diagnose.coming import coming_kwh
from ooda.diagnose.findings import findings_of
from ooda.diagnose.trends import trend
from ooda.documents.detections import DetectionRecord
from ooda.documents.diagnostics import Diagnostic
from ooda.payloads import DiagnoseRequest, DiagnoseResult
from ooda.store import read_book


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = DiagnoseRequest.read(event, "event")
    where = request.detection.key
    record: DetectionRecord = DetectionRecord.read(s3.read_json(request.detection), where)
    registry = read_registry(record.source.bucket)
    bucket, now = aws.environment("OUTPUT_BUCKET"), utc_now()
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
                causes=causes.cause_rules(),
                limits=loss_function.loss_function_config().thresholds,
                coming_kwh=coming_kwh(record.source.bucket, asset.id, detection.window.end),
            ),
            trend_analysis=trend(
                detection,
                read_book(bucket, detection.site_id, detection.asset_id),
                asset,
                now,
                trends.trend_rules(),
            ),
        )
        day = day_of(record.source.key, record.generated_at.date())
        key = layout.DIAGNOSTIC.build(day=day, diagnostic_id=diagnostic.diagnostic_id)
        pointers.append(s3.write_json(bucket, key, diagnostic.document()))
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
    return DiagnoseResult(diagnostics=pointers, findings=total).document()
