"""What the loop's API reads: the asset registry, asset histories, orders with their documents, visits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.documents.work_orders import WorkOrder
from ona.repairs import crews, standing
from ona.repairs.crews import Booking
from ona.repairs.locks import LOCKS, names_of
from ona.repairs.tracking import TrackedOrder
from ona.runtime import aws
from ona.runtime.errors import InvalidInput, InvalidTelemetry, ObjectMissing
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.registry import read_registry
from ona.store.unreadable import note
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import Incident
from ooda.documents.site_days import PlantEvent
from ooda.operations_api.models import UnattendedFault
from ooda.store import history_of, record_of

READERS = 8
"""Histories that are read at once: a page of 50 takes as long as seven of them."""


def assets_of(customer_id: str) -> list[Asset]:
    """A customer's assets, by id; none before there is a registry. Raises DependencyBusy,
    InvalidConfiguration."""
    try:
        registry = read_registry(aws.environment("INPUT_BUCKET"))
    except InvalidTelemetry:
        return []
    mine = [asset for asset in registry.assets if asset.customer_id == customer_id]
    return sorted(mine, key=lambda asset: asset.id)


def histories(assets: Sequence[Asset]) -> list[AssetHistory | None]:
    """The histories of assets; None for one that has none yet, or whose object is none: the log names it.
    Raises DependencyBusy."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(history, assets))


def history(asset: Asset) -> AssetHistory | None:
    """An asset's history; None as in `histories`. Raises DependencyBusy."""
    return history_of(aws.environment("OUTPUT_BUCKET"), asset.site_id, asset.id)


def site_events(assets: Sequence[Asset]) -> list[PlantEvent]:
    """The events of these assets' plants, each with these assets alone. Raises DependencyBusy."""
    by_site: dict[str, set[str]] = {}
    for asset in assets:
        by_site.setdefault(asset.site_id, set()).add(asset.id)
    bucket = aws.environment("OUTPUT_BUCKET")
    with ThreadPoolExecutor(READERS) as readers:
        records = list(readers.map(lambda site_id: record_of(bucket, site_id), sorted(by_site)))
    return [
        event.model_copy(update={"machines": mine})
        for record in records
        if record is not None
        for event in record.events()
        if (mine := sorted(by_site[record.site_id] & set(event.machines)))
    ]


def unattended(incidents: Sequence[Incident], now: datetime) -> list[UnattendedFault | None]:
    """Why nobody is sent to each incident; None for one that is over, or has an order. Raises
    DependencyBusy."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(lambda incident: _unattended(incident, now), incidents))


def _unattended(incident: Incident, now: datetime) -> UnattendedFault | None:
    fault = standing.of_incident(incident.incident_id, now) if incident.state == "open" else None
    if fault is None:
        return None
    names = names_of(fault.finding_key, fault.incident_id)
    held = {lock.work_order_id for lock in map(LOCKS.get, names) if lock is not None}
    if held - {fault.work_order_id}:
        return None
    return UnattendedFault(why=fault.why, priority=fault.priority, seen_at=fault.seen_at)


def document_of(order: TrackedOrder) -> WorkOrder:
    """What was ordered. Raises ObjectMissing while the document is being written, or has to be written
    again because it cannot be read; DependencyBusy."""
    key = work_order_key(order.work_order_id)
    pointer = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=key)
    try:
        document: WorkOrder = WorkOrder.read(s3.read_json(pointer), key)
    except ObjectMissing:
        raise
    except InvalidInput as error:
        note(f"s3://{pointer.bucket}/{key}", error)
        raise ObjectMissing(f"{key} cannot be read") from error
    return document


def visits() -> list[tuple[str, Booking]]:
    """All visits in the crews' calendars, each with its crew's id. Raises DependencyBusy."""
    return [(crew.crew_id, booking) for crew in crews.load() for booking in crew.bookings]
