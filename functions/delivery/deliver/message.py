"""An order as others are told of it: the one thing that goes to people and to systems.

`wording.py` says it in words, `OrderMessage.document` as JSON.
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
    "crew_id",
    "assignees",
    "completed_at",
    "verified_at",
    "actual_hours",
    "parts_used",
)
"""Attributes of a tracked order that others are told; a webhook's body names them so."""


@dataclass(frozen=True)
class OrderMessage:
    """An order at a version, and what happened to it since its recipient was told last."""

    tracked: TrackedOrder
    order: WorkOrder
    events: list[HistoryLine]

    @property
    def work_order_id(self) -> str:
        """The order's id, by which others find it, too."""
        return self.order.work_order_id

    @property
    def version(self) -> int:
        """The version that is told."""
        return self.tracked.version

    @property
    def status(self) -> OrderStatus:
        """How the order stands."""
        return self.tracked.status

    @property
    def priority(self) -> Priority:
        """The order's priority."""
        return self.tracked.priority

    @property
    def key(self) -> str:
        """The same for every try to tell this version: for those who must not act on it twice."""
        return f"{self.work_order_id}-v{self.version}"

    @property
    def event(self) -> str:
        """What happened last; "opened" for whoever hears of an open order first, "state" where nothing
        happened."""
        if self.status == "OPEN" and any(line.event == "opened" for line in self.events):
            return "opened"
        return self.events[-1].event if self.events else "state"

    def document(self) -> dict[str, Any]:
        """The body of a webhook, JSON: state, what was ordered, and what happened since the last one."""
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
        """What travels beside a message's text: for filters, and the order as JSON."""
        return {
            "event": self.event,
            "priority": self.priority,
            "asset_id": self.order.asset_id,
            "site_id": self.order.site_id,
            "work_order_id": self.work_order_id,
            "order": json.dumps(self.document()),
        }
