"""Diagnose: a detection record in, one diagnostic document an asset out."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda.diagnose import monitoring, store
from ooda.diagnose.diagnostics import diagnose_asset, told_once
from ooda.payloads import DiagnoseRequest, DiagnoseResult


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Event: a DiagnoseRequest. Answer: a DiagnoseResult, with one pointer a diagnostic."""
    request, now = DiagnoseRequest.read(event, "event"), utc_now()
    record, rules = store.load_record(request.detection), store.load_rules()
    pointers, findings = [], 0
    sensors: set[str] = set()
    for item in store.load_assets(record, request.detection.key):
        diagnostic = diagnose_asset(
            item, rules, record=request.detection, detection_id=record.detection_id, now=now
        )
        diagnostic = told_once(diagnostic, sensors)
        pointers.append(store.save_diagnostic(record, diagnostic))
        findings += len(diagnostic.findings)
        monitoring.findings(diagnostic)
    return DiagnoseResult(diagnostics=pointers, findings=findings).document()
