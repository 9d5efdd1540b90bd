"""The message about a work order. People and systems get the same content in two forms.

`wording.py` writes it as text for people; `OrderMessage.document` gives it as JSON for systems.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ona.documents.work_orders import OrderStatus, Priority, WorkOrder
from ona.repairs.tracking import HistoryLine, TrackedOrder

STATE = (
    "status",
    "priority",
    "title",
    "asset_id",
    "site_id",
    "customer_id",
    "created_at",
    "updated_at",
    "due_date",
    "scheduled_start",
    "scheduled_end",
    "visit_days",
    "crew_id",
    "assignees",
    "completed_at",
    "verified_at",
    "actual_hours",
    "parts_used",
)
"""Attributes of a tracked order that are sent. The body of a webhook has them by the same names."""


@dataclass(frozen=True)
class OrderMessage:
    """One version of an order, and what happened to the order since the last delivery to this recipient.

    `tracked`: its state in the tracking table. `order`: what was ordered. `events`: the lines of the order
    history since then, oldest first, and of very many the latest. `history`: the latest lines, told or not.
    `correlation_id`: of what changed the order; empty where it is not known.
    """

    tracked: TrackedOrder
    order: WorkOrder
    events: list[HistoryLine]
    history: list[HistoryLine]
    correlation_id: str = ""

    @property
    def work_order_id(self) -> str:
        """The order's id; recipients use the same id."""
        return self.order.work_order_id

    @property
    def version(self) -> int:
        """The version of the order that this message describes."""
        return self.tracked.version

    @property
    def status(self) -> OrderStatus:
        """The order's status in this version."""
        return self.tracked.status

    @property
    def priority(self) -> Priority:
        """The order's priority."""
        return self.tracked.priority

    @property
    def key(self) -> str:
        """An idempotency key: the same each time this version is sent, so that nobody acts on it twice."""
        return f"{self.work_order_id}-v{self.version}"

    @property
    def event(self) -> str:
        """The last event of the order history that is new to this recipient.

        "opened" where the order is open and its opening is new to them; "state" where nothing is new.
        """
        if self.status == "OPEN" and any(line.event == "opened" for line in self.events):
            return "opened"
        return self.events[-1].event if self.events else "state"

    def document(self) -> dict[str, Any]:
        """The body of a webhook, for JSON: the state, the order, and the events since the last delivery."""
        tracked = self.tracked.item()
        return {
            "event": self.event,
            "work_order_id": self.work_order_id,
            "version": self.version,
            "state": {name: tracked[name] for name in STATE if name in tracked},
            "events": [line.document() for line in self.events],
            "order": {**self.order.document(), "status": self.status},
        }

    def attributes(self) -> dict[str, str]:
        """Attributes sent with the text: values that a recipient can filter by, and `document` as JSON."""
        return {
            "event": self.event,
            "priority": self.priority,
            "asset_id": self.order.asset_id,
            "site_id": self.order.site_id,
            "work_order_id": self.work_order_id,
            "correlation_id": self.correlation_id,
            "order": json.dumps(self.document(), ensure_ascii=False),
        }
