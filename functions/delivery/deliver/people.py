"""Telling people: one message or one for many, not at night unless it must be, never a flood.

`configs/delivery/notifications.yaml` has the rules. What has to wait stays in the outbox, where later
changes are added to it: in the morning people read how things stand, not how they went.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, get_args
from zoneinfo import ZoneInfo

from delivery.config import NotificationRules, QuietHours
from delivery.deliver import notifications
from delivery.deliver.told import Told, load
from ona.documents.work_orders import Priority
from ona.outbox import deliveries
from ona.runtime.clock import iso, parse
from ona.runtime.errors import InvalidInput
from ona.runtime.http import Busy

RANK = {priority: rank for rank, priority in enumerate(reversed(get_args(Priority)))}
"""The most urgent first."""
A_MESSAGE = 100
"""Orders and notices that one message tells; SNS takes 256 KB."""
URGENT_EVERY = 10
"""Minutes: how often a recipient who had enough messages this hour is still told what cannot wait."""
INVITED_LATELY = timedelta(minutes=30)
"""So long a fresh invitation may be missing in SNS's list."""


class Left(InvalidInput):
    """The owner of an address did not confirm it, or unsubscribed."""


@dataclass(frozen=True)
class Note:
    """One thing to be told: of an order, or a notice."""

    item: dict[str, Any]
    subject: str
    text: str
    attributes: dict[str, str]
    line: str
    priority: str
    version: int | None = None

    @property
    def alone(self) -> bool:
        """A digest is a bundle already, and its time is its own."""
        return bool(self.item["kind"] == "digest")


def note_of(item: dict[str, Any]) -> Note:
    """What an item of the outbox tells. Raises DependencyBusy."""
    if item["kind"] in ("notice", "digest"):
        told = {"event": str(item["event"]), "priority": str(item["priority"])}
        return Note(
            item, str(item["subject"]), str(item["text"]), told, str(item["subject"]), told["priority"]
        )
    order: Told = load(item)
    line = f"{order.headline()}  {order.work_order_id}, {order.visit()}"
    return Note(
        item, order.headline(), order.text(), order.attributes(), line, order.priority, order.version
    )


def quiet_until(rules: QuietHours | None, zone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that a moment lies in; None outside of them."""
    if rules is None:
        return None
    local = now.astimezone(ZoneInfo(zone))
    inside = (
        rules.start <= local.time() < rules.end
        if rules.start < rules.end
        else local.time() >= rules.start or local.time() < rules.end
    )
    if not inside:
        return None
    end = local.replace(hour=rules.end.hour, minute=rules.end.minute, second=0, microsecond=0)
    return (end if end > local else end + timedelta(days=1)).astimezone(now.tzinfo)


class Teller:
    """Telling one recipient: what goes now, and what waits. `settled`: the items that need no more care."""

    def __init__(self, place: deliveries.Place, rules: NotificationRules, now: datetime) -> None:
        self.place, self.rules, self.now = place, rules, now
        self.counts = {"messages": 0, "told": 0, "waiting": 0}
        self.settled: set[str] = set()

    def tell(self, notes: list[Note]) -> None:
        """Tell or put off all of them; their items are claimed.

        Raises Busy, Left, DependencyBusy: what is not settled then was not told.
        """
        self.topic, self.to = _way(self.place, self.now)
        rules = self.rules
        for note in [note for note in notes if note.alone]:
            self._send([note])
        rest = sorted((note for note in notes if not note.alone), key=lambda note: RANK[note.priority])
        urgent, calm = self._pressing(rest), [note for note in rest if note.priority not in rules.always]
        quiet = quiet_until(rules.quiet_hours, rules.timezone, self.now)
        if quiet:
            self._wait(calm, quiet)
            calm = []
        self._within_limits([*urgent, *calm])

    def _pressing(self, notes: list[Note]) -> list[Note]:
        return [note for note in notes if note.priority in self.rules.always]

    def _within_limits(self, notes: list[Note]) -> None:
        """Few go one by one, many as one message, and no more than so many an hour."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        together = [notes] if len(notes) > self.rules.single_messages else [[note] for note in notes]
        for part in together:
            if deliveries.spend(self.place.name, f"{hour:%Y-%m-%dT%H}", self.rules.messages_an_hour):
                self._send(part)
                continue
            pressing = self._pressing(part)
            self._wait([note for note in part if note not in pressing], hour + timedelta(hours=1))
            late = -self.now.minute % URGENT_EVERY
            if not late:
                self._send(pressing)
            else:
                minute = self.now.replace(second=0, microsecond=0)
                self._wait(pressing, minute + timedelta(minutes=late))

    def _send(self, notes: list[Note]) -> None:
        for first in range(0, len(notes), A_MESSAGE):
            part = notes[first : first + A_MESSAGE]
            one = part[0]
            subject, text, attributes = (
                (one.subject, one.text, one.attributes) if len(part) == 1 else bundle(part)
            )
            notifications.publish(subject, text, {**attributes, **self.to}, self.topic)
            self.counts["messages"] += 1
            for note in part:
                deliveries.told(note.item, self.now, version=note.version)
                self.settled.add(note.item["delivery_id"])
                self.counts["told"] += 1

    def _wait(self, notes: list[Note], until: datetime) -> None:
        for note in notes:
            deliveries.later(note.item, until, self.now)
            self.settled.add(note.item["delivery_id"])
            self.counts["waiting"] += 1


def bundle(notes: list[Note]) -> tuple[str, str, dict[str, str]]:
    """Many things as one message: subject, text, attributes."""
    orders = [note for note in notes if note.version is not None]
    notices = [note for note in notes if note.version is None]
    worst = min((note.priority for note in notes), key=lambda priority: RANK[priority])
    names = [f"{len(orders)} work order{'s' * (len(orders) > 1)}"] if orders else []
    names += [f"{len(notices)} notice{'s' * (len(notices) > 1)}"] if notices else []
    subject = f"[{worst}] {' and '.join(names)}"
    lines = [f"{' and '.join(names)}, the most urgent first.", ""]
    lines += [f"- {note.line}" for note in orders]
    lines += ["", *[f"- {note.line}" for note in notices]] if notices else []
    lines += ["", "An order in full: GET /ops/work-orders/<its number>", ""]
    told = [
        {
            name: note.attributes[name]
            for name in ("work_order_id", "event", "priority", "asset_id", "site_id")
        }
        for note in orders
    ]
    return subject, "\n".join(lines), {"event": "bundle", "priority": worst, "orders": json.dumps(told)}


def _way(place: deliveries.Place, now: datetime) -> tuple[str, dict[str, str]]:
    """The topic that leads to a recipient, and what of the message picks them there.

    Raises Busy while an address is not confirmed, Left when it never will be.
    """
    if place.kind != "mail":
        return notifications.OPERATORS, {}
    known = deliveries.address_of(place.name)
    if known is None:
        notifications.invite(place.endpoint, place.name)
        known = {"invited_at": iso(now), "gone": False}
        deliveries.keep_address(place.name, known["invited_at"], gone=False)
    said = _subscribers(iso(now)).get(place.endpoint.lower())
    fresh = now - parse(known["invited_at"]) < INVITED_LATELY
    if known["gone"] or (said is None and not fresh):
        if not known["gone"]:
            deliveries.keep_address(place.name, known["invited_at"], gone=True)
        raise Left("the address is not confirmed, or its owner unsubscribed")
    if not said:
        raise Busy("the address is not confirmed yet: its owner has a mail with a link", 600.0)
    return notifications.SUBSCRIBERS, {"to": place.name}


@lru_cache(maxsize=1)
def _subscribers(_run: str) -> dict[str, bool]:
    """Who is subscribed, asked once a run."""
    return notifications.subscribers()
