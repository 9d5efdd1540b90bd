"""Diagnose: a detection record in, one diagnostic document an asset out."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda import listing
from ooda.diagnose import monitoring, store
from ooda.diagnose.diagnostics import AssetInput, diagnose_asset, told_once
from ooda.documents.diagnostics import Diagnostic
from ooda.payloads import DiagnoseRequest, DiagnoseResult


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Event: a DiagnoseRequest. Answer: a DiagnoseResult, with one pointer a diagnostic, or one to
    the list of them."""
    request, now = DiagnoseRequest.read(event, "event"), utc_now()
    record, rules = store.load_record(request.detection), store.load_rules()

    def diagnosed(item: AssetInput) -> Diagnostic:
        return diagnose_asset(
            item, rules, record=request.detection, detection_id=record.detection_id, now=now
        )

    sensors: set[str] = set()
    diagnostics = [
        told_once(one, sensors) for one in store.each_asset(record, request.detection.key, diagnosed)
    ]
    pointers = store.save_diagnostics(record, diagnostics)
    for diagnostic in diagnostics:
        monitoring.findings(diagnostic)
    return DiagnoseResult(
        diagnostics=listing.passed(pointers, record.detection_id, "diagnostics"),
        findings=sum(len(diagnostic.findings) for diagnostic in diagnostics),
    ).document()
