"""What Deliver reads and writes beside each delivery: what is due, the orders, the day's digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delivery.config import NotificationRules
from delivery.deliver import digest
from delivery.deliver.message import OrderMessage
from ona.documents.base import S3Pointer
from ona.documents.work_orders import WorkOrder
from ona.outbox import deliveries
from ona.outbox.deliveries import Unreadable
from ona.outbox.items import NOTICES_KEPT, OPERATORS, Delivery, Notice
from ona.repairs import crews, moves, orders
from ona.repairs.tracking import TrackedOrder
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, InvalidInput, ObjectMissing
from ona.runtime.http import Busy
from ona.store import s3
from ona.store.layout import work_order_key

MOST_DUE = 2000
"""Items of a lane that one run takes; the next minute goes on."""
MOST_DEAD = 1000
"""Deliveries that were given up are counted up to here."""


@dataclass(frozen=True)
class Due:
    """What is to be sent, what is watched in ticketing systems, and what nobody can read."""

    items: list[Delivery | Notice]
    unreadable: list[Unreadable]


def due(now: datetime) -> Due:
    """All that is due in the outbox by now. Raises DependencyBusy."""
    send, bad = deliveries.due("send", now, MOST_DUE)
    watch, worse = deliveries.due("watch", now, MOST_DUE)
    return Due(send + watch, bad + worse)


def message_of(delivery: Delivery, *, without: str = "") -> OrderMessage:
    """What a delivery has to tell: the order as it stands, and what happened since the version that was
    delivered last; without what `without` did, who knows it.

    Raises DependencyBusy while the order's document is being written.
    """
    tracked = orders.find(delivery.work_order_id)
    if tracked is None:
        raise DependencyBusy(f"{delivery.work_order_id} is not in the table")
    key = work_order_key(tracked.work_order_id)
    pointer = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=key)
    try:
        order: WorkOrder = WorkOrder.read(s3.read_json(pointer), key)
    except ObjectMissing as error:
        raise DependencyBusy(f"{key} is not written yet") from error
    except InvalidInput as error:  # reconciliation writes it again, and the delivery goes on
        raise DependencyBusy(f"{key} cannot be read: {error}") from error
    since = tracked.history[delivery.delivered_version :]
    return OrderMessage(tracked, order, [line for line in since if not without or line.by != without])


def walk(order: TrackedOrder, changes: list[moves.Change]) -> TrackedOrder:
    """Make changes of an order, one after the other, and what they mean for its visit; how it stands then.

    Raises Busy where somebody else changes it just now, CrewBookingConflict, DependencyBusy.
    """
    try:
        for change in changes:
            order = orders.change(order, change)
    except orders.OrderChanged as error:
        raise Busy(f"{order.work_order_id} is being changed") from error
    crews.follow(order.finding_key, order.status)
    return order


def put_digest(rules: NotificationRules, now: datetime) -> bool:
    """Put the day's digest into the outbox, once a day; False when there is none to put."""
    name = digest.due(rules, now)
    if not name or deliveries.exists(name):
        return False
    dead, unreadable = deliveries.due("dead", now, MOST_DEAD)
    subject, text = digest.compose(orders.all_open(), len(dead) + len(unreadable), rules.timezone, now)
    return deliveries.put_notice(
        Notice(
            delivery_id=name,
            kind="digest",
            recipient_name=OPERATORS,
            lane="send",
            next_at=now,
            ttl=int((now + NOTICES_KEPT).timestamp()),
            event="daily_digest",
            priority="none",
            subject=subject,
            text=text,
        )
    )
