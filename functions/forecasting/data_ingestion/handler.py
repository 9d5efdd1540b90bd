"""Ingest: one upload in, canonical telemetry staged site by site out.

Raises InvalidTelemetry for an upload that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

from typing import Any

from forecasting.data_ingestion import checks, ownership, store
from forecasting.payloads import IngestRequest, IngestResult
from ona.runtime.clock import utc_now
from ona.runtime.observability import count, handler, logger


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Stage an upload; returns an `IngestResult`."""
    request = IngestRequest.read(event, "event")
    key = request.source.key
    kind, customer = ownership.addressed(key)
    registry, telemetry, profile = store.load(request, utc_now())
    by_site = ownership.sites(telemetry.frame, registry, customer, key)
    generated = telemetry.frame[~telemetry.frame["asset_id"].isin(registry.storages())]
    frame = checks.check(generated, telemetry.quality, registry, key)
    unmeasured = telemetry.quality.unmeasured
    uploads = [
        store.stage(request.file_id, site, part, unmeasured)
        for site, part in ownership.parts(frame, by_site)
    ]
    count("RowsIngested", len(frame))
    logger.info(
        "upload read",
        kind=kind,
        rows=len(frame),
        sites=len(uploads),
        profile=profile or "canonical",
        unmeasured=unmeasured,
    )
    return IngestResult(
        kind=kind,
        file_id=request.file_id,
        source_profile=profile,
        sites=uploads,
        rows_used=len(frame),
        rows_rejected=telemetry.quality.rows_rejected,
        unmeasured=unmeasured,
    ).document()
