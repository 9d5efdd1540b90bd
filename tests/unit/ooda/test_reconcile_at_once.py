"""Two reconciliations at once beside a loop that opens orders: as if there had been one, and in peace.

Their calls are interleaved by seeds (`tests/fakes/turns.py`). What is right is told by the state that one
reconciliation alone leaves behind, and by counting what people got.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

import ooda.order.handler as ordering
import ooda.schedule.handler as scheduling
from ona.store import tables
from tests.builders.orders import deliver, opened
from tests.fakes.reconciling import LATER, Reconciling
from tests.fakes.turns import Turns

SEEDS = range(2)


class Times(dict[str, Any]):
    """When objects were written: what the loop writes meanwhile is as new as the run."""

    def __init__(self, old: set[str]) -> None:
        super().__init__()
        self.old = old

    def get(self, key: str, default: Any = None) -> Any:
        return default if key in self.old else LATER


@pytest.fixture
def damaged(world: list[str], monkeypatch: pytest.MonkeyPatch, acting: list[Any]) -> Reconciling:
    """Orders that were told, and what is broken about them; one is sound. The loop's clock has gone on."""
    there = Reconciling(monkeypatch)
    deliver()
    acting.clear()
    names = sorted(world)
    records = {name: there.items("tracking")[name] for name in names}
    document = {name: next(key for key in there.objects() if name in key) for name in names}
    there.erase(document[names[0]])
    there.delete("tracking", f"open#{records[names[0]]['finding_key']}")
    there.delete("outbox", f"{names[1]}@operators")
    there.put(document[names[1]], b"{")
    lock = {"status": "lock", "finding_id": "f", "finding_key": "INV-9#x#1"}
    tables.put("tracking", {**lock, "job_id": "open#INV-9#x#1", "work_order_id": "wo-20250601-00000001"})
    there.written = Times({*there.objects(), *document.values()})
    for module in (scheduling, ordering):
        monkeypatch.setattr(module, "utc_now", lambda: LATER)
    return there


def without(state: dict[str, Any], fresh: set[str]) -> dict[str, Any]:
    """The state without what belongs to new orders and their assets; crews' counts of changes apart."""
    assets = ("INV-005", "INV-006")

    def other(name: str, item: Any) -> bool:
        text = json.dumps([name, item], default=str)
        return not any(part in text for part in (*fresh, *assets))

    kept = {
        table: {n: i for n, i in state[table].items() if other(n, i)} for table in ("tracking", "outbox")
    }
    calendars = {
        name: [item for item in crew.get("bookings", []) if other("", item)]
        for name, crew in state["crews"].items()
    }
    old = {key: body for key, body in state["objects"].items() if key.startswith("work-orders/")}
    return {**kept, "crews": calendars, "objects": {k: b for k, b in old.items() if other(k, b.decode())}}


def open_orders(state: dict[str, Any]) -> dict[str, list[str]]:
    """The open orders by fault."""
    found: dict[str, list[str]] = {}
    for name, item in state["tracking"].items():
        if name.startswith("wo-") and item.get("open"):
            found.setdefault(item["finding_key"], []).append(name)
    return found


def told(messages: list[tuple[str, str]]) -> Counter[str]:
    """How many messages told of each order; what reconciliation says of itself apart."""
    found: Counter[str] = Counter()
    for _, text in messages:
        lines = [line for line in text.splitlines() if not line.strip().startswith(("mended", "decide"))]
        found.update(set(re.findall(r"wo-\d{8}-[0-9a-f]{8}", "\n".join(lines))))
    return found


@pytest.mark.timeout(300)
def test_two_at_once_beside_a_loop_are_as_one(
    damaged: Reconciling, monkeypatch: pytest.MonkeyPatch, acting: list[Any]
) -> None:
    _try(damaged, monkeypatch, acting, SEEDS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_at_once_beside_a_loop_in_many_orders(
    damaged: Reconciling, monkeypatch: pytest.MonkeyPatch, acting: list[Any]
) -> None:
    _try(damaged, monkeypatch, acting, range(100, 140))


def _try(
    there: Reconciling, monkeypatch: pytest.MonkeyPatch, acting: list[Any], seeds: Sequence[int]
) -> None:
    times = there.written
    before = there.state()
    alone = there.run()
    assert (len(alone.mended), alone.failed) == (5, [])
    expected = there.state()
    deliver(LATER)
    (untold,) = told(acting)
    ways = set()
    for seed in seeds:
        there.restore(before)
        there.written = times
        acting.clear()
        with monkeypatch.context() as patched:
            turns = Turns(seed, patched)
            *reports, first, second = turns.run(there.run, there.run, lambda: opened(5), lambda: opened(6))
        ways.add(tuple(turns.taken))
        after = there.state()
        assert Counter(text for report in reports for text in report.mended) == Counter(alone.mended)
        assert [report.failed for report in reports] == [[], []]
        assert without(after, {first, second}) == without(expected, {first, second}), seed
        faults = open_orders(after)
        assert all(len(names) == 1 for names in faults.values()), (seed, faults)
        assert {first, second} <= {name for names in faults.values() for name in names}
        deliver(LATER)
        assert told(acting) == {untold: 1, first: 1, second: 1}, (seed, acting)
        acting.clear()
        deliver(LATER)
        assert acting == [], "and once only"
        quiet = there.run()
        assert (quiet.mended, quiet.failed) == ([], []), (seed, "all was mended")
    assert len(ways) == len(seeds), "each seed is another order of calls"
