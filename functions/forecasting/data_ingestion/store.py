"""What Ingest reads and writes: the upload, sites, staged telemetry."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from forecasting.data_ingestion import ownership
from forecasting.documents import SiteDocument
from forecasting.layout import STAGED
from forecasting.payloads import IngestRequest, SiteUpload
from ona.documents.assets import AssetRegistry
from ona.runtime import aws
from ona.store import parquet, s3, tables
from ona.store.registry import read_registry
from ona.telemetry import intake
from ona.telemetry.readings import Telemetry


def load(request: IngestRequest, now: datetime) -> tuple[AssetRegistry, Telemetry, str]:
    """The asset registry, the upload as canonical telemetry, and its source profile ("" for our columns).

    Raises InvalidTelemetry.
    """
    registry = read_registry(request.source.bucket)
    among = ownership.addressees(request.source.key, registry)
    telemetry, profile = intake.read(request.source, registry, now, service="data_ingestion", among=among)
    return registry, telemetry, profile


def stage(file_id: str, site: SiteDocument, frame: pd.DataFrame, unmeasured: list[str]) -> SiteUpload:
    """Register a site, and put its document and its part of the upload where the next states read them.

    `unmeasured`: columns of the contract that the upload has no values of.
    """
    bucket = aws.environment("OUTPUT_BUCKET")
    _register(site)
    return SiteUpload(
        customer_id=site.customer_id,
        site_id=site.site_id,
        site=s3.write_json(bucket, site.key, site.document()),
        staged=parquet.put(bucket, STAGED.build(file_id=file_id, site_id=site.site_id), frame),
        start=frame["timestamp"].min().to_pydatetime(),
        end=frame["timestamp"].max().to_pydatetime(),
        unmeasured=unmeasured,
    )


def _register(site: SiteDocument) -> None:
    """The site's place in the table of locations: the weather refresh and the API go through it."""
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
