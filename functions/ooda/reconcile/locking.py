"""Locks against orders: one lock a name of each open fault, and none that stands for nothing. Pure.

An open order holds `open#<finding key>` and `open#<incident id>`. A cancelled one keeps the incident's:
what a person put aside is not ordered again. A verified one holds none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from ona.repairs.locks import OrderLock, names_of
from ona.repairs.tracking import TrackedOrder
from ooda.reconcile.mends import Decide, DropLock, MakeLock
from ooda.reconcile.seen import Seen


def steps(seen: Seen, before: datetime) -> Iterator[MakeLock | DropLock | Decide]:
    """The mends of locks that are older than `before`, and the faults that have two open orders."""
    open_by_name: dict[str, list[TrackedOrder]] = defaultdict(list)
    for order in sorted(seen.orders.values(), key=lambda item: (item.created_at, item.work_order_id)):
        if order.open:
            for name in names_of(order.finding_key, order.incident_id):
                open_by_name[name].append(order)
    for name, orders in sorted(open_by_name.items()):
        if name in seen.unread:
            continue
        lock = seen.locks.get(name)
        holder = next((item for item in orders if lock and item.work_order_id == lock.work_order_id), None)
        if len(orders) > 1:
            ids = " and ".join(item.work_order_id for item in orders)
            yield Decide(
                f"table of orders, {name}",
                f"one fault has two open orders: {ids}",
                "cancel one of them through the API; the other keeps the lock",
            )
        if (
            holder is None
            and orders[0].created_at <= before
            and not (lock and (_unread(lock, seen) or _young(lock, before)))
        ):
            yield MakeLock(name, orders[0], lock)
    for name, lock in sorted(seen.locks.items()):
        if name in open_by_name or _young(lock, before) or _unread(lock, seen):
            continue
        holder = seen.orders.get(lock.work_order_id)
        if holder is None:
            yield DropLock(lock, None, f"{lock.work_order_id} is not in the tracking table")
        elif not _keeps(holder, name):
            yield DropLock(lock, holder, f"{lock.work_order_id} holds it no more")


def _unread(lock: OrderLock, seen: Seen) -> bool:
    """Whether a lock names an order that is there and cannot be read."""
    return lock.work_order_id in seen.unread


def _young(lock: OrderLock, before: datetime) -> bool:
    """Whether a lock was written after a moment: its order may be in the middle of being made."""
    return lock.opened_at is not None and lock.opened_at > before


def _keeps(order: TrackedOrder, name: str) -> bool:
    """Whether an order that is not open keeps a lock: a cancelled one its incident's."""
    return order.status == "CANCELLED" and name in names_of("", order.incident_id)
