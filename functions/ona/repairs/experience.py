"""What repairs really took, by cause: items `experience#<cause>` of the tracking table.

Each verified order with reported hours or parts leaves one line; the last twenty count. From three on,
the median of the hours is the next repair's estimate, kept within half and twice what `causes.yaml` says,
and the median of a part's pieces is the quantity ordered.

>>> Experience(pieces={"FAN-120": (2, 2, 3)}).quantity("FAN-120")
2
>>> Experience(pieces={"FAN-120": (2, 3)}).quantity("FAN-120")  # too few to say
1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from pydantic import Field

from ona.config.causes import CauseRule
from ona.repairs.tracking import VARIABLE, PartUsed, TrackedOrder
from ona.runtime.errors import InvalidPayload
from ona.store.items import Table, TableItem
from ona.store.unreadable import note

REPAIRS_KEPT = 20
"""Repairs of a cause that count, the latest: what crews need changes with the years."""
ENOUGH = 3
"""Repairs from which their median says more than the rule of `causes.yaml`."""
STEP_H = 0.25
"""Hours: an estimate is a multiple of a quarter of an hour."""


@dataclass(frozen=True)
class Experience:
    """Reported repairs of one cause: hours, and pieces by part."""

    hours: tuple[float, ...] = ()
    pieces: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def estimate(self, rule: CauseRule) -> float | None:
        """Hours that the next repair will take; None with too few repairs to say."""
        if len(self.hours) < ENOUGH:
            return None
        middle = min(max(median(self.hours), rule.duration_hours / 2), rule.duration_hours * 2)
        return max(STEP_H, round(middle / STEP_H) * STEP_H)

    def quantity(self, sku: str) -> int:
        """Pieces of a part that a repair needs, 1 with too few repairs to say."""
        counts = self.pieces.get(sku, ())
        return max(1, round(median(counts))) if len(counts) >= ENOUGH else 1


NO_EXPERIENCE = Experience()
"""Of a cause of which no order was verified yet: the configuration's estimates stand."""


class Repair(TableItem):
    """What one verified order really took."""

    work_order_id: str = Field(alias="order")
    hours: float | None = None
    parts: list[PartUsed] = []


class Repairs(TableItem):
    """The latest repairs of one cause."""

    name: str = Field(alias="job_id")
    repairs: list[Repair] = []
    version: int = 0


REPAIRS = Table(VARIABLE, "job_id", Repairs.read)


def of(cause: str) -> Experience:
    """The experience with a cause's repairs; none where its item is no valid one: the log names it. Raises
    DependencyBusy."""
    try:
        item = REPAIRS.get(_name(cause))
    except InvalidPayload as error:
        note(f"table {REPAIRS.name}, {_name(cause)}", error)
        return NO_EXPERIENCE
    repairs = item.repairs if item else []
    pieces: dict[str, list[int]] = {}
    for part in (part for repair in repairs for part in repair.parts):
        pieces.setdefault(part.sku, []).append(part.quantity)
    return Experience(
        tuple(repair.hours for repair in repairs if repair.hours),
        {sku: tuple(counts) for sku, counts in pieces.items()},
    )


def learn(order: TrackedOrder) -> None:
    """Keep what an order really took; the same order again changes nothing. Raises DependencyBusy."""
    if not order.cause or not (order.actual_hours or order.parts_used):
        return
    repair = Repair(
        work_order_id=order.work_order_id, hours=order.actual_hours, parts=order.parts_used or []
    )

    def learned(item: Repairs | None) -> Repairs | None:
        item = item or Repairs(name=_name(order.cause))
        if any(earlier.work_order_id == order.work_order_id for earlier in item.repairs):
            return None
        latest = [*item.repairs, repair][-REPAIRS_KEPT:]
        return item.model_copy(update={"repairs": latest, "version": item.version + 1})

    REPAIRS.edit(_name(order.cause), learned)


def _name(cause: str) -> str:
    return f"experience#{cause}"
