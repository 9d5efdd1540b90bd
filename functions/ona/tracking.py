"""Work orders being tracked, table `ona-platform-tracking` (key `job_id`).

An order has its own item (`wo-…`) and locks that exist while it is open: `open#<finding key>` and, where
telemetry told of the fault, `open#<incident id>`. All are written in one transaction: one open order a
fault, however often the event is delivered, and also when tomorrow's data name another cause for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ona import tables
from ona.clock import iso
from ona.errors import DependencyBusy, InvalidInput, OnaError
from ona.records import Finding, OrderStatus, WorkOrder
from ona.storage import environment

MOVES: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    "OPEN": ("IN_PROGRESS", "ON_HOLD", "CANCELLED"),
    "IN_PROGRESS": ("ON_HOLD", "COMPLETE", "CANCELLED"),
    "ON_HOLD": ("OPEN", "IN_PROGRESS", "CANCELLED"),
    "COMPLETE": ("OPEN",),
    "CANCELLED": (),
}
"""Where an order may go from each status. COMPLETE goes back when the fault is still there."""
BY_CUSTOMER = "customer-index"
TO_VERIFY = "verify-index"
Opened = Literal["opened", "exists"]


class OrderChanged(OnaError):
    """Somebody changed the order since it was read: read it again. `record` is how it stands."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(f"{record['job_id']} is at version {record['version']} by now")
        self.record = record


class IllegalMove(InvalidInput):
    """A status that cannot follow the present one."""


def table_name() -> str:
    """The tracking table, from the environment."""
    return environment("TRACKING_TABLE")


def open_order(fault: Finding | WorkOrder) -> dict[str, Any] | None:
    """The lock item of a fault's open order (`work_order_id`, `finding_id`, `finding_key`), or None."""
    found = (tables.get(table_name(), {"job_id": name}) for name in _locks(fault))
    return next((lock for lock in found if lock), None)


def _locks(fault: Finding | WorkOrder) -> list[str]:
    return [f"open#{name}" for name in (fault.finding_key, fault.incident_id) if name]


def open_once(order: WorkOrder, execution_id: str, now: datetime) -> Opened:
    """Record a new order, unless the fault has an open one. Raises DependencyBusy."""
    table = table_name()
    record = {
        "job_id": order.work_order_id,
        "status": order.status,
        "asset_id": order.asset_id,
        "finding_id": order.finding_id,
        "finding_key": order.finding_key,
        "incident_id": order.incident_id,
        "cause": order.cause,
        "customer_id": order.customer_id,
        "site_id": order.site_id,
        "title": order.title,
        "created_at": iso(order.created_at),
        "due_date": iso(order.due_date or order.scheduled_end),
        "assignees": [],
        "priority": order.priority,
        "crew_id": order.crew_assignment.crew_id,
        "scheduled_start": iso(order.scheduled_start),
        "scheduled_end": iso(order.scheduled_end),
        "execution_id": execution_id,
        "version": 1,
        "history": [{"status": order.status, "at": iso(now), "by": "ona-order"}],
        "subscriptions": [],
    }
    locks: list[dict[str, Any]] = [
        {
            "job_id": name,
            "status": "lock",
            "work_order_id": order.work_order_id,
            "finding_id": order.finding_id,
            "finding_key": order.finding_key,
            "opened_at": iso(now),
        }
        for name in _locks(order)
    ]
    absent = "attribute_not_exists(job_id)"
    written = tables.transact(
        [
            {
                "Put": {
                    "TableName": table,
                    "Item": tables.to_item(item),
                    "ConditionExpression": absent,
                }
            }
            for item in (*locks, record)
        ]
    )
    return "opened" if written else "exists"


def job(work_order_id: str) -> dict[str, Any]:
    """The tracking item of an order; empty when there is none. Raises DependencyBusy."""
    return tables.get(table_name(), {"job_id": work_order_id}) or {}


def mark_notified(work_order_id: str, now: datetime) -> None:
    """Remember that people were told. A crash before this line tells them twice, never not at all."""
    tables.update(table_name(), {"job_id": work_order_id}, "SET notified_at = :now", {":now": iso(now)})


def move(order: WorkOrder, note: str, now: datetime) -> None:
    """Put an order's new time and crew down, with a line of history; nothing if they are there already.

    Raises DependencyBusy when others keep changing the same order.
    """
    new = {
        "crew_id": order.crew_assignment.crew_id,
        "scheduled_start": iso(order.scheduled_start),
        "scheduled_end": iso(order.scheduled_end),
    }
    for _ in range(5):
        record = job(order.work_order_id)
        if all(record.get(name) == value for name, value in new.items()):
            return
        try:
            change(record, new, by="ona-schedule", now=now, note=note)
        except OrderChanged:
            continue
        return
    raise DependencyBusy(f"work order {order.work_order_id} keeps changing")


def of_customer(
    customer_id: str, limit: int, after: dict[str, Any] | None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """A customer's orders, the newest first, and where the next page begins. Raises DependencyBusy."""
    return tables.page(table_name(), BY_CUSTOMER, "customer_id", customer_id, limit, after)


def to_verify() -> list[dict[str, Any]]:
    """The orders that are complete and of which telemetry has not said yet whether the fault is gone."""
    return tables.query(table_name(), TO_VERIFY, "to_verify", "yes")


def change(
    record: dict[str, Any],
    changes: dict[str, Any],
    *,
    by: str,
    now: datetime,
    status: OrderStatus | None = None,
    note: str = "",
    verified: bool = False,
) -> dict[str, Any]:
    """Change an order that was read, and its status; how it stands then. A line of history says who and
    why.

    A verified order lets go of its fault; a complete one waits for telemetry. A cancelled one lets go of
    the kind of fault and keeps the incident: what a person put aside is not ordered again tomorrow.
    Raises OrderChanged when somebody was faster, IllegalMove, DependencyBusy.
    """
    before: OrderStatus = record["status"]
    if status and status != before and status not in MOVES[before]:
        allowed = ", ".join(MOVES[before]) or "nowhere"
        raise IllegalMove(f"an order that is {before} may go to {allowed}, not to {status}")
    after = status or before
    entry = {"status": after, "at": iso(now), "by": by, **({"note": note} if note else {})}
    values = {**changes, "status": after, "updated_at": iso(now), "version": record["version"] + 1}
    gone = []
    if after == "COMPLETE" and before != "COMPLETE":
        values |= {"completed_at": changes.get("completed_at", iso(now)), "to_verify": "yes"}
    if verified:
        values["verified_at"] = iso(now)
    if verified or after != "COMPLETE":
        gone = [name for name in ("to_verify",) if name in record]
    if after != "COMPLETE" and "completed_at" in record:
        gone.append("completed_at")
    names = {f"#{name}": name for name in (*values, *gone, "history")}
    sets = ", ".join(f"#{name} = :{name}" for name in values)
    expression = f"SET {sets}, #history = list_append(#history, :entry)"
    if gone:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
    table = table_name()
    writes: list[dict[str, Any]] = [
        {
            "Update": {
                "TableName": table,
                "Key": tables.to_item({"job_id": record["job_id"]}),
                "UpdateExpression": expression,
                "ConditionExpression": "#version = :seen",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": tables.to_item(
                    {
                        **{f":{name}": value for name, value in values.items()},
                        ":seen": record["version"],
                        ":entry": [entry],
                    }
                ),
            }
        }
    ]
    loose = [record.get("finding_key"), *([record.get("incident_id")] if verified else [])]
    for name in loose if after == "CANCELLED" or verified else []:
        lock = tables.get(table, {"job_id": f"open#{name}"}) if name else None
        if lock and lock["work_order_id"] == record["job_id"]:
            writes.append(
                {
                    "Delete": {
                        "TableName": table,
                        "Key": tables.to_item({"job_id": f"open#{name}"}),
                        "ConditionExpression": "work_order_id = :mine",
                        "ExpressionAttributeValues": tables.to_item({":mine": record["job_id"]}),
                    }
                }
            )
    if not tables.transact(writes):
        raise OrderChanged(job(record["job_id"]))
    return job(record["job_id"])
