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
from ona.errors import DependencyBusy
from ona.records import Finding, WorkOrder
from ona.storage import environment

OPEN_STATES = ("OPEN", "IN_PROGRESS", "ON_HOLD")
Opened = Literal["opened", "exists"]


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
    for _ in range(5):
        record = job(order.work_order_id)
        new = {
            ":crew": order.crew_assignment.crew_id,
            ":start": iso(order.scheduled_start),
            ":end": iso(order.scheduled_end),
        }
        if [record.get(name) for name in ("crew_id", "scheduled_start", "scheduled_end")] == [
            *new.values()
        ]:
            return
        entry = {"status": record["status"], "at": iso(now), "by": "ona-schedule", "note": note}
        if tables.update(
            table_name(),
            {"job_id": order.work_order_id},
            "SET crew_id = :crew, scheduled_start = :start, scheduled_end = :end, version = :next, "
            "history = list_append(history, :entry)",
            {**new, ":next": record["version"] + 1, ":seen": record["version"], ":entry": [entry]},
            condition="version = :seen",
        ):
            return
    raise DependencyBusy(f"work order {order.work_order_id} keeps changing")
