"""Delivery to people: single messages or one for many items, few at night, so many an hour at most.

`configs/delivery/notifications.yaml` has the rules. An item that has to wait stays in the outbox. When its
order changes meanwhile, the later message has the newest state: people get one message, not one a change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from delivery.config import NotificationRules
from delivery.deliver import notifications, store
from delivery.deliver.failures import failed
from delivery.deliver.notes import RANK, Note, bundle, of_notice, of_order
from delivery.deliver.quiet_hours import quiet_until
from delivery.deliver.subscribers import Left, way_to
from ona.outbox import deliveries, hourly
from ona.outbox.items import Delivery, Notice, Recipient
from ona.runtime import correlation
from ona.runtime.errors import RetryableError
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable

A_RUN = 200
"""Items that are delivered to one recipient in one run. The run of the next minute sends the rest."""
A_MESSAGE = 100
"""Orders and notices in one message. SNS takes messages of up to 256 KB."""
URGENT_EVERY = 10
"""Minutes. A recipient who has had all messages of this hour still gets urgent ones, at this interval."""


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
    turn = Turn(items[0].recipient_name, now)
    for customer_id, part in _by_customer(notes).items():
        teller = Teller(items[0].recipient, rules, now, customer_id, turn)
        counts.update(_told(teller, part, bad))
    return counts


def _by_customer(notes: Sequence[Note]) -> dict[str, list[Note]]:
    """Notes to an address by the customer whose order each is of: an owner consents to one customer's. To
    operators, who read everything, all together."""
    groups: dict[str, list[Note]] = {}
    for note in notes:
        groups.setdefault(note.customer_id if note.item.kind == "mail" else "", []).append(note)
    return groups


def _told(teller: Teller, notes: Sequence[Note], bad: list[Unreadable]) -> Counter[str]:
    """Tell the notes of one customer, and settle what failed; what was counted."""
    counts: Counter[str] = Counter()
    now = teller.now
    try:
        teller.tell(notes)
    except Left as error:
        for note in notes:  # no recipient is left: nothing more is to be sent
            deliveries.delivered(note.item, now, version=note.version)
        logger.warning("nobody to tell", recipient=teller.recipient.name, why=str(error))
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


class Turn:
    """Whether this run may send a recipient urgent messages beyond the hour's; another at once may not. One
    for all customers whose orders the recipient is told of: none waits because another had the turn."""

    def __init__(self, recipient_name: str, now: datetime) -> None:
        self._recipient_name, self._minute = recipient_name, now.replace(second=0, microsecond=0)
        self._taken: bool | None = None

    def may_be_urgent(self) -> bool:
        """Asked of the outbox once. Raises DependencyBusy."""
        if self._taken is None:
            self._taken = hourly.first(self._recipient_name, "urgent", self._minute)
        return self._taken


class Teller:
    """Delivers to one recipient, and decides what is sent now and what waits.

    `settled`: ids of the items that were delivered, postponed or `refused` (with the reason). `counts`:
    `messages` sent, items delivered (`told`) and items `waiting`.
    """

    def __init__(
        self,
        recipient: Recipient,
        rules: NotificationRules,
        now: datetime,
        customer_id: str = "",
        turn: Turn | None = None,
    ) -> None:
        self.recipient, self.rules, self.now, self.customer_id = recipient, rules, now, customer_id
        self.turn = turn or Turn(recipient.name, now)
        self.counts = {"messages": 0, "told": 0, "waiting": 0}
        self.settled: set[str] = set()
        self.refused: list[tuple[Sequence[Note], Exception]] = []

    def tell(self, notes: Sequence[Note]) -> None:
        """Deliver or postpone each note. Its item must be claimed before.

        Raises Busy, Left, DependencyBusy. Items that are not in `settled` then were not delivered.
        """
        self.way = way_to(self.recipient, self.customer_id, self.now)
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
            if pressing and not minutes_left and self.turn.may_be_urgent():
                self._send(pressing)
            else:
                self._wait(pressing, minute + timedelta(minutes=minutes_left or URGENT_EVERY))

    def _send(self, notes: Sequence[Note]) -> None:
        for first in range(0, len(notes), A_MESSAGE):
            self._send_one(notes[first : first + A_MESSAGE])

    def _send_one(self, part: Sequence[Note]) -> None:
        """Send notes as one message. Where nobody takes it, its halves: the others do not go with the note
        that spoils it."""
        mail = bundle(part)
        attributes = {**mail.attributes, **self.way.attributes}
        try:
            notifications.publish(mail.subject, mail.text, attributes, self.way.topic)
        except RetryableError:
            raise
        except Exception as error:  # this message is one that nobody takes; the next may be sound
            if half := len(part) // 2:
                self._send_one(part[:half])
                self._send_one(part[half:])
                return
            self.refused.append((part, error))
            self.settled |= {note.item.delivery_id for note in part}
            return
        self.counts["messages"] += 1
        for note in part:
            deliveries.delivered(note.item, self.now, version=note.version)
            self.settled.add(note.item.delivery_id)
            self.counts["told"] += 1
            with correlation.using(note.item.correlation_id):
                logger.info("delivered", delivery=note.item.delivery_id, version=note.version)

    def _wait(self, notes: Sequence[Note], until: datetime) -> None:
        for note in notes:
            deliveries.postpone(note.item, until, self.now)
            self.settled.add(note.item.delivery_id)
            self.counts["waiting"] += 1
