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
    return Change(by=by, at=now, status=body.status, fields=_fields(body), note=body.note)


def _fields(body: OrderChange) -> Fields:
    parts = None
    if body.parts_used is not None:
        parts = [PartUsed(sku=part.sku, quantity=part.quantity) for part in body.parts_used]
    return Fields(
        assignees=None if body.assignees is None else list(body.assignees),
        due_date=body.due_date,
        completed_at=body.completed_at,
        actual_hours=body.actual_hours,
        parts_used=parts,
    )


def was_made(order: TrackedOrder, body: OrderChange, by: str) -> bool:
    """Whether the order's last change is this one: its answer was lost, and the request sent again.

    Two people of a customer have one name in the history, so the name alone says nothing: all that the
    request asks for must stand in the order, else the second is told of a change that nobody made.
    """
    if body.version != order.version - 1:
        return False
    last = order.last
    if (last.by, last.status, last.note) != (by, body.status or order.status, body.note):
        return False
    return order.model_copy(update=_fields(body).given()).item() == order.item()
