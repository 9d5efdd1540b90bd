"""What Deliver reads and writes beside each delivery: what is due, the orders, the day's digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.config import NotificationRules
from delivery.deliver import digest
from delivery.deliver.message import OrderMessage
from ona.documents.base import S3Pointer
from ona.documents.work_orders import WorkOrder
from ona.outbox import deliveries
from ona.outbox.items import Delivery, Notice
from ona.repairs import crews, history, moves, orders, standing
from ona.repairs.tracking import HistoryLine, TrackedOrder
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, InvalidInput, ObjectMissing
from ona.runtime.http import Busy
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.unreadable import Unreadable, note

MOST_DUE = 2000
"""Items of a lane that one run takes; the next minute goes on."""
EVENTS_TOLD = 20
"""Lines of the history that one message tells at most, the latest: with the longest notes, twice (as text
and as JSON), they fit into the 256 KB that SNS takes (API reference of Publish)."""
LINES_TOLD = 40
"""Lines of the history that a message knows: a ticket's text has as many."""
A_DAY = timedelta(days=1)
"""A digest tells what happened since the one of the day before."""
LINES_COUNTED = 100
"""Lines of one order that a digest counts at most, the latest: one read of the table."""
MOST_UNATTENDED = 1000
"""Faults that nobody is sent to that a digest looks at (ours)."""
MOST_DEAD = 1000
"""Deliveries that were given up are counted up to here."""


@dataclass(frozen=True)
class Due:
    """What is to be sent, what is watched in ticketing systems, and what nobody can read."""

    items: list[Delivery | Notice]
    unreadable: list[deliveries.Unreadable]


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
    lines = history.latest(tracked, LINES_TOLD)
    since = [item for item in lines if item.version > delivery.delivered_version][-EVENTS_TOLD:]
    if not delivery.delivered_version and since and since[0].version > 1:
        since[:1] = history.latest(tracked, 1, before=2)  # that it was opened is new too
    events = [item.line for item in since if not without or item.line.by != without]
    told = [item.line for item in lines]
    return OrderMessage(tracked, order, events, told, delivery.correlation_id)


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


def _recent(order: TrackedOrder, since: datetime) -> list[HistoryLine]:
    """What happened to an order since then, of very much the latest. Raises DependencyBusy."""
    lines = order.history
    if lines[0].at >= since and order.version > len(lines):
        lines = [item.line for item in history.latest(order, LINES_COUNTED)]
    return [line for line in lines if line.at >= since]


def put_digest(rules: NotificationRules, now: datetime) -> bool:
    """Put the day's digest into the outbox, once a day; False when there is none to put."""
    name = digest.due(rules, now)
    if not name or deliveries.exists(name):
        return False
    dead, unreadable = deliveries.due("dead", now, MOST_DEAD)
    bad: list[Unreadable] = []
    standing_orders = orders.all_open(bad)
    unattended = standing.all_seen(standing_orders, now, MOST_UNATTENDED)
    recent = [line for order in standing_orders for line in _recent(order, now - A_DAY)]
    for entry in bad:
        note(entry.where, entry.why)
    subject, text = digest.compose(
        standing_orders,
        recent,
        len(dead) + len(unreadable),
        rules.timezone,
        now,
        unreadable=[entry.where for entry in bad],
        unattended=unattended,
    )
    return deliveries.put_notice(
        Notice.to_operators(name, "daily_digest", "none", subject, text, now, kind="digest")
    )
