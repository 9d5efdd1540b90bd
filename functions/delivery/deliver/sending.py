"""All that is due in the outbox, place by place, at least once.

A place that is slow or down holds up nobody else: every place has its own thread, and after three failures
in a row without a success what else is due there waits with them. A try that failed waits a minute, then
twice as long each time, up to half an hour (or as long as the other side asks); after three days, or when
the other side says that it does not want it, it is a dead letter (`ona outbox redrive` sends it again).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from delivery.config import notification_rules
from delivery.deliver import digest, people
from delivery.deliver.systems import Channel, Gone, Ticket
from delivery.deliver.systems.channels import channel_of
from delivery.deliver.told import load
from ona.config import ticketing
from ona.outbox import deliveries
from ona.repairs import crews, orders
from ona.runtime.clock import parse
from ona.runtime.errors import InvalidConfiguration, InvalidInput, OnaError
from ona.runtime.http import Busy
from ona.runtime.observability import count, logger

MOST = 2000
AT_ONCE = 8
A_RUN, WATCHED = 200, 500
"""Things that one recipient is told in a run, tickets of one system that are asked for; the next minute
goes on."""
RESERVE_S = 90.0
"""Seconds that one delivery may take; none begins with less left."""
DOWN_AFTER = 3
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
GIVE_UP = timedelta(days=3)
PEOPLE = ("people", "mail", "notice", "digest")
Item = dict[str, Any]


def run(now: datetime, left: Callable[[], float]) -> dict[str, Any]:
    """Deliver what is due; how many were told, wait, failed, and are dead. `left`: seconds the run still
    has.

    Raises DependencyBusy when the outbox itself cannot be read.
    """
    rules = notification_rules()
    digest.put(rules, now)
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in deliveries.due("send", now, MOST) + deliveries.due("watch", now, MOST):
        groups[_group(item)].append(item)
    totals: Counter[str] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for counts in pool.map(lambda group: _deliver(group, now, left), groups.values()):
            totals.update(counts)
    for name, metric in (("told", "Delivered"), ("failed", "DeliveriesFailed"), ("dead", "DeliveriesDead")):
        count(metric, totals[name])
    return {name: totals[name] for name in ("told", "messages", "changed", "waiting", "failed", "dead")}


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries, with jitter that keeps places from being asked all at once."""
    longest = min(FIRST_WAIT * 2.0 ** min(attempts, 10), LONGEST_WAIT)
    return longest * random.uniform(0.75, 1.0)


def _group(item: Item) -> str:
    """What shares a thread and a fate: a recipient, a system, the host of a webhook."""
    if item["kind"] == "webhook" and item.get("endpoint"):
        return f"host {urlsplit(item['endpoint']).hostname}"
    return str(item["place"])


def _deliver(items: list[Item], now: datetime, left: Callable[[], float]) -> Counter[str]:
    if items[0]["kind"] in PEOPLE:
        return _tell_people(items, now)
    return _Machines(now, left).deliver(items)


def _place(item: Item) -> deliveries.Place:
    return deliveries.Place(str(item["place"]), item["kind"], str(item.get("endpoint", "")))


# ------------------------------------------------------------------ people


def _tell_people(items: list[Item], now: datetime) -> Counter[str]:
    counts: Counter[str] = Counter()
    notes: list[people.Note] = []
    for item in items[:A_RUN]:
        claimed = deliveries.claim(item, now)
        if claimed is None:
            continue
        try:
            notes.append(people.note_of(claimed))
        except Exception as error:
            counts.update(_failed(claimed, error, now))
    teller = people.Teller(_place(items[0]), notification_rules(), now)
    try:
        teller.tell(notes)
    except people.Left as error:
        for note in notes:  # nobody is there to be told
            deliveries.told(note.item, now, version=note.version)
        logger.warning("nobody to tell", place=items[0]["place"], why=str(error))
    except Exception as error:
        for note in notes:
            if note.item["delivery_id"] not in teller.settled:
                counts.update(_failed(note.item, error, now))
    counts.update(teller.counts)
    return counts


# ------------------------------------------------------------------ machines


class _Machines:
    """One group's deliveries to systems and webhooks."""

    def __init__(self, now: datetime, left: Callable[[], float]) -> None:
        self.now, self.left = now, left
        self.counts: Counter[str] = Counter()
        self.channels: dict[str, Channel] = {}
        self.failures, self.successes, self.tries = 0, 0, 0

    def deliver(self, items: list[Item]) -> Counter[str]:
        """What is to be sent first, then what is watched; the freshest first, so that one that always fails
        does not stand before the others."""
        self.tries = max(int(item.get("attempts", 0)) for item in items)
        fresh_first = sorted(items, key=lambda item: int(item.get("attempts", 0)))
        self._each([item for item in fresh_first if item["lane"] == "send"], self._send)
        watched = [item for item in fresh_first if item["lane"] == "watch"]
        if watched and not self._down:
            self._watch(watched[:WATCHED])
        return self.counts

    @property
    def _down(self) -> bool:
        return self.failures >= DOWN_AFTER and not self.successes

    def _each(self, items: list[Item], work: Callable[[Item], None]) -> None:
        for number, item in enumerate(items):
            if self.left() < RESERVE_S:
                return  # the rest is still due
            if self._down:
                wait = self.now + backoff(self.tries)
                for other in items[number:]:
                    deliveries.later(other, wait, self.now)
                self.counts["waiting"] += len(items) - number
                return
            claimed = deliveries.claim(item, self.now)
            if claimed is None:
                continue
            try:
                work(claimed)
                self.successes += 1
            except Exception as error:
                self.failures += not isinstance(error, InvalidInput)
                self.counts.update(_failed(claimed, error, self.now))

    def _channel(self, item: Item) -> Channel:
        place = _place(item)
        if place.name not in self.channels:
            self.channels[place.name] = channel_of(place)
        return self.channels[place.name]

    def _send(self, item: Item) -> None:
        channel, known = self._channel(item), str(item.get("ticket", ""))
        ticket = Ticket(known, str(item.get("remote", ""))) if known else None
        if ticket is not None and item["kind"] == "system":
            ticket = channel.look([known]).get(known)
            if ticket is None:
                raise Gone(f"{item['place']}: ticket {known} is gone; somebody deleted it")
            self._reconcile(item, ticket)
        told = load(item, without=_author(item))
        after = channel.tell(told, ticket)
        deliveries.told(item, self.now, version=told.version, ticket=after.name, remote=after.raw,
                    watch=self._next_look(item, told.record))  # fmt: skip
        self.counts["told"] += 1

    def _watch(self, items: list[Item]) -> None:
        """Ask once for all tickets of a place, then take over what people did there."""
        claimed = [found for item in items if (found := deliveries.claim(item, self.now))]
        if not claimed:
            return
        try:
            tickets = self._channel(claimed[0]).look([str(item["ticket"]) for item in claimed])
        except Exception as error:
            for item in claimed:
                self.counts.update(_failed(item, error, self.now, fatal=False))
            return
        for item in claimed:
            ticket = tickets.get(str(item["ticket"]))
            try:
                if ticket is None:
                    raise Gone(f"{item['place']}: ticket {item['ticket']} is gone; somebody deleted it")
                self._reconcile(item, ticket)
                record = orders.job(str(item["work_order_id"]))
                deliveries.told(item, self.now, version=int(item["told"]), remote=ticket.raw,
                            watch=self._next_look(item, record))  # fmt: skip
            except Exception as error:
                self.counts.update(_failed(item, error, self.now))

    def _reconcile(self, item: Item, ticket: Ticket) -> None:
        """What people did with the ticket since it was seen last happens to the order too, step by step as
        its rules have it. One that is verified or cancelled stands, and the ticket is told so."""
        if ticket.status is None or ticket.raw == item.get("remote"):
            return
        record = orders.job(str(item["work_order_id"]))
        if record.get("verified_at"):
            return
        before = record["status"]
        try:
            for status in orders.steps(record["status"], ticket.status):
                record = orders.change(
                    record, {}, by=_author(item), now=self.now, status=status,
                    note=f"{item['place']}: ticket {ticket.name} is {ticket.raw}",
                )  # fmt: skip
        except orders.OrderChanged as error:
            raise Busy(f"{item['work_order_id']} is being changed") from error
        crews.follow(record["finding_key"], record["status"])
        self.counts["changed"] += record["status"] != before

    def _next_look(self, item: Item, record: dict[str, Any]) -> datetime | None:
        """When to ask what became of a ticket: until its order is cancelled or verified."""
        if item["kind"] != "system" or record.get("verified_at") or record["status"] == "CANCELLED":
            return None
        systems = {system.name: system for system in ticketing.ticketing_config().systems}
        minutes = getattr(systems.get(str(item["place"])), "poll_minutes", 5)
        return self.now + timedelta(minutes=minutes)


def _author(item: Item) -> str:
    """Who changed an order where its ticket was changed."""
    return f"system:{item['place']}"


def _failed(item: Item, error: Exception, now: datetime, *, fatal: bool = True) -> dict[str, int]:
    """Settle a delivery that failed: again later, or a dead letter."""
    why = f"{type(error).__name__}: {error}"
    refused = isinstance(error, InvalidInput) and not isinstance(error, InvalidConfiguration)
    first = item.get("first_failed_at")
    if fatal and (refused or (first and now - parse(first) >= GIVE_UP)):
        logger.error("given up", delivery=item["delivery_id"], why=why)
        deliveries.dead(item, now, why)
        return {"dead": 1}
    if isinstance(error, OnaError):
        logger.warning("not delivered", delivery=item["delivery_id"], why=why)
    else:
        logger.exception("not delivered", delivery=item["delivery_id"])
    wait = backoff(int(item.get("attempts", 0)))
    if isinstance(error, Busy) and error.retry_after:
        wait = max(wait, min(timedelta(seconds=error.retry_after), timedelta(days=1)))
    deliveries.later(item, now + wait, now, why)
    return {"failed": 1}
