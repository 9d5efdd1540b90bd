"""Delivery to people: single messages or one for many items, few at night, so many an hour at most.

`configs/delivery/notifications.yaml` has the rules. An item that has to wait stays in the outbox. When its
order changes meanwhile, the later message has the newest state: people get one message, not one a change.
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
from ona.runtime.errors import InvalidInput, RetryableError
from ona.runtime.http import Busy
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable

A_RUN = 200
"""Items that are delivered to one recipient in one run. The run of the next minute sends the rest."""
A_MESSAGE = 100
"""Orders and notices in one message. SNS takes messages of up to 256 KB."""
URGENT_EVERY = 10
"""Minutes. A recipient who has had all messages of this hour still gets urgent ones, at this interval."""
INVITED_LATELY = timedelta(minutes=30)
"""A new invitation may be missing in SNS's list of subscribers for so long."""
INVITED_BY_ONE = 5
"""Minutes for which one run may ask the owner of a new address; it takes seconds."""
CONFIRMED_WITHIN_S = 600.0
"""Seconds until Deliver checks again whether the owner has confirmed an address."""


class Left(InvalidInput):
    """The owner of an address did not confirm it, or unsubscribed."""


def deliver(
    items: Sequence[Delivery | Notice], rules: NotificationRules, now: datetime, bad: list[Unreadable]
) -> Counter[str]:
    """Deliver all due `items` of one recipient; how many were delivered, wait, failed, were given up. Into
    `bad`: those that could not even be claimed or settled."""
    counts: Counter[str] = Counter()
    notes: list[Note] = []
    for item in items[:A_RUN]:
        claimed = None
        try:
            claimed = deliveries.claim(item, now)
            if claimed is not None:
                notes.append(note_of(claimed))
        except Exception as error:
            counts[failed(claimed or item, error, now, bad)] += 1
    teller = Teller(items[0].recipient, rules, now)
    try:
        teller.tell(notes)
    except Left as error:
        for note in notes:  # no recipient is left: nothing more is to be sent
            deliveries.delivered(note.item, now, version=note.version)
        logger.warning("nobody to tell", recipient=items[0].recipient_name, why=str(error))
    except Exception as error:
        for note in notes:
            if note.item.delivery_id not in teller.settled:
                counts[failed(note.item, error, now, bad)] += 1
    for part, why in teller.refused:
        for note in part:
            counts[failed(note.item, why, now, bad)] += 1
    counts.update(teller.counts)
    return counts


def note_of(item: Delivery | Notice) -> Note:
    """The text and priority of an item of the outbox. Raises DependencyBusy."""
    if isinstance(item, Notice):
        return of_notice(item)
    return of_order(item, store.message_of(item))


class Teller:
    """Delivers to one recipient, and decides what is sent now and what waits.

    `settled`: ids of the items that were delivered, postponed or `refused` (with the reason). `counts`:
    `messages` sent, items delivered (`told`) and items `waiting`.
    """

    def __init__(self, recipient: Recipient, rules: NotificationRules, now: datetime) -> None:
        self.recipient, self.rules, self.now = recipient, rules, now
        self.counts = {"messages": 0, "told": 0, "waiting": 0}
        self.settled: set[str] = set()
        self.refused: list[tuple[Sequence[Note], Exception]] = []
        self.urgent: bool | None = None

    def tell(self, notes: Sequence[Note]) -> None:
        """Deliver or postpone each note. Its item must be claimed before.

        Raises Busy, Left, DependencyBusy. Items that are not in `settled` then were not delivered.
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
        """Send few notes one by one, many as one message, within the limit of messages an hour."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        together = [notes] if len(notes) > self.rules.single_messages else [[note] for note in notes]
        for part in together:
            if hourly.spend(self.recipient.name, hour, self.rules.messages_an_hour):
                self._send(part)
                continue
            pressing = self._pressing(part)
            self._wait([note for note in part if note not in pressing], hour + timedelta(hours=1))
            minute = self.now.replace(second=0, microsecond=0)
            minutes_left = -minute.minute % URGENT_EVERY
            if pressing and not minutes_left and self._may_be_urgent(minute):
                self._send(pressing)
            else:
                self._wait(pressing, minute + timedelta(minutes=minutes_left or URGENT_EVERY))

    def _may_be_urgent(self, minute: datetime) -> bool:
        """Whether this run may send urgent messages beyond the hour's; another at once may not."""
        if self.urgent is None:
            self.urgent = hourly.first(self.recipient.name, "urgent", minute)
        return self.urgent

    def _send(self, notes: Sequence[Note]) -> None:
        for first in range(0, len(notes), A_MESSAGE):
            part = notes[first : first + A_MESSAGE]
            mail = bundle(part)
            attributes = {**mail.attributes, **self.way.attributes}
            try:
                notifications.publish(mail.subject, mail.text, attributes, self.way.topic)
            except RetryableError:
                raise
            except Exception as error:  # this message is one that nobody takes; the next may be sound
                self.refused.append((part, error))
                self.settled |= {note.item.delivery_id for note in part}
                continue
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
    """The SNS topic of a recipient, and the attributes by which its filter picks this recipient."""

    topic: str
    attributes: dict[str, str]


def way_to(recipient: Recipient, now: datetime) -> Way:
    """The topic and attributes for a recipient. The owner of a new address is asked to confirm it.

    Raises Busy while the address is not confirmed yet, Left when it is not expected to be any more.
    """
    if recipient.kind != "mail":
        return Way(notifications.OPERATORS, {})
    address = addresses.find(recipient)
    if address is None:
        # a run that died here is followed by another slot
        slot = now.replace(minute=now.minute // INVITED_BY_ONE * INVITED_BY_ONE)
        if not hourly.first(recipient.name, "invitation", slot):
            raise Busy("the owner of the address is being asked to confirm it", CONFIRMED_WITHIN_S)
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
    """Whether each address has confirmed, by address in lower case. SNS is asked once a run."""
    return notifications.subscribers()
