"""A work order as it is tracked, table `ona-platform-tracking` (key `job_id`).

What was ordered is a document in S3, which does not change. How the order stands is its item here: status,
people, visit, the latest lines of its history, and who is told of it. Every line of the history is an item
of its own too (`ona.repairs.history`). `version` counts the changes of the order, one line each; `audience`
counts those of its subscribers.

Whatever enters an item from outside has a bound here, so that an item filled to all of them stays far below
the 400 KB that DynamoDB takes (Developer Guide, "Constraints", item size):
`tests/unit/ona/test_order_history.py` fills one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ona.documents.work_orders import OrderStatus, Priority, VisitDay, WorkOrder
from ona.runtime.errors import InvalidInput
from ona.runtime.words import shortened
from ona.store.items import Moment, Table, TableItem

VARIABLE = "TRACKING_TABLE"
"""The environment variable that names the table."""
BY_CUSTOMER = "customer-index"
"""Index by `customer_id`, then `created_at`."""
BY_OPEN = "open-index"
"""Index of the orders that have the attribute `open`."""
SubscriptionKind = Literal["email", "webhook"]
LONGEST_NOTE = 1_000
"""Characters of a note."""
LONGEST_NAME = 200
"""Characters of a name: a person's, a part's, an author's, a status of another system."""
LONGEST_ENDPOINT = 2_000
"""Characters of an address that is told of an order."""
MOST_ASSIGNEES = 20
"""People that one order may be assigned to."""
MOST_PARTS = 100
"""Kinds of parts that one repair may report."""
MOST_PIECES = 100
"""Pieces of one part in a report (ours): ten times what the catalogue allows where it says nothing."""
MOST_HOURS = 200.0
"""Hours of one repair in a report (ours): a crew's 25 days of eight hours."""


class NotTracked(InvalidInput):
    """There is no work order of this id."""


class HistoryLine(TableItem):
    """One thing that happened to an order. `fields`: what was changed beside the status."""

    status: OrderStatus
    at: Moment
    by: str
    event: str = Field(description="opened, status, changed, visit_moved, reopened, verified")
    note: str = ""
    fields: list[str] = []

    @classmethod
    def of(
        cls, *, status: OrderStatus, at: datetime, by: str, event: str, note: str = "", fields: list[str]
    ) -> HistoryLine:
        """A line within the bounds: what a machine wrote longer is cut, and ends with an ellipsis."""
        note, by = shortened(note, LONGEST_NOTE), shortened(by, LONGEST_NAME)
        return cls(status=status, at=at, by=by, event=event, note=note, fields=fields)

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A line has a note only where somebody wrote one, and fields only where some were changed."""
        absent = {"" if self.note else "note", "" if self.event == "changed" else "fields"}
        return {name: value for name, value in dump(self).items() if name not in absent}


class Subscription(TableItem):
    """Somebody who is told of an order: an e-mail address, or a webhook."""

    kind: SubscriptionKind
    endpoint: str
    created_at: Moment


class PartUsed(TableItem):
    """Pieces of a part that were really built in."""

    sku: str
    quantity: int


class TrackedOrder(TableItem):
    """How a work order stands. Money in USD: `daily_loss_usd` as when it was opened; `at_stake_usd`: the
    repair, and the production lost until then."""

    work_order_id: str = Field(alias="job_id")
    status: OrderStatus
    asset_id: str
    finding_id: str = ""
    finding_key: str
    incident_id: str = ""
    cause: str = ""
    customer_id: str = ""
    site_id: str = ""
    title: str
    created_at: Moment
    due_date: Moment
    assignees: list[str] = []
    priority: Priority
    crew_id: str
    zone: str = Field(default="", description="the site's time zone; empty where it is not known")
    scheduled_start: Moment
    scheduled_end: Moment
    visit_days: list[VisitDay] = Field(default=[], description="each day of a visit of several days")
    execution_id: str = Field(default="", description="the execution that opened it")
    version: int
    history: list[HistoryLine] = Field(
        min_length=1, description="the latest lines; the last is `version`'s"
    )
    history_kept: int = Field(default=0, description="up to this version each line has an item of its own")
    subscriptions: dict[str, Subscription] = {}
    audience: int = 0
    open: Literal["yes"] | None = Field(default=None, description="neither cancelled nor verified")
    daily_loss_usd: float = 0.0
    total_cost_usd: float = 0.0
    at_stake_usd: float = 0.0
    updated_at: Moment | None = None
    completed_at: Moment | None = None
    verified_at: Moment | None = None
    actual_hours: float | None = None
    parts_used: list[PartUsed] | None = None

    @property
    def last(self) -> HistoryLine:
        """What happened to the order last."""
        return self.history[-1]


ORDERS = Table(VARIABLE, "job_id", TrackedOrder.read, counters=("version", "audience"))


def at_stake_usd(order: WorkOrder) -> float:
    """What a fault costs in all, USD: its repair, and the production lost until then."""
    return round(order.total_cost_usd + order.energy_at_risk.total_risk_usd, 2)
