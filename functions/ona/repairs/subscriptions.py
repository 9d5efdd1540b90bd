"""Subscribing to an order. Who is told is no change of the order: `audience` counts it, not `version`."""

from __future__ import annotations

from datetime import datetime

from ona.outbox import deliveries
from ona.repairs import history
from ona.repairs.recipients import added
from ona.repairs.tracking import ORDERS, NotTracked, Subscription, TrackedOrder
from ona.runtime.errors import DependencyBusy, InvalidInput
from ona.store.items import Edit

MOST_SUBSCRIPTIONS = 20
"""Subscribers of one order: its change is one transaction with a write for each; DynamoDB takes 100."""


class TooManySubscribers(InvalidInput):
    """An order has as many subscribers as it may have."""


class OrderBusy(DependencyBusy):
    """Others keep changing an order just now."""


def subscribe(order: TrackedOrder, name: str, subscription: Subscription, now: datetime) -> Subscription:
    """Tell somebody of an order from now on, and at once how it stands. Subscribing twice is subscribing
    once: the first subscription of this name stands.

    Raises TooManySubscribers, OrderBusy, DependencyBusy.
    """

    def subscribed(current: TrackedOrder | None) -> Edit[TrackedOrder] | None:
        if current is None:
            raise NotTracked(f"work order {order.work_order_id} is not in the tracking table")
        if name in current.subscriptions:
            return None
        require_room(current, name)
        current = history.forward(current)
        after, lines = history.settled(_with(current, {**current.subscriptions, name: subscription}))
        told = deliveries.enqueue(order.work_order_id, current.version, added(current, after), now)
        return Edit(after, [*told, *lines])

    after = ORDERS.edit(order.work_order_id, subscribed, read=order, busy=OrderBusy)
    return after.subscriptions[name] if after else subscription


def require_room(order: TrackedOrder, name: str) -> None:
    """Raises TooManySubscribers where an order has no room for one more of this name."""
    if name not in order.subscriptions and len(order.subscriptions) >= MOST_SUBSCRIPTIONS:
        raise TooManySubscribers(f"{MOST_SUBSCRIPTIONS} are told of this order already; remove one")


def unsubscribe(order: TrackedOrder, name: str) -> bool:
    """Tell somebody no more; what was not delivered yet is not delivered any more. False when nobody of
    that name is subscribed. Raises OrderBusy, DependencyBusy."""
    removed = False

    def unsubscribed(current: TrackedOrder | None) -> Edit[TrackedOrder] | None:
        nonlocal removed
        removed = current is not None and name in current.subscriptions
        if current is None or not removed:
            return None
        rest = {key: value for key, value in current.subscriptions.items() if key != name}
        current = history.forward(current)
        after, lines = history.settled(_with(current, rest))
        withdrawn = deliveries.withdraw(order.work_order_id, added(after, current))
        return Edit(after, [*withdrawn, *lines])

    ORDERS.edit(order.work_order_id, unsubscribed, read=order, busy=OrderBusy)
    return removed


def _with(order: TrackedOrder, subscriptions: dict[str, Subscription]) -> TrackedOrder:
    return order.model_copy(update={"subscriptions": subscriptions, "audience": order.audience + 1})
