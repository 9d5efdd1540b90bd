"""Ingest: one upload in, canonical telemetry staged site by site out.

Raises InvalidTelemetry for an upload that fails as a whole (the state machine quarantines it).
"""

from __future__ import annotations

from typing import Any

from forecasting.data_ingestion import checks
from forecasting.documents import SiteDocument
from forecasting.payloads import IngestRequest, IngestResult, SiteUpload
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.observability import count, handler, logger
from ona.store import parquet, s3, tables
from ona.store.registry import read_registry
from ona.telemetry import intake


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    request = IngestRequest.read(event, "event")
    source, bucket = request.source, aws.environment("OUTPUT_BUCKET")
    kind, customer = checks.addressed(source.key)
    registry = read_registry(source.bucket)
    telemetry, profile = intake.read(source, registry, utc_now(), service="data_ingestion")
    groups = checks.sites(telemetry.frame, registry, customer, source.key)
    frame = checks.check(telemetry.frame, telemetry.quality, registry, source.key)
    uploads = []
    for (customer_id, site_id), assets in groups.items():
        part = frame[frame["asset_id"].isin({asset.id for asset in assets})]
        site = SiteDocument.of(customer_id, site_id, assets)
        if part.empty or site is None:
            continue
        _register(site)
        uploads.append(
            SiteUpload(
                customer_id=customer_id,
                site_id=site_id,
                site=s3.write_json(bucket, site.key, site.document()),
                staged=parquet.put(bucket, f"staging/{request.file_id}/{site_id}.parquet", part),
                start=part["timestamp"].min().to_pydatetime(),
                end=part["timestamp"].max().to_pydatetime(),
            )
        )
    count("RowsIngested", len(frame))
    logger.info(
        "upload read", kind=kind, rows=len(frame), sites=len(uploads), profile=profile or "canonical"
    )
    return IngestResult(
        kind=kind,
        file_id=request.file_id,
        source_profile=profile,
        sites=uploads,
        rows_used=len(frame),
        rows_rejected=telemetry.quality.rows_rejected,
    ).document()


def _register(site: SiteDocument) -> None:
    """The site's place, by customer: what the weather refresh goes through, and the API lists."""
    tables.put(
        aws.environment("LOCATIONS_TABLE"),
        {
            "location_id": f"{site.customer_id}/{site.site_id}",
            "customer_id": site.customer_id,
            "location_name": site.site_id,
            "latitude": site.latitude,
            "longitude": site.longitude,
            "capacity_kw": site.capacity_kw,
            "kind": site.kind,
        },
    )
