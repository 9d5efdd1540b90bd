"""What a caller's change of an order asks for, and whether it was made already. Pure."""

from __future__ import annotations

from datetime import datetime

from ona.repairs.moves import Change, Fields
from ona.repairs.tracking import PartUsed, TrackedOrder
from ooda.operations_api.models import OrderChange


def author(customer_id: str) -> str:
    """Who changes an order through the API, as its history names them."""
    return f"customer:{customer_id}"


def change_of(body: OrderChange, by: str, now: datetime) -> Change:
    """The change that a request asks for."""
    parts = None
    if body.parts_used is not None:
        parts = [PartUsed(sku=part.sku, quantity=part.quantity) for part in body.parts_used]
    fields = Fields(
        assignees=None if body.assignees is None else list(body.assignees),
        due_date=body.due_date,
        completed_at=body.completed_at,
        actual_hours=body.actual_hours,
        parts_used=parts,
    )
    return Change(by=by, at=now, status=body.status, fields=fields, note=body.note)


def was_made(order: TrackedOrder, body: OrderChange, by: str) -> bool:
    """Whether the order's last change is this one: its answer was lost, and the request sent again."""
    if body.version != order.version - 1:
        return False
    last = order.last
    return (last.by, last.status, last.note) == (by, body.status or order.status, body.note)
