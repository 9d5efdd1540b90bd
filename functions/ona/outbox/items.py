"""What lies in the outbox, table `ona-platform-outbox` (key `delivery_id`), as models.

A *delivery* is one order to one recipient. It names the version of the order that is wanted there and the
last that was delivered; ten changes while the other side is down are one delivery of how the order stands.
A *notice* is a delivery that carries its own text. An *alert's item* is a notice to one place.

`lane` and `next_at` (index `due-index`) say what is due. An item without a lane has nothing to do.

>>> item = parse({"delivery_id": "wo-20250611-1f2e3d4c@desk", "work_order_id": "wo-20250611-1f2e3d4c",
...     "place": "desk", "kind": "system", "lane": "send", "wanted": 3, "told": 1})
>>> item.recipient.name, item.wanted_version, item.delivered_version
('desk', 3, 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from ona.documents.base import Document
from ona.documents.work_orders import Priority
from ona.runtime import correlation
from ona.store.items import Moment, Table, TableItem

OrderKind = Literal["people", "mail", "webhook", "system", "claim"]
"""How an order is told: to the operators, an address, a webhook, a ticketing system, an insurer."""
NoticeKind = Literal["notice", "digest", "alert"]
AlertChannel = Literal["email", "slack", "pagerduty", "webhook"]
AlertAction = Literal["trigger", "acknowledge", "resolve"]
Lane = Literal["send", "watch", "dead"]
"""send: to be sent; watch: delivered, and to be asked what became of it; dead: given up."""
BY_DUE = "due-index"
"""Index by `lane`, then `next_at`."""
OPERATORS = "operators"
"""The recipient who reads everything."""
STANDING = "standing#"
"""How the keys of faults begin that nobody is sent to (`ona.repairs.standing`)."""
PENDING_SITE = "site-days#"
"""How the keys of sites begin whose days are still to be judged (`ooda.site_days`)."""
NO_DELIVERIES = ("sent#", "first#", "asked#", "address#", STANDING, PENDING_SITE)
"""How the keys of those items begin that are no delivery and no notice: counts, addresses, what stands, and
sites."""
NOTICES_KEPT = timedelta(days=30)
"""So long a notice's item stays: whoever puts the same notice again finds that it was sent."""


@dataclass(frozen=True)
class Recipient:
    """Who or what is told of an order. `endpoint`: an address that is not in the configuration."""

    name: str
    kind: OrderKind | NoticeKind
    endpoint: str = ""


class OutboxItem(TableItem):
    """What deliveries and notices have in common. `next_at`: due from then on; `attempts`: tries in a row
    that failed; `claimed_until`: some sender has it until then; `correlation_id`: of what put it here."""

    delivery_id: str
    kind: OrderKind | NoticeKind
    recipient_name: str = Field(alias="place")
    lane: Lane | None = None
    next_at: Moment | None = None
    attempts: int = 0
    claimed_until: Moment | None = None
    first_failed_at: Moment | None = None
    last_error: str | None = None
    delivered_at: Moment | None = Field(default=None, alias="told_at")
    correlation_id: str = ""

    @property
    def recipient(self) -> Recipient:
        """Who is told."""
        return Recipient(self.recipient_name, self.kind)


class Delivery(OutboxItem):
    """One order to one recipient. `ticket`: what it became over there; `remote_status`: its status there,
    in their words, or what an insurer was sent last."""

    kind: OrderKind
    endpoint: str = ""
    work_order_id: str
    wanted_version: int = Field(alias="wanted")
    delivered_version: int = Field(default=0, alias="told", description="0: none yet")
    ticket: str = ""
    remote_status: str = Field(default="", alias="remote")

    @property
    def recipient(self) -> Recipient:
        """Who is told."""
        return Recipient(self.recipient_name, self.kind, self.endpoint)


class Notice(OutboxItem):
    """A message to the operators that is about no order: its own subject and text."""

    kind: NoticeKind
    event: str
    priority: Priority
    subject: str
    text: str
    ttl: int = Field(description="seconds since 1970, UTC; DynamoDB deletes the item then")

    @classmethod
    def to_operators(
        cls,
        name: str,
        event: str,
        priority: Priority,
        subject: str,
        text: str,
        now: datetime,
        kind: NoticeKind = "notice",
    ) -> Notice:
        """A message that is due now. The same `name` again is the same message."""
        return cls(
            delivery_id=name,
            kind=kind,
            recipient_name=OPERATORS,
            lane="send",
            next_at=now,
            ttl=int((now + NOTICES_KEPT).timestamp()),
            event=event,
            priority=priority,
            subject=subject,
            text=text,
            correlation_id=correlation.current(),
        )


class AlertItem(Notice):
    """What one place is to be told of an alert of the platform. Quiet hours and limits do not hold for it.

    `about`, `name`, `family`: what it is of; `at`: when that happened. `url` and `secret_parameter`: as the
    place has them. `sending_at`: a call has begun whose end is not known.
    """

    kind: Literal["alert"] = "alert"
    channel: AlertChannel
    action: AlertAction
    alert_id: str
    name: str
    about: str = ""
    family: str = ""
    page: str = ""
    at: Moment
    environment: str
    url: str = ""
    secret_parameter: str = ""
    correlation_id: str = ""
    sending_at: Moment | None = None


class DeadLetter(Document):
    """What is put into the queue of dead letters when a delivery is given up."""

    kind: Literal["delivery"] = "delivery"
    state: str = Field(description="the recipient")
    error: Literal["NotDelivered"] = "NotDelivered"
    cause: str
    at: str
    delivery_id: str
    input: dict[str, str]


def parse(item: Any, where: str = "") -> Delivery | Notice:
    """The model of an item. Raises InvalidPayload."""
    where = where or f"outbox item {item.get('delivery_id')}"
    if item.get("kind") == "alert":
        return AlertItem.read(item, where)
    if item.get("kind") in ("notice", "digest"):
        return Notice.read(item, where)
    return Delivery.read(item, where)


OUTBOX: Table[Delivery | Notice] = Table("OUTBOX_TABLE", "delivery_id", parse)
