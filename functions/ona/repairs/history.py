"""The history of a work order: each line is an item of its own, `history#<order>#<version>`.

A change of an order counts its `version` up by one and leaves one line. Whoever knows an order's version
thus knows the keys of all its lines: no index is needed, and a page is one read of known keys. The order's
own item keeps the latest `TAIL` lines, so that nearly every reader needs no more than it, and so that a
version of the functions that knows of no other lines still reads it.

Orders of before (all lines in the item, up to the 400 KB that DynamoDB takes) are read as they are: their
tail is long. The next change of an order brings its lines forward; reconciliation and `ona up` do it for
orders that nobody changes. Nothing deletes an order, so nothing deletes a line: both are kept as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ona.repairs.tracking import ORDERS, VARIABLE, HistoryLine, TrackedOrder
from ona.store import tables
from ona.store.items import Table
from ona.store.tables import Write, to_item

TAIL = 10
"""The latest lines, which stay in the order's item (ours): with notes of 1 000 characters at most 45 KB."""
A_CUT = 50
"""Lines that one update takes out of an item (ours; DynamoDB takes expressions of 4 KB, 300 operators)."""
A_READ = 100
"""Items of one read (BatchGetItem takes 100)."""
PREFIX = "history#"
"""How the keys of all lines begin."""


class KeptLine(HistoryLine):
    """A line of an order's history as an item."""

    name: str = Field(alias="job_id")
    work_order_id: str
    version: int


LINES = Table(VARIABLE, "job_id", KeptLine.read)


@dataclass(frozen=True)
class Numbered:
    """A line, and the version that its change made."""

    version: int
    line: HistoryLine


def key_of(work_order_id: str, version: int) -> str:
    """The key of a line.

    >>> key_of("wo-20250611-1f2e3d4c", 7)
    'history#wo-20250611-1f2e3d4c#000007'
    """
    return f"{PREFIX}{work_order_id}#{version:06d}"


# ------------------------------------------------------------------ writing


def settled(order: TrackedOrder) -> tuple[TrackedOrder, list[Write]]:
    """An order as its item is written: with its latest lines only; and the writes of the lines that have no
    item yet, which belong into the same transaction. An order of before is brought `forward` first."""
    new = [numbered for numbered in _inside(order) if numbered.version > order.history_kept]
    return _short(order), _writes(order, new)


def is_long(order: TrackedOrder) -> bool:
    """Whether an order's item holds more than the latest lines: one of before."""
    return len(order.history) > TAIL


def forward(order: TrackedOrder) -> TrackedOrder:
    """An order of before, its lines in items of their own and its item short; another as it is.

    Where somebody changed it meanwhile its item stays long: the caller's own condition fails too. Raises
    DependencyBusy.
    """
    if not is_long(order):
        return order
    bring_forward(order)
    return _short(order)


def bring_forward(order: TrackedOrder) -> bool:
    """Give the lines of an order of before items of their own: the order says the same, in a small item.
    False where there is nothing to do, or somebody changed the order meanwhile. Raises DependencyBusy.

    The lines are written first: one never changes, so writing it early or twice is no harm. Then they are
    taken out by their places, which needs no room: an update of a full item must not set anything large.
    """
    if not is_long(order):
        return False
    for item in _items(order, _inside(order)):
        tables.put(LINES.name, item)
    left = len(order.history)
    while left > TAIL:
        cut = min(left - TAIL, A_CUT)
        # the last place first: ministack counts on after each one, DynamoDB takes all as they were
        places = ", ".join(f"#history[{place}]" for place in reversed(range(cut)))
        if not tables.update(
            ORDERS.name,
            {"job_id": order.work_order_id},
            f"SET history_kept = :version REMOVE {places}",
            {":version": order.version, ":left": left},
            names={"#history": "history"},
            condition="version = :version AND size(#history) = :left",
        ):
            return False
        left -= cut
    return True


def _short(order: TrackedOrder) -> TrackedOrder:
    kept = {"history": order.history[-TAIL:], "history_kept": order.version}
    return order.model_copy(update=kept)


def _writes(order: TrackedOrder, lines: Sequence[Numbered]) -> list[Write]:
    """Without a condition: of an order that was restored to an earlier version the new lines count."""
    return [Write("Put", {"TableName": LINES.name, "Item": to_item(item)}) for item in _items(order, lines)]


def _items(order: TrackedOrder, lines: Sequence[Numbered]) -> list[dict[str, Any]]:
    name = order.work_order_id
    return [
        KeptLine(
            name=key_of(name, item.version), work_order_id=name, version=item.version, **dict(item.line)
        ).item()
        for item in lines
    ]


# ------------------------------------------------------------------ reading


def latest(order: TrackedOrder, most: int, before: int | None = None) -> list[Numbered]:
    """The latest `most` lines of an order, the oldest first; of the versions below `before`, where it is
    given. A line that is gone or no valid one is left out: the log names it. Raises DependencyBusy."""
    end = order.version + 1 if before is None else min(before, order.version + 1)
    begin = max(1, end - most)
    inside = {item.version: item for item in _inside(order)}
    found = {version: item for version, item in inside.items() if begin <= version < end}
    wanted = [version for version in range(begin, end) if version not in found]
    for first in range(0, len(wanted), A_READ):
        part = wanted[first : first + A_READ]
        keys = [{"job_id": key_of(order.work_order_id, version)} for version in part]
        items = tables.get_many(LINES.name, keys, consistent=True)
        found |= {item.version: Numbered(item.version, _line(item)) for item in LINES.readable(items)}
    return [found[version] for version in sorted(found)]


def _inside(order: TrackedOrder) -> list[Numbered]:
    """The lines in an order's item; the last is that of its version."""
    first = order.version - len(order.history) + 1
    return [Numbered(first + place, line) for place, line in enumerate(order.history)]


def _line(item: KeptLine) -> HistoryLine:
    return HistoryLine(**{name: getattr(item, name) for name in HistoryLine.model_fields})
