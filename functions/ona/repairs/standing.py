"""Faults that nobody is sent to, as they stand: for the daily digest and for `GET /ops/incidents`.

A notice tells of such a fault once. What stands is an item of its own beside it, `standing#<digest>` in the
outbox' table, written anew by each run that finds nobody. Its lane `unattended` is that of no sender, and
`next_at` is when the fault was seen last. A fault that was not seen for `SEEN` does not stand any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from ona.documents.work_orders import Priority
from ona.outbox.items import BY_DUE, STANDING
from ona.repairs.tracking import TrackedOrder
from ona.runtime.clock import iso
from ona.runtime.identity import digest
from ona.store import tables
from ona.store.items import Moment, Table, TableItem
from ona.store.unreadable import Unreadable, readable

SEEN = timedelta(days=3)
"""So long a fault stands after it was seen last (ours): a file comes every day, also after a weekend."""
LONGEST_WHY = 500
"""Characters of a reason (ours); the notice has all of it."""
LANE: Literal["unattended"] = "unattended"


class Standing(TableItem):
    """A fault that nobody is sent to. `work_order_id`: its open order, whose visit is over; "" for none."""

    delivery_id: str
    lane: Literal["unattended"] = LANE
    seen_at: Moment = Field(alias="next_at")
    ttl: int = Field(description="seconds since 1970, UTC; DynamoDB deletes the item then")
    finding_key: str
    incident_id: str = ""
    asset_id: str
    site_id: str
    priority: Priority
    what: str
    why: str
    daily_loss_usd: float
    work_order_id: str = ""


TABLE = Table("OUTBOX_TABLE", "delivery_id", Standing.read)


def name_of(incident_id: str, finding_key: str = "") -> str:
    """The key of a fault's item: by its incident, or without one by its finding."""
    return f"{STANDING}{digest(incident_id or finding_key)}"


def put(fault: Standing) -> None:
    """Write that a fault stands, in the place of what was written before. Raises DependencyBusy."""
    tables.put(TABLE.name, fault.item())


def of_incident(incident_id: str, now: datetime) -> Standing | None:
    """What stands of an incident; None for one that is attended to. Raises DependencyBusy."""
    fault = TABLE.get(name_of(incident_id))
    return fault if fault is not None and fault.seen_at > now - SEEN else None


def all_seen(
    orders: Iterable[TrackedOrder], now: datetime, most: int, bad: list[Unreadable] | None = None
) -> list[Standing]:
    """The faults that stand, the most costly first, without those of which one of these open orders says
    that somebody is there or will come. Raises DependencyBusy."""
    items = tables.until(TABLE.name, BY_DUE, ("lane", LANE), ("next_at", iso(now)), most)
    named = ((f"table {TABLE.name}, {item.get('delivery_id')}", item) for item in items)
    faults = [fault for fault in readable(named, Standing.read, bad) if fault.seen_at > now - SEEN]
    order_of: dict[str, TrackedOrder] = {}
    for order in orders:
        order_of |= {name: order for name in (order.finding_key, order.incident_id) if name}
    left = [
        fault
        for fault in faults
        if not _is_attended(fault, order_of.get(fault.incident_id) or order_of.get(fault.finding_key), now)
    ]
    return sorted(left, key=lambda fault: -fault.daily_loss_usd)


def _is_attended(fault: Standing, order: TrackedOrder | None, now: datetime) -> bool:
    """Whether an order came after what stands, or its visit is still to come, or people work on it."""
    if order is None:
        return False
    return order.work_order_id != fault.work_order_id or order.status != "OPEN" or order.scheduled_end > now
