"""What is there, as reconciliation compares it. Pure: `store.py` fills it, `plan.py` compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ona.documents.work_orders import WorkOrder
from ona.outbox.items import Delivery
from ona.repairs.crews import Crew
from ona.repairs.experience import Repairs
from ona.repairs.locks import OrderLock
from ona.repairs.tracking import TrackedOrder
from ona.store.unreadable import Unreadable

Part = Literal["outbox", "crews", "letters", "records", "documents", "objects"]
"""What is read, part by part. A part that cannot be read is left out of the comparison."""


@dataclass(frozen=True)
class StoredDocument:
    """The object at an order's key. `order`: None where it was not read, or is no order: then `problem`
    says why."""

    key: str
    etag: str
    modified: datetime
    order: WorkOrder | None = None
    problem: str = ""


@dataclass(frozen=True)
class Letter:
    """A message of a dead-letter queue. `problem`: why nobody needs it, or nobody can use it."""

    queue: str
    message_id: str
    delivery_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Named:
    """An outcome's claim: this order was opened. `where`: the outcome's object."""

    where: str
    work_order_id: str
    at: datetime


@dataclass
class Seen:
    """Everything that was read. `orders` and `documents` by the order's id, `locks` by name, `deliveries`
    by delivery id; `shared`: experience of before, that of all customers in one item. `unread`: keys of
    items that are there and cannot be read; nothing is concluded from their absence. `missing`: parts that
    could not be read, each with the reason."""

    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    locks: dict[str, OrderLock] = field(default_factory=dict)
    shared: list[Repairs] = field(default_factory=list)
    documents: dict[str, StoredDocument] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    crews: list[Crew] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    missing: dict[Part, str] = field(default_factory=dict)
    objects: int = 0

    def has(self, *parts: Part) -> bool:
        """Whether these parts could be read."""
        return not any(part in self.missing for part in parts)

    @property
    def unread_orders(self) -> bool:
        """Whether a record of an order cannot be read: it may hold any visit."""
        return any(name.startswith("wo-") for name in self.unread)

    def counts(self) -> Mapping[str, int]:
        """How much was looked at."""
        return {
            "records": len(self.orders),
            "locks": len(self.locks),
            "documents": len(self.documents),
            "deliveries": len(self.deliveries),
            "crews": len(self.crews),
            "letters": len(self.letters),
            "objects": self.objects,
        }
