"""Diagnose: a detection record in, one diagnostic document an asset out."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.observability import count, handler, logger
from ooda.diagnose import store
from ooda.diagnose.diagnostics import diagnose_asset
from ooda.documents.diagnostics import Diagnostic
from ooda.payloads import DiagnoseRequest, DiagnoseResult


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Event: a DiagnoseRequest. Answer: a DiagnoseResult, with one pointer a diagnostic."""
    request, now = DiagnoseRequest.read(event, "event"), utc_now()
    record, rules = store.load_record(request.detection), store.load_rules()
    pointers, findings = [], 0
    for item in store.load_assets(record, request.detection.key):
        diagnostic = diagnose_asset(
            item, rules, record=request.detection, detection_id=record.detection_id, now=now
        )
        pointers.append(store.save_diagnostic(record, diagnostic))
        findings += len(diagnostic.findings)
        _report(diagnostic)
    return DiagnoseResult(diagnostics=pointers, findings=findings).document()


def _report(diagnostic: Diagnostic) -> None:
    for finding in diagnostic.findings:
        count("EnergyAtRiskUsdPerDay", finding.energy_at_risk.daily_loss_usd)
        logger.info(
            "fault diagnosed",
            asset_id=diagnostic.asset_id,
            category=finding.category,
            subcategory=finding.subcategory,
            severity=finding.severity,
            daily_loss_usd=finding.energy_at_risk.daily_loss_usd,
        )
