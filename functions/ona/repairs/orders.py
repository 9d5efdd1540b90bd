"""Opening, reading and changing work orders.

Whoever changes an order also puts into the outbox who is to be told, in the same transaction: what was
changed is told, also when its writer dies the moment after. The line of history that a change leaves is
written with it too (`ona.repairs.history`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from ona.documents.work_orders import WorkOrder
from ona.outbox import deliveries
from ona.repairs import history, locks
from ona.repairs.moves import Change, Fields, applied
from ona.repairs.recipients import recipients_of
from ona.repairs.tracking import (
    BY_CUSTOMER,
    BY_OPEN,
    ORDERS,
    HistoryLine,
    NotTracked,
    TrackedOrder,
    at_stake_usd,
)
from ona.runtime.clock import is_zone
from ona.runtime.errors import OnaError
from ona.store import tables
from ona.store.items import Edit
from ona.store.unreadable import Unreadable

Opened = Literal["opened", "exists"]
CURSOR = ("job_id", "customer_id", "created_at")
"""What the beginning of a page of `of_customer` holds: the keys of the table and of its index."""


class OrderChanged(OnaError):
    """Somebody changed the order since it was read: read it again. `order` is how it stands."""

    def __init__(self, order: TrackedOrder) -> None:
        super().__init__(f"{order.work_order_id} is at version {order.version} by now")
        self.order = order


def find(work_order_id: str) -> TrackedOrder | None:
    """How an order stands; None when there is none. Raises DependencyBusy."""
    return ORDERS.get(work_order_id)


def require(work_order_id: str) -> TrackedOrder:
    """How an order stands. Raises NotTracked, DependencyBusy."""
    return _tracked(find(work_order_id), work_order_id)


def of_customer(
    customer_id: str, limit: int, after: Mapping[str, str] | None
) -> tuple[list[TrackedOrder], dict[str, str] | None]:
    """A customer's orders, the newest first, and where the next page begins. Raises DependencyBusy."""
    return ORDERS.page(BY_CUSTOMER, "customer_id", customer_id, limit, after)


def all_open(bad: list[Unreadable] | None = None) -> list[TrackedOrder]:
    """The orders that are neither cancelled nor verified; those aside that nobody can read, into `bad` too.
    Raises DependencyBusy."""
    return ORDERS.query(BY_OPEN, "open", "yes", bad)


def open_once(order: WorkOrder, execution_id: str, now: datetime, zone: str = "") -> Opened:
    """Track a new order, unless its fault has an open one. `zone`: the site's, in which its visit is told.
    Raises DependencyBusy."""
    tracked = _opened(order, execution_id, now, zone)
    tracked, lines = history.settled(tracked)
    writes = [*locks.taken(order, now), ORDERS.insertion(tracked), *_announced(tracked, now), *lines]
    return "opened" if tables.transact(writes) else "exists"


def change(order: TrackedOrder, what: Change) -> TrackedOrder:
    """Change an order that was read; how it stands then. Everybody who follows it is told.

    Raises OrderChanged when somebody was faster, IllegalMove, DependencyBusy.
    """

    def changed(current: TrackedOrder | None) -> Edit[TrackedOrder]:
        current = _tracked(current, order.work_order_id)
        if current.version != order.version:
            raise OrderChanged(current)
        return _edit(current, what)  # only its subscribers changed, or somebody was telling them

    after = ORDERS.edit(
        order.work_order_id,
        changed,
        read=order,
        busy=lambda _: OrderChanged(require(order.work_order_id)),
    )
    return _tracked(after, order.work_order_id)


def move(order: WorkOrder, note: str, now: datetime) -> None:
    """Put an order's new time and crew down, with a line of history; nothing if they are there already.

    Raises DependencyBusy when others keep changing the same order, NotTracked.
    """

    def moved(current: TrackedOrder | None) -> Edit[TrackedOrder] | None:
        current = _tracked(current, order.work_order_id)
        visit = Fields(
            crew_id=order.crew_assignment.crew_id,
            scheduled_start=order.scheduled_start,
            scheduled_end=order.scheduled_end,
            visit_days=order.visit_days,
        )
        if current.model_copy(update=visit.given()).item() == current.item():
            return None
        stake = max(current.at_stake_usd, at_stake_usd(order))
        fields = visit.model_copy(update={"at_stake_usd": stake})
        return _edit(
            current, Change(by="ona-schedule", at=now, fields=fields, note=note, event="visit_moved")
        )

    ORDERS.edit(order.work_order_id, moved)


def _edit(order: TrackedOrder, what: Change) -> Edit[TrackedOrder]:
    """A change of an order, with its line of history, the locks that it gives up and what is to be told.
    Raises IllegalMove, DependencyBusy."""
    after, lines = history.settled(applied(history.forward(order), what))
    together = [*locks.let_go(after, verified=what.verified), *_announced(after, what.at), *lines]
    return Edit(after, together)


def _announced(order: TrackedOrder, now: datetime) -> list[tables.Write]:
    return deliveries.enqueue(order.work_order_id, order.version, recipients_of(order), now)


def _tracked(order: TrackedOrder | None, work_order_id: str) -> TrackedOrder:
    if order is None:
        raise NotTracked(f"work order {work_order_id} is not in the tracking table")
    return order


def _opened(order: WorkOrder, execution_id: str, now: datetime, zone: str) -> TrackedOrder:
    """How a new order stands."""
    return TrackedOrder(
        work_order_id=order.work_order_id,
        status=order.status,
        asset_id=order.asset_id,
        finding_id=order.finding_id,
        finding_key=order.finding_key,
        incident_id=order.incident_id,
        cause=order.cause,
        customer_id=order.customer_id,
        site_id=order.site_id,
        title=order.title,
        created_at=order.created_at,
        due_date=order.due_date or order.scheduled_end,
        priority=order.priority,
        crew_id=order.crew_assignment.crew_id,
        zone=zone if is_zone(zone) else "",
        scheduled_start=order.scheduled_start,
        scheduled_end=order.scheduled_end,
        visit_days=order.visit_days,
        execution_id=execution_id,
        version=1,
        history=[HistoryLine(status=order.status, at=now, by="ona-order", event="opened")],
        open="yes",
        daily_loss_usd=order.energy_at_risk.daily_loss_usd,
        total_cost_usd=order.total_cost_usd,
        at_stake_usd=at_stake_usd(order),
    )
