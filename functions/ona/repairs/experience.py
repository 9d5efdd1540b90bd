"""What repairs really took, by cause: items `experience#<cause>` of the tracking table.

Each verified order with reported hours or parts leaves one line; the last twenty count. From three on,
the median of the hours is the next repair's estimate, kept within half and twice what `causes.yaml` says,
and the median of a part's pieces is the quantity ordered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ona.config.causes import CauseRule
from ona.repairs.orders import table_name
from ona.runtime.errors import DependencyBusy
from ona.store import tables

KEPT = 20
ENOUGH = 3
STEP_H = 0.25


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
        known = self.pieces.get(sku, ())
        return max(1, round(median(known))) if len(known) >= ENOUGH else 1


NOTHING_KNOWN = Experience()


def of(cause: str) -> Experience:
    """What is known of a cause's repairs. Raises DependencyBusy."""
    item = tables.get(table_name(), {"job_id": _name(cause)}) or {}
    repairs = item.get("repairs", [])
    pieces: dict[str, list[int]] = {}
    for repair in repairs:
        for part in repair.get("parts", []):
            pieces.setdefault(part["sku"], []).append(int(part["quantity"]))
    return Experience(
        tuple(float(repair["hours"]) for repair in repairs if repair.get("hours")),
        {sku: tuple(counts) for sku, counts in pieces.items()},
    )


def learn(record: dict[str, Any]) -> None:
    """Keep what an order really took; the same order again changes nothing. Raises DependencyBusy."""
    if not record.get("cause") or not (record.get("actual_hours") or record.get("parts_used")):
        return
    line = {
        "order": record["job_id"],
        "hours": record.get("actual_hours"),
        "parts": record.get("parts_used", []),
    }
    table, name = table_name(), {"job_id": _name(record["cause"])}
    for _ in range(5):
        item = tables.get(table, name) or {}
        known = item.get("repairs", [])
        if any(repair["order"] == line["order"] for repair in known):
            return
        version = int(item.get("version", 0))
        if tables.update(
            table,
            name,
            "SET repairs = :repairs, version = :next",
            {":repairs": [*known, line][-KEPT:], ":next": version + 1, ":seen": version},
            condition="version = :seen" if item else "attribute_not_exists(job_id) OR version = :seen",
        ):
            return
    raise DependencyBusy(f"what is known of {record['cause']} keeps changing")


def _name(cause: str) -> str:
    return f"experience#{cause}"
