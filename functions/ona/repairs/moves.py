"""The legal moves of a work order from status to status, and what a change makes of an order.

>>> steps("OPEN", "COMPLETE")
['IN_PROGRESS', 'COMPLETE']
>>> steps("CANCELLED", "OPEN")
[]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ona.documents.base import Document
from ona.documents.work_orders import OrderStatus, VisitDay
from ona.repairs.tracking import HistoryLine, PartUsed, TrackedOrder
from ona.runtime.errors import InvalidInput

MOVES: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    "OPEN": ("IN_PROGRESS", "ON_HOLD", "CANCELLED"),
    "IN_PROGRESS": ("ON_HOLD", "COMPLETE", "CANCELLED"),
    "ON_HOLD": ("OPEN", "IN_PROGRESS", "CANCELLED"),
    "COMPLETE": ("OPEN",),
    "CANCELLED": (),
}
"""Where an order may go from each status. COMPLETE goes back when the fault is still there."""


class IllegalMove(InvalidInput):
    """A status that cannot follow the present one."""


class Fields(Document):
    """What of an order is changed beside its status. A field that is not given stays as it is."""

    crew_id: str | None = None
    scheduled_start: datetime | None = None
    scheduled_end: datetime | None = None
    visit_days: list[VisitDay] | None = None
    at_stake_usd: float | None = None
    due_date: datetime | None = None
    assignees: list[str] | None = None
    completed_at: datetime | None = None
    actual_hours: float | None = None
    parts_used: list[PartUsed] | None = None

    def given(self) -> dict[str, object]:
        """The fields that are given, by name."""
        return {name: value for name, value in self if value is not None}


@dataclass(frozen=True)
class Change:
    """One change of an order: who makes it, when, why. `verified`: telemetry says that the fault is gone.
    `event`: its name in the history; empty: it follows from the statuses."""

    by: str
    at: datetime
    status: OrderStatus | None = None
    fields: Fields = field(default_factory=Fields)
    note: str = ""
    verified: bool = False
    event: str = ""


def steps(before: OrderStatus, after: OrderStatus) -> list[OrderStatus]:
    """The legal moves from one status to another, the fewest; none where there is no way."""
    ways: list[list[OrderStatus]] = [[before]]
    for way in ways if before != after else []:
        for status in MOVES[way[-1]]:
            if status == after:
                return [*way[1:], status]
            if status not in way:
                ways.append([*way, status])
    return []


def applied(order: TrackedOrder, change: Change) -> TrackedOrder:
    """The order after a change, one version on and with a line of history, cut within its bounds. A
    verified or cancelled order is not open any more. Raises IllegalMove."""
    before, after = order.status, change.status or order.status
    if after != before and after not in MOVES[before]:
        allowed = ", ".join(MOVES[before]) or "nowhere"
        raise IllegalMove(f"an order that is {before} may go to {allowed}, not to {after}")
    given = change.fields.given()
    event = change.event or _event(before, after, change)
    line = HistoryLine.of(
        status=after,
        at=change.at,
        by=change.by,
        event=event,
        note=change.note,
        fields=sorted(given) if event == "changed" else [],
    )
    values: dict[str, object] = {
        **given,
        "status": after,
        "updated_at": change.at,
        "version": order.version + 1,
        "history": [*order.history, line],
    }
    if after != "COMPLETE":
        values["completed_at"] = None
    elif before != "COMPLETE":
        values["completed_at"] = change.fields.completed_at or change.at
    if change.verified:
        values["verified_at"] = change.at
    if change.verified or after == "CANCELLED":
        values["open"] = None
    return order.model_copy(update=values)


def _event(before: OrderStatus, after: OrderStatus, change: Change) -> str:
    """The name of a change in the history."""
    if change.verified:
        return "verified"
    if after == before:
        return "changed"
    return "reopened" if (before, after) == ("COMPLETE", "OPEN") else "status"
