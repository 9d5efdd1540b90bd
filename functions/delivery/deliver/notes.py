"""What people read: one note for each order or notice, and many notes as one message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from delivery.deliver import wording
from delivery.deliver.message import OrderMessage
from ona.documents.work_orders import Priority
from ona.outbox.items import Delivery, Notice

RANK = {priority: rank for rank, priority in enumerate(reversed(get_args(Priority)))}
"""The most urgent first."""
TOLD_OF_EACH = ("work_order_id", "event", "priority", "asset_id", "site_id")
"""What the attribute `orders` of a bundle says of each order."""


@dataclass(frozen=True)
class Mail:
    """One message as SNS takes it. `attributes` are for filters and for programs."""

    subject: str
    text: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """One thing that a recipient is to be told: an order at a version, or a notice. `line`: in one line;
    `customer_id`: whose order it is."""

    item: Delivery | Notice
    mail: Mail
    line: str
    priority: Priority
    version: int | None = None
    customer_id: str = ""

    @property
    def alone(self) -> bool:
        """A digest is a bundle already, and its time is its own."""
        return self.item.kind == "digest"


def of_notice(notice: Notice) -> Note:
    """A notice as a note."""
    attributes = {"event": notice.event, "priority": notice.priority}
    return Note(notice, Mail(notice.subject, notice.text, attributes), notice.subject, notice.priority)


def of_order(delivery: Delivery, message: OrderMessage) -> Note:
    """An order as a note."""
    headline = wording.headline(message)
    line = f"{headline}  {message.work_order_id}, {wording.visit(message)}"
    mail = Mail(headline, wording.text(message), message.attributes())
    return Note(delivery, mail, line, message.priority, message.version, message.tracked.customer_id)


def bundle(notes: Sequence[Note]) -> Mail:
    """Notes as one message: a single one as it is, many as a list of lines."""
    if len(notes) == 1:
        return notes[0].mail
    orders = [note for note in notes if note.version is not None]
    notices = [note for note in notes if note.version is None]
    worst = min((note.priority for note in notes), key=lambda priority: RANK[priority])
    names = [f"{len(orders)} work order{'s' * (len(orders) > 1)}"] if orders else []
    names += [f"{len(notices)} notice{'s' * (len(notices) > 1)}"] if notices else []
    lines = [f"{' and '.join(names)}, the most urgent first.", ""]
    lines += [f"- {note.line}" for note in orders]
    lines += ["", *[f"- {note.line}" for note in notices]] if notices else []
    lines += ["", "An order in full: GET /ops/work-orders/<its number>", ""]
    each = [{name: note.mail.attributes[name] for name in TOLD_OF_EACH} for note in orders]
    attributes = {"event": "bundle", "priority": worst, "orders": json.dumps(each)}
    return Mail(f"[{worst}] {' and '.join(names)}", "\n".join(lines), attributes)
