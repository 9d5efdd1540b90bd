"""Deliveries to other people's systems and webhooks, and what became of their tickets.

After three failures in a row without a success what else is due at a recipient waits with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from delivery.deliver import store
from delivery.deliver.failures import backoff, failed
from delivery.deliver.systems import Channel, Gone, Ticket
from delivery.deliver.systems.channels import channel_of
from ona.config import ticketing
from ona.outbox import deliveries
from ona.outbox.items import Delivery, Notice
from ona.repairs import orders
from ona.repairs.moves import Change, steps
from ona.repairs.tracking import TrackedOrder
from ona.runtime import correlation
from ona.runtime.errors import InvalidInput, RetryableError
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable

WATCHED = 500
"""Tickets of one system that are asked for in a run; the next minute goes on."""
RESERVE_S = 90.0
"""Seconds that one delivery may take; none begins with less left."""
DOWN_AFTER = 3
"""Failures in a row after which a recipient counts as down."""
POLL_MINUTES = 5
"""How often tickets are asked for where the configuration does not name their system any more."""


class RemoteDeliveries:
    """One group's deliveries to systems and webhooks. `left`: seconds that the run still has; `bad`: takes
    the items that could not even be claimed or settled."""

    def __init__(self, now: datetime, left: Callable[[], float], bad: list[Unreadable]) -> None:
        self.now, self.left, self.bad = now, left, bad
        self.counts: Counter[str] = Counter()
        self.channels: dict[str, Channel] = {}
        self.failures, self.successes, self.tries = 0, 0, 0

    def deliver(self, items: Sequence[Delivery]) -> Counter[str]:
        """What is to be sent first, then what is watched; the freshest first, so that one that always fails
        does not stand before the others."""
        self.tries = max(item.attempts for item in items)
        fresh_first = sorted(items, key=lambda item: item.attempts)
        self._send_each([item for item in fresh_first if item.lane == "send"])
        watched = [item for item in fresh_first if item.lane == "watch"]
        if watched and not self._down:
            self._watch(watched[:WATCHED])
        return self.counts

    @property
    def _down(self) -> bool:
        return self.failures >= DOWN_AFTER and not self.successes

    def _send_each(self, items: Sequence[Delivery]) -> None:
        for number, item in enumerate(items):
            if self.left() < RESERVE_S:
                return  # the rest is still due
            if self._down:
                wait = self.now + backoff(self.tries)
                for other in items[number:]:
                    deliveries.postpone(other, wait, self.now)
                self.counts["waiting"] += len(items) - number
                return
            try:
                claimed = _claimed(item, self.now)
            except Exception as error:
                self.counts[failed(item, error, self.now, self.bad)] += 1
                continue
            if claimed is None:
                continue
            with correlation.using(claimed.correlation_id):
                try:
                    self._send(claimed)
                    self.successes += 1
                except Exception as error:
                    self.failures += not isinstance(error, InvalidInput)
                    self.counts[failed(claimed, error, self.now, self.bad)] += 1

    def _channel(self, item: Delivery) -> Channel:
        if item.recipient_name not in self.channels:
            self.channels[item.recipient_name] = channel_of(item.recipient)
        return self.channels[item.recipient_name]

    def _send(self, item: Delivery) -> None:
        channel = self._channel(item)
        ticket = Ticket(item.ticket, item.remote_status) if item.ticket else None
        if ticket is not None and item.kind == "system":
            ticket = channel.look_up([item.ticket]).get(item.ticket)
            if ticket is None:
                raise _gone(item)
            self._reconcile(item, ticket)
        message = store.message_of(item, without=_author(item))
        after = channel.send(message, ticket)
        deliveries.delivered(
            item,
            self.now,
            version=message.version,
            ticket=after.name,
            remote_status=after.raw,
            watch=self._next_look(item, message.tracked),
        )
        logger.info("delivered", delivery=item.delivery_id, version=message.version, ticket=after.name)
        self.counts["told"] += 1

    def _watch(self, items: Sequence[Delivery]) -> None:
        """Ask once for all tickets of a system, then take over what people did there."""
        claimed = []
        for item in items:
            try:
                mine = _claimed(item, self.now)
            except Exception as error:
                self.counts[failed(item, error, self.now, self.bad)] += 1
                continue
            claimed += [mine] if mine else []
        for group in self._looked_up(claimed):
            self._take_over(*group)

    def _looked_up(self, items: list[Delivery]) -> list[tuple[list[Delivery], dict[str, Ticket]]]:
        """Deliveries with what became of their tickets. Where the answer for many cannot be read, or is
        refused for one of them, each is asked for alone: one odd ticket holds up no other."""
        if not items:
            return []
        try:
            return [(items, self._channel(items[0]).look_up([item.ticket for item in items]))]
        except Exception as error:
            if len(items) == 1 or isinstance(error, RetryableError) or self.left() < RESERVE_S:
                for item in items:
                    self.counts[failed(item, error, self.now, self.bad, fatal=False)] += 1
                return []
            return [group for item in items for group in self._looked_up([item])]

    def _take_over(self, items: list[Delivery], tickets: dict[str, Ticket]) -> None:
        for item in items:
            with correlation.using(item.correlation_id):
                try:
                    self._take_over_one(item, tickets.get(item.ticket))
                except Exception as error:
                    self.counts[failed(item, error, self.now, self.bad)] += 1

    def _take_over_one(self, item: Delivery, ticket: Ticket | None) -> None:
        if ticket is None:
            raise _gone(item)
        self._reconcile(item, ticket)
        deliveries.delivered(
            item,
            self.now,
            version=item.delivered_version,
            remote_status=ticket.raw,
            watch=self._next_look(item, orders.require(item.work_order_id)),
        )

    def _reconcile(self, item: Delivery, ticket: Ticket) -> None:
        """What people did with the ticket since it was seen last happens to the order too, step by step as
        its rules have it. One that is verified or cancelled stands, and the ticket is told so."""
        if ticket.status is None or ticket.raw == item.remote_status:
            return
        order = orders.require(item.work_order_id)
        if order.verified_at:
            return
        note = f"{item.recipient_name}: ticket {ticket.name} is {ticket.raw}"
        changes = [
            Change(by=_author(item), at=self.now, status=status, note=note)
            for status in steps(order.status, ticket.status)
        ]
        after = store.walk(order, changes)
        self.counts["changed"] += after.status != order.status

    def _next_look(self, item: Delivery, order: TrackedOrder) -> datetime | None:
        """When to ask what became of a ticket: until its order is cancelled or verified."""
        if item.kind != "system" or order.verified_at or order.status == "CANCELLED":
            return None
        systems = {system.name: system for system in ticketing.ticketing_config().systems}
        minutes = getattr(systems.get(item.recipient_name), "poll_minutes", POLL_MINUTES)
        return self.now + timedelta(minutes=minutes)


def _claimed(item: Delivery, now: datetime) -> Delivery | None:
    """An order's delivery, claimed; None where somebody else has it."""
    claimed = deliveries.claim(item, now)
    return None if claimed is None or isinstance(claimed, Notice) else claimed


def _author(item: Delivery) -> str:
    """Who changed an order where its ticket was changed."""
    return f"system:{item.recipient_name}"


def _gone(item: Delivery) -> Gone:
    return Gone(f"{item.recipient_name}: ticket {item.ticket} is gone; somebody deleted it")
