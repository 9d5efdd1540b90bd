"""Telling people: one message or one for many, not at night unless it must be, never a flood.

`configs/delivery/notifications.yaml` has the rules. What has to wait stays in the outbox, where later
changes are added to it: in the morning people read how things stand, not how they went.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from delivery.config import NotificationRules
from delivery.deliver import notifications, store
from delivery.deliver.failures import failed
from delivery.deliver.notes import RANK, Note, bundle, of_notice, of_order
from delivery.deliver.quiet_hours import quiet_until
from ona.outbox import addresses, deliveries, hourly
from ona.outbox.items import Delivery, Notice, Recipient
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidInput
from ona.runtime.http import Busy
from ona.runtime.observability import logger

A_RUN = 200
"""Items that one recipient is told in a run; the next minute goes on."""
A_MESSAGE = 100
"""Orders and notices that one message tells; SNS takes 256 KB."""
URGENT_EVERY = 10
"""Minutes: how often a recipient who had enough messages this hour is still told what cannot wait."""
INVITED_LATELY = timedelta(minutes=30)
"""So long a fresh invitation may be missing in SNS's list."""
CONFIRMED_WITHIN_S = 600.0
"""Seconds until an address that waits for its owner is looked at again."""


class Left(InvalidInput):
    """The owner of an address did not confirm it, or unsubscribed."""


def deliver(items: Sequence[Delivery | Notice], rules: NotificationRules, now: datetime) -> Counter[str]:
    """Tell one recipient all that is due; how many were told, wait, failed and were given up."""
    counts: Counter[str] = Counter()
    notes: list[Note] = []
    for item in items[:A_RUN]:
        claimed = deliveries.claim(item, now)
        if claimed is None:
            continue
        try:
            notes.append(note_of(claimed))
        except Exception as error:
            counts[failed(claimed, error, now)] += 1
    teller = Teller(items[0].recipient, rules, now)
    try:
        teller.tell(notes)
    except Left as error:
        for note in notes:  # nobody is there to be told
            deliveries.delivered(note.item, now, version=note.version)
        logger.warning("nobody to tell", recipient=items[0].recipient_name, why=str(error))
    except Exception as error:
        for note in notes:
            if note.item.delivery_id not in teller.settled:
                counts[failed(note.item, error, now)] += 1
    counts.update(teller.counts)
    return counts


def note_of(item: Delivery | Notice) -> Note:
    """What an item of the outbox tells. Raises DependencyBusy."""
    if isinstance(item, Notice):
        return of_notice(item)
    return of_order(item, store.message_of(item))


class Teller:
    """Telling one recipient: what goes now, and what waits. `settled`: the items that need no more care."""

    def __init__(self, recipient: Recipient, rules: NotificationRules, now: datetime) -> None:
        self.recipient, self.rules, self.now = recipient, rules, now
        self.counts = {"messages": 0, "told": 0, "waiting": 0}
        self.settled: set[str] = set()

    def tell(self, notes: Sequence[Note]) -> None:
        """Tell or put off all of them; their items are claimed.

        Raises Busy, Left, DependencyBusy: what is not settled then was not told.
        """
        self.way = way_to(self.recipient, self.now)
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

    def _pressing(self, notes: Sequence[Note]) -> list[Note]:
        return [note for note in notes if note.priority in self.rules.always]

    def _within_limits(self, notes: list[Note]) -> None:
        """Few go one by one, many as one message, and no more than so many an hour."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        together = [notes] if len(notes) > self.rules.single_messages else [[note] for note in notes]
        for part in together:
            if hourly.spend(self.recipient.name, hour, self.rules.messages_an_hour):
                self._send(part)
                continue
            pressing = self._pressing(part)
            self._wait([note for note in part if note not in pressing], hour + timedelta(hours=1))
            minutes_left = -self.now.minute % URGENT_EVERY
            if not minutes_left:
                self._send(pressing)
            else:
                minute = self.now.replace(second=0, microsecond=0)
                self._wait(pressing, minute + timedelta(minutes=minutes_left))

    def _send(self, notes: Sequence[Note]) -> None:
        for first in range(0, len(notes), A_MESSAGE):
            part = notes[first : first + A_MESSAGE]
            mail = bundle(part)
            attributes = {**mail.attributes, **self.way.attributes}
            notifications.publish(mail.subject, mail.text, attributes, self.way.topic)
            self.counts["messages"] += 1
            for note in part:
                deliveries.delivered(note.item, self.now, version=note.version)
                self.settled.add(note.item.delivery_id)
                self.counts["told"] += 1

    def _wait(self, notes: Sequence[Note], until: datetime) -> None:
        for note in notes:
            deliveries.postpone(note.item, until, self.now)
            self.settled.add(note.item.delivery_id)
            self.counts["waiting"] += 1


# ------------------------------------------------------------------ how a message reaches its recipient


@dataclass(frozen=True)
class Way:
    """The topic that leads to a recipient, and the attributes of a message that pick them there."""

    topic: str
    attributes: dict[str, str]


def way_to(recipient: Recipient, now: datetime) -> Way:
    """How messages reach a recipient. An address that is new is asked to confirm.

    Raises Busy while an address is not confirmed, Left when it never will be.
    """
    if recipient.kind != "mail":
        return Way(notifications.OPERATORS, {})
    address = addresses.find(recipient)
    if address is None:
        notifications.invite(recipient.endpoint, recipient.name)
        address = addresses.Address(key=addresses.key_of(recipient), invited_at=now, gone=False)
        addresses.remember(address)
    confirmed = _subscribers(iso(now)).get(recipient.endpoint.lower())
    fresh = now - address.invited_at < INVITED_LATELY
    if address.gone or (confirmed is None and not fresh):
        if not address.gone:
            addresses.remember(address.model_copy(update={"gone": True}))
        raise Left("the address is not confirmed, or its owner unsubscribed")
    if not confirmed:
        raise Busy("the address is not confirmed yet: its owner has a mail with a link", CONFIRMED_WITHIN_S)
    return Way(notifications.SUBSCRIBERS, {"to": recipient.name})


@lru_cache(maxsize=1)
def _subscribers(_run: str) -> dict[str, bool]:
    """Who is subscribed, asked once a run."""
    return notifications.subscribers()
