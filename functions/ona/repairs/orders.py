"""Work orders being tracked, table `ona-platform-tracking` (key `job_id`).

An order has its own item (`wo-…`) and locks that exist while it is open: `open#<finding key>` and, where
telemetry told of the fault, `open#<incident id>`. All are written in one transaction: one open order a
fault, however often the event is delivered, and also when tomorrow's data name another cause for it. The
same transaction puts into the outbox who is to be told (`ona.outbox`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ona.documents.findings import Finding
from ona.documents.work_orders import OrderStatus, WorkOrder
from ona.outbox import deliveries
from ona.runtime.aws import environment
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy, InvalidInput, OnaError
from ona.store import tables

MOVES: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    "OPEN": ("IN_PROGRESS", "ON_HOLD", "CANCELLED"),
    "IN_PROGRESS": ("ON_HOLD", "COMPLETE", "CANCELLED"),
    "ON_HOLD": ("OPEN", "IN_PROGRESS", "CANCELLED"),
    "COMPLETE": ("OPEN",),
    "CANCELLED": (),
}
"""Where an order may go from each status. COMPLETE goes back when the fault is still there."""
BY_CUSTOMER = "customer-index"
OPEN = "open-index"
MOST_SUBSCRIPTIONS = 20
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
        "history": [{"status": order.status, "at": iso(now), "by": "ona-order", "event": "opened"}],
        "subscriptions": {},
        "audience": 0,
        "open": "yes",
        "daily_loss_usd": order.energy_at_risk.daily_loss_usd,
        "total_cost_usd": order.total_cost_usd,
        "at_stake_usd": _at_stake(order),
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
        + deliveries.wanted(record, 1, now)
    )
    return "opened" if written else "exists"


def job(work_order_id: str) -> dict[str, Any]:
    """The tracking item of an order; empty when there is none. Raises DependencyBusy."""
    return tables.get(table_name(), {"job_id": work_order_id}) or {}


def _at_stake(order: WorkOrder) -> float:
    """What a fault costs in all: repair, and production lost until then."""
    return round(order.total_cost_usd + order.energy_at_risk.total_risk_usd, 2)


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
        stake = max(float(record.get("at_stake_usd", 0.0)), _at_stake(order))
        changes = {**new, "at_stake_usd": stake}
        try:
            change(record, changes, by="ona-schedule", now=now, note=note, event="visit_moved")
        except OrderChanged:
            continue
        return
    raise DependencyBusy(f"work order {order.work_order_id} keeps changing")


def of_customer(
    customer_id: str, limit: int, after: dict[str, Any] | None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """A customer's orders, the newest first, and where the next page begins. Raises DependencyBusy."""
    return tables.page(table_name(), BY_CUSTOMER, "customer_id", customer_id, limit, after)


def all_open() -> list[dict[str, Any]]:
    """The orders that are neither cancelled nor verified. Raises DependencyBusy."""
    return tables.query(table_name(), OPEN, "open", "yes")


def steps(before: OrderStatus, after: OrderStatus) -> list[OrderStatus]:
    """The legal moves from one status to another, the fewest; none where there is no way."""
    ways: list[list[OrderStatus]] = [[before]]
    for way in ways if before != after else []:
        for status in MOVES[way[-1]]:
            if status == after:
                return [*way[1:], status]
            if status not in way:
                ways.append([*way, status])
    return []


def subscribe(record: dict[str, Any], name: str, subscription: dict[str, Any], now: datetime) -> bool:
    """Tell somebody of an order from now on, and at once how it stands; False when it has as many
    subscribers as it may have. Subscribing twice is once. Raises OrderChanged, DependencyBusy."""
    if name in record["subscriptions"]:
        return True
    if len(record["subscriptions"]) >= MOST_SUBSCRIPTIONS:
        return False
    after = {**record, "subscriptions": {**record["subscriptions"], name: subscription}}
    before = {place.name for place in deliveries.places(record)}
    fresh = [place for place in deliveries.places(after) if place.name not in before]
    tell = deliveries.wanted(after, record["version"], now, fresh)
    _edit_audience(record, name, subscription, tell)
    return True


def unsubscribe(record: dict[str, Any], name: str) -> bool:
    """Tell somebody no more; False when nobody of that name is. Raises OrderChanged, DependencyBusy."""
    if name not in record["subscriptions"]:
        return False
    rest = {known: value for known, value in record["subscriptions"].items() if known != name}
    after = {place.name for place in deliveries.places({**record, "subscriptions": rest})}
    gone = [place for place in deliveries.places(record) if place.name not in after]
    _edit_audience(record, name, None, deliveries.forget(record["job_id"], gone))
    return True


def _edit_audience(
    record: dict[str, Any], name: str, subscription: dict[str, Any] | None, writes: list[dict[str, Any]]
) -> None:
    """Put a subscriber in, or (None) out, unless the order or its subscribers changed since they were
    read."""
    values = {":seen": record["version"], ":audience": record["audience"], ":next": record["audience"] + 1}
    edit = "SET audience = :next REMOVE subscriptions.#name"
    if subscription is not None:
        edit = "SET audience = :next, subscriptions.#name = :subscription"
        values[":subscription"] = subscription
    update = {
        "TableName": table_name(),
        "Key": tables.to_item({"job_id": record["job_id"]}),
        "UpdateExpression": edit,
        "ConditionExpression": "version = :seen AND audience = :audience",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": tables.to_item(values),
    }
    if not tables.transact([{"Update": update}, *writes]):
        raise OrderChanged(job(record["job_id"]))


def change(
    record: dict[str, Any],
    changes: dict[str, Any],
    *,
    by: str,
    now: datetime,
    status: OrderStatus | None = None,
    note: str = "",
    verified: bool = False,
    event: str = "",
    tries: int = 5,
) -> dict[str, Any]:
    """Change an order that was read, and its status; how it stands then. A line of history says who and
    why; everybody who follows the order is told.

    A verified order lets go of its fault; a complete one waits for telemetry. A cancelled one lets go of
    the kind of fault and keeps the incident: what a person put aside is not ordered again tomorrow.
    Raises OrderChanged when somebody was faster, IllegalMove, DependencyBusy.
    """
    before: OrderStatus = record["status"]
    if status and status != before and status not in MOVES[before]:
        allowed = ", ".join(MOVES[before]) or "nowhere"
        raise IllegalMove(f"an order that is {before} may go to {allowed}, not to {status}")
    after = status or before
    if not event and verified:
        event = "verified"
    elif not event:
        event = "reopened" if (before, after) == ("COMPLETE", "OPEN") else "status"
        event = event if after != before else "changed"
    entry: dict[str, Any] = {"status": after, "at": iso(now), "by": by, "event": event}
    entry |= {"note": note} if note else {}
    entry |= {"fields": sorted(changes)} if event == "changed" else {}
    values = {**changes, "status": after, "updated_at": iso(now), "version": record["version"] + 1}
    gone = []
    if after == "COMPLETE" and before != "COMPLETE":
        values["completed_at"] = changes.get("completed_at", iso(now))
    if verified:
        values["verified_at"] = iso(now)
    if verified or after == "CANCELLED":
        gone.append("open")
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
                "ConditionExpression": "#version = :seen AND audience = :audience",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": tables.to_item(
                    {
                        **{f":{name}": value for name, value in values.items()},
                        ":seen": record["version"],
                        ":audience": record["audience"],
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
    writes += deliveries.wanted({**record, **values}, values["version"], now)
    if not tables.transact(writes):
        fresh = job(record["job_id"])
        if fresh.get("version") != record["version"] or tries <= 1:
            raise OrderChanged(fresh)
        # only its subscribers changed, or somebody was telling them
        return change(fresh, changes, by=by, now=now, status=status, note=note, verified=verified,
                      event=event, tries=tries - 1)  # fmt: skip
    return job(record["job_id"])
