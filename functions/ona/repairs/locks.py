"""Order locks: one open order a fault, whatever its cause is called today.

While an order is open, items of the tracking table lock its fault: `open#<finding key>` and, where the
fault was seen in telemetry, `open#<incident id>`. They are written in the transaction that opens the order,
and only where there are none yet.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.findings import Finding
from ona.documents.work_orders import WorkOrder
from ona.repairs.tracking import VARIABLE, TrackedOrder
from ona.store.items import Moment, Table, TableItem
from ona.store.tables import Write


class OrderLock(TableItem):
    """What says that a fault has an open order, and under which finding the order was made."""

    name: str = Field(alias="job_id")
    status: Literal["lock"] = "lock"
    work_order_id: str
    finding_id: str
    finding_key: str
    opened_at: Moment | None = None


LOCKS = Table(VARIABLE, "job_id", OrderLock.read)


def lock_of(fault: Finding | WorkOrder) -> OrderLock | None:
    """The lock of a fault that has an open order. Raises DependencyBusy."""
    locks = (LOCKS.get(name) for name in names_of(fault.finding_key, fault.incident_id))
    return next((lock for lock in locks if lock), None)


def taken(order: WorkOrder, now: datetime) -> list[Write]:
    """Writes that lock an order's fault, each refused where the lock is there."""
    return [
        LOCKS.insertion(
            OrderLock(
                name=name,
                work_order_id=order.work_order_id,
                finding_id=order.finding_id,
                finding_key=order.finding_key,
                opened_at=now,
            )
        )
        for name in names_of(order.finding_key, order.incident_id)
    ]


def let_go(order: TrackedOrder, *, verified: bool) -> list[Write]:
    """Writes that give up the locks which an order does not hold any more, refused where another order has
    one by then. Raises DependencyBusy.

    An order that is being verified lets go of its fault. A cancelled one lets go of the kind of fault and
    keeps the incident: what a person put aside is not ordered again tomorrow.
    """
    if not verified and order.status != "CANCELLED":
        return []
    names = names_of(order.finding_key, order.incident_id if verified else "")
    locks = [LOCKS.get(name) for name in names]
    return [
        LOCKS.deletion(lock.name, "work_order_id", order.work_order_id)
        for lock in locks
        if lock and lock.work_order_id == order.work_order_id
    ]


def names_of(finding_key: str, incident_id: str) -> list[str]:
    """The names of the locks of a fault; none for an empty key or id."""
    return [f"open#{name}" for name in (finding_key, incident_id) if name]
