"""An order's history has no bound, and its item has one: every line is an item of its own.

What an attacker tries with long notes, many changes and full fields; orders of commit 851e08e, which hold
their whole history in their item, also one that is full.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest

from ona.outbox import deliveries
from ona.repairs import history, orders, subscriptions
from ona.repairs.moves import Change, Fields
from ona.repairs.tracking import (
    LONGEST_ENDPOINT,
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_ASSIGNEES,
    MOST_HOURS,
    MOST_PARTS,
    MOST_PIECES,
    ORDERS,
    HistoryLine,
    PartUsed,
    Subscription,
    TrackedOrder,
)
from ona.store import tables
from ona.store.layout import work_order_key
from ona.store.s3 import write_json
from ooda.reconcile.handler import reconcile
from ooda.reconcile.report import ReconcileRequest
from tests.builders.orders import CUSTOMER, call, change, document_of, opened, outbox_item, tracked
from tests.builders.plans import NOW
from tests.fakes.tables import OUT

WIDE = "\N{GRINNING FACE}"
"""Four bytes of UTF-8, which is how DynamoDB counts a text."""
LARGEST_ITEM = 400 * 1024
"""Bytes (DynamoDB Developer Guide, "Constraints")."""


def size_of(value: Any) -> int:
    """Bytes of an item as DynamoDB counts them, a little more (names, texts, 21 for a number)."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return 3 + sum(1 + len(key.encode()) + size_of(item) for key, item in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + size_of(item) for item in value)
    return 21


def item_of(name: str) -> dict[str, Any]:
    """An order's item as it lies in the table."""
    return tables.get("tracking", {"job_id": name}) or {}


def of_before(lines: int, note: str = "", **more: Any) -> TrackedOrder:
    """An order as commit 851e08e left it: all its lines in its item, no mark of any other."""
    order = tracked(open="yes", customer_id=CUSTOMER, **more)
    first = order.history[0]
    rest = [
        HistoryLine(status="OPEN", at=NOW, by="customer:default", event="changed", note=f"{number} {note}")
        for number in range(2, lines + 1)
    ]
    order = order.model_copy(update={"history": [first, *rest], "version": lines})
    item = order.item()
    del item["history_kept"]
    tables.put("tracking", item)
    return order


def test_an_item_grows_no_more_with_its_history(cloud: None) -> None:
    """About a hundred such notes filled the item of before."""
    name, note, sizes = of_before(1).work_order_id, WIDE * LONGEST_NOTE, []
    order = orders.require(name)
    for number in range(3 * history.TAIL):
        order = orders.change(order, Change(by="customer:default", at=NOW, note=f"{number:03d}{note}"))
        sizes.append(size_of(item_of(name)))
    assert max(sizes[history.TAIL :]) - min(sizes[history.TAIL :]) < 100
    assert max(sizes) < LARGEST_ITEM / 8
    lines = history.latest(order, 1000)
    assert [line.version for line in lines] == list(range(1, 3 * history.TAIL + 2)), "no line is lost"
    assert [line.line.note[:3] for line in lines[1:]] == [f"{n:03d}" for n in range(3 * history.TAIL)]


def test_the_api_tells_a_history_page_by_page(world: list[str]) -> None:
    order = of_before(251)
    write_json(OUT, work_order_key(order.work_order_id), document_of(world[0]))
    assert history.bring_forward(order)
    told: list[str] = []
    query: dict[str, str] = {}
    for expected in (100, 100, 51):
        status, data = call("GET", f"/work-orders/{order.work_order_id}", **query)
        assert status == 200
        assert len(data["history"]) == expected
        told = [line.get("note", "") for line in data["history"]] + told
        query = {"next": data["next"]}
    assert data["next"] is None
    assert told == ["", *(f"{number} " for number in range(2, 252))]


BAD_CURSORS = {
    "text": "eyJiZWZvcmUiOiAieCJ9",
    "negative": "eyJiZWZvcmUiOiAiLTUifQ==",
    "5 000 digits": "eyJiZWZvcmUiOiAi" + "OTk5" * 400 + "In0=",
    "of another page": "eyJhc3NldF9pZCI6ICJJTlYtMDUwIn0=",
}


@pytest.mark.parametrize("name", BAD_CURSORS)
def test_a_cursor_that_no_history_gave_is_refused(world: list[str], name: str) -> None:
    status, errors = call("GET", f"/work-orders/{world[0]}", next=BAD_CURSORS[name])
    assert (status, errors[0]["field"]) == (400, "next")


# ------------------------------------------------------------------ bounds where things enter

PART = {"sku": "FAN-120", "quantity": 1}
TOO_MUCH: dict[str, tuple[dict[str, Any], str, str]] = {
    "a long note": ({"note": "x" * (LONGEST_NOTE + 1)}, "note", "1000"),
    "a long note of wide characters": ({"note": WIDE * (LONGEST_NOTE + 1)}, "note", "1000"),
    "a long name": ({"assignees": ["x" * (LONGEST_NAME + 1)]}, "assignees.0", "200"),
    "no name": ({"assignees": [""]}, "assignees.0", "1"),
    "too many people": ({"assignees": ["x"] * (MOST_ASSIGNEES + 1)}, "assignees", "20"),
    "too many parts": ({"parts_used": [PART] * (MOST_PARTS + 1)}, "parts_used", "100"),
    "a long part": ({"parts_used": [{**PART, "sku": "x" * 201}]}, "parts_used.0.sku", "200"),
    "too many pieces": ({"parts_used": [{**PART, "quantity": 101}]}, "parts_used.0.quantity", "100"),
    "too many hours": ({"actual_hours": 200.5}, "actual_hours", "200"),
}
AT_THE_BOUND: dict[str, dict[str, Any]] = {
    "a note": {"note": WIDE * LONGEST_NOTE},
    "names": {"assignees": [WIDE * LONGEST_NAME] * MOST_ASSIGNEES},
    "parts": {"parts_used": [{"sku": WIDE * LONGEST_NAME, "quantity": MOST_PIECES}] * MOST_PARTS},
    "hours": {"actual_hours": MOST_HOURS},
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_refused_and_the_bound_is_named(world: list[str], name: str) -> None:
    body, field, bound = TOO_MUCH[name]
    status, errors = call("PATCH", f"/work-orders/{world[0]}", {"version": 1, **body})
    assert (status, errors[0]["field"]) == (400, field)
    assert bound in errors[0]["message"]
    assert orders.require(world[0]).version == 1


@pytest.mark.parametrize("name", AT_THE_BOUND)
def test_what_is_at_the_bound_is_taken(world: list[str], name: str) -> None:
    assert call("PATCH", f"/work-orders/{world[0]}", {"version": 1, **AT_THE_BOUND[name]})[0] == 200


def test_an_address_beyond_its_bound_is_refused(world: list[str]) -> None:
    endpoint = "https://example.com/" + "x" * LONGEST_ENDPOINT
    path = f"/work-orders/{world[0]}/subscriptions"
    status, errors = call("POST", path, {"kind": "webhook", "endpoint": endpoint})
    assert (status, errors[0]["field"]) == (400, "endpoint")
    assert str(LONGEST_ENDPOINT) in errors[0]["message"]


def test_an_order_filled_to_every_bound_can_still_be_changed(cloud: None) -> None:
    """All that customers, tickets and machines may put in, in characters of four bytes."""
    name = of_before(1).work_order_id
    order = orders.require(name)
    fields = Fields(
        assignees=[WIDE * LONGEST_NAME] * MOST_ASSIGNEES,
        parts_used=[PartUsed(sku=WIDE * LONGEST_NAME, quantity=1000)] * MOST_PARTS,
    )
    for _ in range(history.TAIL + 5):
        longer = Change(by=WIDE * 10_000, at=NOW, note=WIDE * 10_000, fields=fields)
        order = orders.change(order, longer)
    for number in range(subscriptions.MOST_SUBSCRIPTIONS):
        endpoint = f"https://example.com/{number}".ljust(LONGEST_ENDPOINT, "x")
        new = Subscription(kind="webhook", endpoint=endpoint, created_at=NOW)
        subscriptions.subscribe(orders.require(name), f"sub-{number:012d}", new, NOW)
    assert size_of(item_of(name)) < 0.7 * LARGEST_ITEM
    line = orders.require(name).last
    assert (len(line.note), len(line.by)) == (LONGEST_NOTE, LONGEST_NAME)
    assert line.note.endswith("…"), "what a machine wrote too long is cut"
    assert change(name, status="IN_PROGRESS").status == "IN_PROGRESS"


# ------------------------------------------------------------------ orders of before


@pytest.mark.parametrize("lines", [1, history.TAIL, history.TAIL + 1, 70, 120])
@pytest.mark.parametrize("how", ["changed", "subscribed", "reconciled", "brought forward"])
def test_an_order_of_before_is_read_as_it_was_and_brought_forward(
    cloud: None, lines: int, how: str
) -> None:
    """With every number of lines, by each way that an item is written; nothing of it is lost."""
    order = of_before(lines, "x" * 50)
    name = order.work_order_id
    before = orders.require(name)
    assert [item.line for item in history.latest(before, 1000)] == order.history
    if how == "changed":
        change(name, assignees=["Thandi"])
    elif how == "subscribed":
        new = Subscription(kind="email", endpoint="thandi@example.com", created_at=NOW)
        subscriptions.subscribe(before, "sub-0123456789ab", new, NOW)
    elif how == "reconciled":
        report = reconcile(ReconcileRequest(task="forward"), NOW + timedelta(hours=1), lambda: 600.0)
        told = any("keep the history" in text for text in report.mended)
        assert told is (lines > history.TAIL)
    else:
        assert history.bring_forward(before) is (lines > history.TAIL)
        assert not history.bring_forward(orders.require(name)), "once is enough"
    after = orders.require(name)
    assert len(after.history) <= history.TAIL
    assert after.version == order.version + (how == "changed")
    assert [item.line for item in history.latest(after, 1000)][:lines] == order.history
    change(name, assignees=["Sipho"])
    again = [item.line for item in history.latest(orders.require(name), 1000)]
    assert again[:lines] == order.history
    assert [item.version for item in history.latest(orders.require(name), 1000)] == list(
        range(1, len(again) + 1)
    )


@pytest.mark.parametrize("how", ["changed", "reconciled", "brought forward"])
def test_an_item_that_is_full_can_be_changed_again(cloud: None, how: str) -> None:
    """What the attack of issue 14 left: a little below 400 KB, and every change answered 500."""
    order = of_before(100, "x" * 3880)  # the bound of today came later than such a note
    item = item_of(order.work_order_id)
    assert 0.95 * LARGEST_ITEM < size_of(item) < LARGEST_ITEM
    with pytest.raises(Exception, match="maximum allowed size"):
        boto3.client("dynamodb").update_item(
            TableName="tracking",
            Key={"job_id": {"S": order.work_order_id}},
            UpdateExpression="SET history = list_append(history, :line)",
            ExpressionAttributeValues={":line": {"L": [{"S": "y" * 20_000}]}},
        )
    if how == "reconciled":
        done = reconcile(ReconcileRequest(task="forward"), NOW, lambda: 600.0)
        assert done.mended == [f"keep the history of {order.work_order_id} in items of its own: 100 lines"]
        assert reconcile(ReconcileRequest(task="forward"), NOW, lambda: 600.0).mended == []
    elif how == "brought forward":
        assert history.bring_forward(orders.require(order.work_order_id))
    changed = change(order.work_order_id, status="IN_PROGRESS")
    assert (changed.status, changed.version) == ("IN_PROGRESS", 101)
    assert size_of(item_of(order.work_order_id)) < LARGEST_ITEM / 4
    assert len(history.latest(changed, 1000)) == 101


def test_functions_of_before_work_on_the_same_order_meanwhile(cloud: None) -> None:
    """They know of no other lines: they append to the list, count up, and write no item."""
    name = of_before(1).work_order_id
    change(name, assignees=["Thandi"])
    for number in (3, 4, 5):
        line = HistoryLine(status="OPEN", at=NOW, by="of before", event="changed", note=str(number)).item()
        tables.update(
            "tracking",
            {"job_id": name},
            "SET #history = list_append(#history, :line), version = :version",
            {":line": [line], ":version": number},
            names={"#history": "history"},
        )
    lines = history.latest(orders.require(name), 1000)
    assert [item.version for item in lines] == [1, 2, 3, 4, 5]
    for _ in range(history.TAIL + 1):
        change(name, assignees=["Sipho"])
    lines = history.latest(orders.require(name), 1000)
    assert [item.version for item in lines] == list(range(1, history.TAIL + 7))
    assert [item.line.note for item in lines[2:5]] == ["3", "4", "5"]


def test_a_line_is_written_in_the_transaction_of_its_change(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    transact = tables.transact

    def watched(writes: Any) -> bool:
        seen.append([write.kind for write in writes])
        return False if len(seen) == 1 else transact(writes)

    monkeypatch.setattr(tables, "transact", watched)
    name = of_before(1).work_order_id
    change(name, assignees=["Thandi"])
    assert len(seen) == 2, "refused as a whole, and made anew as a whole"
    assert seen[0] == seen[1]
    assert {"Update", "Put"} <= set(seen[0])
    assert [item.version for item in history.latest(orders.require(name), 9)] == [1, 2]


BAD_LINES: dict[str, dict[str, Any] | None] = {
    "gone": None,
    "nothing but the key": {},
    "wrong types": {"version": "x", "status": 7, "at": [], "by": {}},
    "another's": {"work_order_id": "wo-20250611-ffffffff", "version": 2, "status": "LOST", "at": "never"},
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_nobody_can_read_costs_no_other_line(world: list[str], name: str) -> None:
    for _ in range(history.TAIL + 3):
        change(world[0], assignees=["Thandi"])
    key = {"job_id": history.key_of(world[0], 2)}
    boto3.client("dynamodb").delete_item(TableName="tracking", Key=tables.to_item(key))
    item = BAD_LINES[name]
    if item is not None:
        tables.put("tracking", {**item, **key})
    status, data = call("GET", f"/work-orders/{world[0]}")
    assert status == 200
    assert len(data["history"]) == history.TAIL + 3
    assert change(world[0], status="IN_PROGRESS").status == "IN_PROGRESS"


def test_lines_are_in_no_index_and_no_list_of_orders(world: list[str]) -> None:
    for _ in range(5):
        change(world[0], assignees=["Thandi"])
    assert {order.work_order_id for order in orders.all_open()} == set(world)
    assert call("GET", "/work-orders")[1]["work_orders"]
    report = reconcile(ReconcileRequest(task="look"), NOW, lambda: 600.0)
    assert report.looked["records"] == len(world)
    assert report.decide == []


def test_a_new_order_has_its_first_line_as_an_item_too(world: list[str]) -> None:
    order = orders.require(world[0])
    assert order.history_kept == 1
    kept = history.LINES.get(history.key_of(world[0], 1))
    assert kept is not None
    assert (kept.event, kept.version, kept.work_order_id) == ("opened", 1, world[0])
    assert ORDERS.get(world[0]) == order
    assert deliveries.exists(f"{world[0]}@operators")
    assert outbox_item(world[0], "operators")["wanted"] == 1
    assert opened(5) not in world
