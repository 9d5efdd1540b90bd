"""Random damage: whatever was broken, a repair leaves a world in which everything fits, or says what does
not; what was right is as it was.

The world is made by the real Schedule, Order, API and Deliver. The invariants are checked on raw items and
objects, by code of their own: none of reconciliation's is used.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ona.repairs import crews, orders
from ona.store import tables
from ona.store.layout import work_order_key
from tests.builders.orders import change, deliver, document_of, opened
from tests.builders.plans import NOW
from tests.fakes.reconciling import Reconciling

GARBAGE = (b"", b"{", b"\xff\xfe", b"[]", b'{"other": "schema"}')


@dataclass(repr=False)
class World:
    """The world, its state before it is damaged, and the open orders' ids."""

    there: Reconciling
    before: dict[str, Any]
    names: list[str]


@pytest.fixture
def full(world: list[str], monkeypatch: pytest.MonkeyPatch) -> World:
    """Open orders, and the distractors: one withdrawn, one at work, one complete, one verified, one with a
    subscriber, one in the middle of being made, documents of other families. Their state, the open ones."""
    there = Reconciling(monkeypatch)
    for number in (5, 6):
        opened(number)
    ids = {order.asset_id: order.work_order_id for order in orders.all_open()}
    change(ids["INV-005"], status="CANCELLED")
    crews.release(orders.require(ids["INV-005"]).finding_key)
    change(ids["INV-004"], status="IN_PROGRESS")
    for status in ("IN_PROGRESS", "COMPLETE"):
        change(ids["INV-006"], status=status)
    _verified(there, ids["INV-005"])
    deliver()
    change(ids["INV-002"], due_date=NOW)  # a change that is still to be told
    there.put("reports/2025/06/11/wo-20250611-00000000.json", b"of another family")
    there.put("telemetry/site=site/day=2025-06-11/INV-001.parquet", b"PAR1")
    return World(there, there.state(), sorted(name for asset, name in ids.items() if asset != "INV-005"))


def _verified(there: Reconciling, like: str) -> None:
    """An order of last week that was verified: it holds no lock."""
    fields = {"finding_key": "INV-005#x#old", "incident_id": "inc-old", "finding_id": "find-old"}
    name = "wo-20250601-0000aaaa"
    item = {**there.items("tracking")[like], **fields, "job_id": name, "status": "COMPLETE"}
    tables.put("tracking", {**item, "verified_at": item["created_at"]})
    tables.put(
        "outbox",
        {
            **there.items("outbox")[f"{like}@operators"],
            "delivery_id": f"{name}@operators",
            "work_order_id": name,
        },
    )
    document = {**document_of(like), **fields, "work_order_id": name}
    there.put(work_order_key(name), json.dumps(document).encode())


DAMAGES = (
    "document deleted",
    "document corrupt",
    "document of another",
    "record deleted",
    "record corrupt",
    "finding's lock deleted",
    "incident's lock deleted",
    "lock of nobody",
    "delivery deleted",
    "delivery behind",
    "visit of nobody",
    "visit deleted",
    "foreign letter",
    "foreign crew",
)
HURTS = st.lists(
    st.tuples(st.sampled_from(DAMAGES), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=3
)
"""What is broken, on which of the open orders, and how."""


def hurt(there: Reconciling, names: list[str], damage: str, which: int, how: int) -> str:
    """Do one damage; the order that it concerns."""
    name = names[which % len(names)]
    other = names[(which + 1) % len(names)]
    record = there.items("tracking").get(name, {})
    key, operators = work_order_key(name), f"{name}@operators"
    match damage:
        case "document deleted":
            there.erase(key)
        case "document corrupt":
            there.put(key, GARBAGE[how % len(GARBAGE)])
        case "document of another":
            there.put(key, there.objects().get(work_order_key(other), b"{}"))
        case "record deleted":
            there.delete("tracking", name)
        case "record corrupt":
            tables.put("tracking", {**record, "job_id": name, "version": "one", "status": how})
        case "finding's lock deleted":
            there.delete("tracking", f"open#{record.get('finding_key')}")
        case "incident's lock deleted":
            there.delete("tracking", f"open#{record.get('incident_id')}")
        case "lock of nobody":
            lock = {"status": "lock", "finding_id": "f", "finding_key": f"INV-9#x#{how}"}
            dead = {"job_id": f"open#INV-9#x#{how}", "work_order_id": f"wo-20250601-000000{how:02d}"}
            tables.put("tracking", {**lock, **dead})
        case "delivery deleted":
            there.delete("outbox", operators)
        case "delivery behind":
            item = there.items("outbox").get(operators)
            if item and item.get("told"):
                item = {k: v for k, v in item.items() if k not in ("lane", "next_at")}
                tables.put("outbox", {**item, "wanted": 0, "told": 0})
        case "visit of nobody":
            _book_for_nobody(there, how)
        case "visit deleted":
            for crew_id, item in there.items("crews").items():
                left = [
                    b for b in item.get("bookings", []) if b["finding_key"] != record.get("finding_key")
                ]
                tables.put("crews", {**item, "crew_id": crew_id, "bookings": left})
        case "foreign letter":
            there.send("hello" if how % 2 else {"unknown": True})
        case "foreign crew":
            tables.put("crews", {"crew_id": "crew-999", "size": "many"})
    return name


def _book_for_nobody(there: Reconciling, how: int) -> None:
    """A visit for a fault that nobody ordered, after all others."""
    item = there.items("crews")["crew-001"]
    bookings = item.get("bookings", [])
    if not bookings:
        return
    more = {**bookings[-1], "finding_key": f"INV-77#x#{how}", "asset_id": "INV-077"}
    for field in ("leaves", "start", "end", "returns"):
        more[field] = more[field].replace("2025-", "2026-")
    tables.put("crews", {**item, "bookings": [*bookings, more], "version": item["version"] + 1})


# ------------------------------------------------------------------ the invariants, on what lies there


def _problems(
    there: Reconciling, before: dict[str, Any], hurt_orders: set[str], kinds: set[str]
) -> list[str]:
    tracking, outbox, objects = there.items("tracking"), there.items("outbox"), there.objects()
    records = {
        n: i for n, i in tracking.items() if n.startswith("wo-") and isinstance(i.get("version"), int)
    }
    problems = []
    for name, record in records.items():
        body = objects.get(work_order_key(name))
        try:
            document = json.loads(body or b"")
        except ValueError:
            problems.append(f"{name} has no document")
            continue
        pairs = [(document[f], record.get(f, "")) for f in ("asset_id", "finding_key", "incident_id")]
        pairs += [(document["work_order_id"], name)]
        if record.get("open"):
            pairs += [
                (document["scheduled_start"][:19], record["scheduled_start"][:19]),
                (document["scheduled_end"][:19], record["scheduled_end"][:19]),
                (document["crew_assignment"]["crew_id"], record["crew_id"]),
            ]
        if any(one != two for one, two in pairs):
            problems.append(f"{name}'s document says another thing: {pairs}")
        if record.get("open"):
            problems += _told(name, record, outbox)
            for lock in (record["finding_key"], record["incident_id"]):
                if tracking.get(f"open#{lock}", {}).get("work_order_id") != name:
                    problems.append(f"{name} does not hold open#{lock}")
    for name, item in tracking.items():
        if name.startswith("open#") and item["work_order_id"] not in tracking:
            problems.append(f"{name} stands for nothing")
    if not any(n.startswith("wo-") and n not in records for n in tracking):
        keys = Counter(record["finding_key"] for record in records.values() if record.get("open"))
        problems += [
            f"{crew['crew_id']} is booked for nothing: {booking['finding_key']}"
            for crew in there.items("crews").values()
            for booking in crew.get("bookings", [])
            if not keys[booking["finding_key"]]
        ]
    for name, item in before["tracking"].items():
        order = item.get("work_order_id", name)
        if order not in hurt_orders and tracking.get(name) != item:
            problems.append(f"{name} was right and changed")
    for name, item in before["outbox"].items():
        if item.get("work_order_id") not in hurt_orders and outbox.get(name) != item:
            problems.append(f"{name} was right and changed")
    hurt_keys = {work_order_key(name) for name in hurt_orders}
    for key, body in before["objects"].items():
        if key not in hurt_keys and objects.get(key) != body:
            problems.append(f"{key} was right and changed")
    return problems


def _told(name: str, record: dict[str, Any], outbox: dict[str, Any]) -> list[str]:
    item = outbox.get(f"{name}@operators")
    if item is None:
        return [f"{name} is told to nobody"]
    waits = item.get("lane") == "send" and item["wanted"] == record["version"]
    told = item.get("told") == record["version"] == item["wanted"]
    return [] if waits or told else [f"{name} is not told as it stands: {item}"]


def _hurt(full: World, hurts: list[tuple[str, int, int]]) -> set[str]:
    """The world as it was, with this damage; the orders that it concerns."""
    full.there.restore(full.before)
    return {hurt(full.there, full.names, *one) for one in hurts}


def _repair(full: World, hurts: list[tuple[str, int, int]], concerned: set[str]) -> None:
    there, before = full.there, full.before
    report = there.run()
    assert not report.failed
    kinds = {damage for damage, _, _ in hurts}
    assert not _problems(there, before, concerned, kinds), (hurts, report)
    if kinds & {"foreign letter", "foreign crew"}:
        assert report.decide, "what a person has to decide is listed"
    if kinds & {"record deleted", "record corrupt"}:
        assert report.decide or report.mended, "a record that is gone is noticed"
    after = there.state()
    second = there.run()
    assert (second.mended, second.failed) == ([], [])
    assert there.state() == after, "a second repair does nothing"


@pytest.mark.timeout(600)  # about 20 s of work: fourteen damages, each with three looks at everything
def test_each_damage_is_seen_by_the_invariants_and_mended(
    full: World,
) -> None:
    there, before, names = full.there, full.before, full.names
    assert len(names) == 5
    assert _problems(there, before, set(), set()) == []
    report = there.run()
    assert (report.mended, report.decide) == ([], [])
    blind = {"foreign letter", "foreign crew", "record corrupt"}  # what only a person mends
    for damage in DAMAGES:
        concerned = _hurt(full, [(damage, 0, 1)])
        seen = _problems(there, before, concerned, set())
        assert bool(seen) is (damage not in blind | {"visit deleted"}), (
            f"the invariants on {damage}: {seen}"
        )
        _repair(full, [(damage, 0, 1)], concerned)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.timeout(600)
@seed(20261126)
@settings(max_examples=6, deadline=None, suppress_health_check=QUIET, database=None)
@given(hurts=HURTS)
def test_whatever_was_broken_a_repair_leaves_what_fits(
    full: World, hurts: list[tuple[str, int, int]]
) -> None:
    _repair(full, hurts, _hurt(full, hurts))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@seed(20261127)
@settings(max_examples=200, deadline=None, suppress_health_check=QUIET, database=None)
@given(hurts=HURTS)
def test_whatever_was_broken_many_times(full: World, hurts: list[tuple[str, int, int]]) -> None:
    _repair(full, hurts, _hurt(full, hurts))
