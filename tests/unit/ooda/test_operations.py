"""The loop's API on DynamoDB and S3 as moto has them: what customers see and change."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import ooda.operations_api.handler as operations
from ona.repairs import locks, orders, standing
from ona.repairs.moves import Change, Fields
from ona.repairs.tracking import TrackedOrder
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidPayload
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY
from ooda.operations_api import api
from tests.builders.histories import day_by_day
from tests.builders.orders import CUSTOMER, Context, call, scheduled, visits
from tests.builders.plans import NOW
from tests.fakes.tables import OUT


def test_a_customers_orders_are_listed_newest_first_page_by_page(world: list[str]) -> None:
    status, data = call("GET", "/work-orders")
    assert status == 200
    assert {order["work_order_id"] for order in data["work_orders"]} == set(world[:3])
    assert data["next"] is None
    first = data["work_orders"][0]
    assert (first["status"], first["version"], first["priority"]) == ("OPEN", 1, "critical")
    seen, after = [], {}
    for _ in range(5):
        _, page = call("GET", "/work-orders", limit="1", **after)
        seen += [order["work_order_id"] for order in page["work_orders"]]
        if page["next"] is None:
            break
        after = {"next": page["next"]}
    assert sorted(seen) == sorted(world[:3])
    _, other = call("GET", "/work-orders", customer="stranger")
    assert [order["work_order_id"] for order in other["work_orders"]] == world[3:]
    status, errors = call("GET", "/work-orders", customer="stranger", **after)
    assert (status, errors[0]["field"]) == (400, "next")
    for wrong in ("x", "e30", "WzFd"):
        assert call("GET", "/work-orders", next=wrong)[0] in (200, 400)
    assert call("GET", "/work-orders", next="bm9wZQ==")[0] == 400
    assert call("GET", "/work-orders", status="DONE")[0] == 400
    _, done = call("GET", "/work-orders", status="COMPLETE")
    assert done["work_orders"] == []


def test_one_order_is_shown_whole_and_another_customers_is_not_found(world: list[str]) -> None:
    status, data = call("GET", f"/work-orders/{world[0]}")
    assert status == 200
    assert data["order"]["bill_of_materials"][0]["sku"] == "SG110CX-PM-R"
    assert data["order"]["site_id"] == data["state"]["site_id"] == "site"
    assert data["order"]["idempotency_key"]
    assert [entry["status"] for entry in data["history"]] == ["OPEN"]
    for wanted, customer in (
        (world[3], CUSTOMER),
        (world[0], "stranger"),
        ("wo-20250101-00000000", CUSTOMER),
    ):
        status, errors = call("GET", f"/work-orders/{wanted}", customer=customer)
        assert (status, errors[0]["code"]) == (404, "NOT_FOUND")
        assert call("PATCH", f"/work-orders/{wanted}", {"version": 1}, customer=customer)[0] == 404


def test_only_legal_moves_are_made_and_each_leaves_a_line(world: list[str]) -> None:
    path = f"/work-orders/{world[0]}"
    status, errors = call("PATCH", path, {"version": 1, "status": "COMPLETE"})
    assert (status, errors[0]["code"], errors[0]["field"]) == (409, "CONFLICT", "status")
    assert "may go to IN_PROGRESS, ON_HOLD, CANCELLED" in errors[0]["message"]
    steps: list[dict[str, Any]] = [
        {"status": "ON_HOLD", "note": "waiting for the crane"},
        {"status": "IN_PROGRESS", "assignees": ["Thandi", "Pieter"]},
        {"note": "fan replaced too"},
        {
            "status": "COMPLETE",
            "actual_hours": 3.5,
            "parts_used": [{"sku": "SG110CX-PM-R", "quantity": 1}],
            "due_date": "2025-06-20T12:00:00+02:00",
        },
    ]
    for version, step in enumerate(steps, 1):
        status, data = call("PATCH", path, {"version": version, **step})
        assert status == 200, data
        assert data["state"]["version"] == version + 1
    lines = [(entry["status"], entry["by"], entry.get("note", "")) for entry in data["history"]]
    me = f"customer:{CUSTOMER}"
    assert lines == [
        ("OPEN", "ona-order", ""),
        ("ON_HOLD", me, "waiting for the crane"),
        ("IN_PROGRESS", me, ""),
        ("IN_PROGRESS", me, "fan replaced too"),
        ("COMPLETE", me, ""),
    ]
    state = data["state"]
    assert (state["actual_hours"], state["assignees"]) == (3.5, ["Thandi", "Pieter"])
    assert state["parts_used"] == [{"sku": "SG110CX-PM-R", "quantity": 1}]
    assert state["due_date"] == "2025-06-20T10:00:00Z"
    assert state["completed_at"] == iso(NOW)
    assert data["order"]["status"] == "COMPLETE"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"version": 0},
        {"version": 1, "status": "DONE"},
        {"version": 1, "actual_hours": -1},
        {"version": 1, "due_date": "tomorrow"},
        {"version": 1, "assignees": [""]},
        {"version": 1, "unknown": 1},
        {"version": 1, "completed_at": "2025-06-10T10:00:00Z"},
        {"version": 1, "status": "COMPLETE", "completed_at": "2999-06-10T10:00:00Z"},
        {"version": 1, "note": "x" * 1001},
    ],
)
def test_a_wrong_change_is_refused_whole(world: list[str], wrong: dict[str, Any]) -> None:
    status, errors = call("PATCH", f"/work-orders/{world[0]}", wrong)
    assert (status, errors[0]["code"]) == (400, "VALIDATION_ERROR")
    assert orders.require(world[0]).version == 1


def test_a_change_on_an_old_reading_is_a_conflict_and_a_repeated_one_is_made_once(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/work-orders/{world[0]}"
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    again, data = call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})
    assert (again, data["state"]["version"]) == (200, 2), "the answer was lost, the request sent again"
    status, errors = call("PATCH", path, {"version": 1, "status": "ON_HOLD"})
    assert (status, errors[0]["field"]) == (409, "version")
    assert "version 2" in errors[0]["message"]

    real = orders.find

    def faster(work_order_id: str) -> TrackedOrder | None:
        monkeypatch.setattr(orders, "find", real)
        order = real(work_order_id)
        assert order is not None
        orders.change(order, Change(by="somebody", at=NOW, status="ON_HOLD"))
        return order

    monkeypatch.setattr(orders, "find", faster)
    status, errors = call("PATCH", path, {"version": 2, "status": "COMPLETE"})
    assert (status, errors[0]["field"]) == (409, "version")
    assert "somebody" in errors[0]["details"]
    assert orders.require(world[0]).status == "ON_HOLD"


ASKED: dict[str, Any] = {
    "assignees": ["Thandi"],
    "due_date": "2025-06-20T12:00:00+02:00",
    "actual_hours": 3.5,
    "parts_used": [{"sku": "SG110CX-PM-R", "quantity": 1}],
    "note": "the fan too",
}
"""One change of each field, in a request of its own."""
OTHER: dict[str, Any] = {
    "assignees": ["Pieter"],
    "due_date": "2025-06-21T12:00:00+02:00",
    "actual_hours": 30.0,
    "parts_used": [{"sku": "SG110CX-PM-R", "quantity": 9}],
    "note": "not the fan",
}
"""The same fields as somebody else of the same customer changes them, with the version that both read."""


@pytest.mark.parametrize("name", ASKED)
def test_another_value_on_an_old_reading_is_no_repetition(world: list[str], name: str) -> None:
    """All people of a customer have one name. The second was answered 200, and his change was dropped."""
    path = f"/work-orders/{world[0]}"
    assert call("PATCH", path, {"version": 1, name: ASKED[name]})[0] == 200
    status, errors = call("PATCH", path, {"version": 1, name: OTHER[name]})
    assert (status, errors[0]["code"], errors[0]["field"]) == (409, "CONFLICT", "version")
    again, data = call("PATCH", path, {"version": 1, name: ASKED[name]})
    assert (again, data["state"]["version"]) == (200, 2), "the same value is a repetition"


@pytest.mark.parametrize("other", sorted(set(ASKED) - {"note"}))
def test_a_field_that_the_first_did_not_change_is_no_repetition(world: list[str], other: str) -> None:
    path = f"/work-orders/{world[0]}"
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    asked = {"version": 1, "status": "IN_PROGRESS", other: ASKED[other]}
    assert call("PATCH", path, asked)[0] == 409


@pytest.mark.parametrize(("hours", "answer"), [(3.5, 200), (30.0, 409)], ids=["the same", "another value"])
def test_of_two_requests_at_once_only_the_same_one_counts_as_made(
    world: list[str], monkeypatch: pytest.MonkeyPatch, hours: float, answer: int
) -> None:
    path, real = f"/work-orders/{world[0]}", orders.find

    def slower(work_order_id: str) -> TrackedOrder | None:
        """Between its reading and its writing another request is faster."""
        monkeypatch.setattr(orders, "find", real)
        order = real(work_order_id)
        assert order is not None
        fields = Fields(actual_hours=3.5)
        orders.change(order, Change(by=f"customer:{CUSTOMER}", at=NOW, fields=fields))
        return order

    monkeypatch.setattr(orders, "find", slower)
    assert call("PATCH", path, {"version": 1, "actual_hours": hours})[0] == answer
    assert (orders.require(world[0]).version, orders.require(world[0]).actual_hours) == (2, 3.5)


def test_a_cancelled_order_gives_back_its_crew_and_its_fault(world: list[str]) -> None:
    before = visits()
    assert "INV-002" in before
    body = {"version": 1, "status": "CANCELLED", "note": "machine is being replaced"}
    assert call("PATCH", f"/work-orders/{world[1]}", body)[0] == 200
    assert set(visits()) == set(before) - {"INV-002"}
    assert call("PATCH", f"/work-orders/{world[1]}", body)[0] == 200, "sent again"
    status, errors = call("PATCH", f"/work-orders/{world[1]}", {"version": 2, "status": "OPEN"})
    assert (status, "may go to nowhere" in errors[0]["message"]) == (409, True)
    again = scheduled(2, "execution-8", "grid_outage")
    assert (again["scheduled"], again["deferred"]) == (0, 1), "a person put the incident aside"
    _, order = call("GET", f"/work-orders/{world[1]}")
    assert order["state"]["status"] == "CANCELLED"


def test_work_that_has_begun_is_not_moved(world: list[str]) -> None:
    last = max(visits().values(), key=lambda visit: visit.start)
    number = int(last.asset_id.removeprefix("INV-"))
    owner = "stranger" if number == 4 else CUSTOMER
    _, plan = call("GET", "/schedule", customer=owner)
    assert {v["asset_id"]: v["movable"] for v in plan["visits"]}[last.asset_id] is True
    status, _ = call(
        "PATCH",
        f"/work-orders/{world[number - 1]}",
        {"version": 1, "status": "IN_PROGRESS"},
        customer=owner,
    )
    assert status == 200
    _, plan = call("GET", "/schedule", customer=owner)
    assert {v["asset_id"]: v["movable"] for v in plan["visits"]}[last.asset_id] is False
    scheduled(5, "execution-5", daily=5000)
    assert visits()[last.asset_id].start == last.start


def test_the_plan_shows_only_visits_to_the_callers_assets(world: list[str]) -> None:
    status, data = call("GET", "/schedule")
    assert status == 200
    assert [v["asset_id"] for v in data["visits"]] == ["INV-001", "INV-002", "INV-003"]
    starts = [v["start"] for v in data["visits"]]
    assert starts == sorted(starts)
    _, other = call("GET", "/schedule", customer="stranger", site_id="hill")
    assert [v["asset_id"] for v in other["visits"]] == ["INV-004"]
    assert call("GET", "/schedule", site_id="hill")[0] == 404
    early = iso(NOW - timedelta(days=9))
    assert call("GET", "/schedule", since=iso(NOW), until=early)[0] == 400
    _, none = call("GET", "/schedule", since=early, until=iso(NOW - timedelta(days=8)))
    assert none["visits"] == []


def test_the_plan_has_pages(world: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = call("GET", "/schedule")
    assert whole["next"] is None
    monkeypatch.setattr(api, "VISITS_A_PAGE", 1)
    visits_by_page, after = [], {}
    for _ in range(3):
        _, page = call("GET", "/schedule", **after)
        visits_by_page += page["visits"]
        after = {"next": page["next"]}
    assert (visits_by_page, after) == (whole["visits"], {"next": None})


def test_incidents_come_from_asset_histories_asset_by_asset(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 4):
        history = day_by_day(f"INV-{number:03d}", dead_until=None)
        site = "hill" if number == 4 else "site"
        s3.write_json(OUT, ASSET_HISTORY.build(site_id=site, asset_id=history.asset_id), history.document())
    status, data = call("GET", "/incidents", state="open")
    assert status == 200
    assert [incident["asset_id"] for incident in data["incidents"]] == ["INV-001"]
    assert data["incidents"][0]["kind"] == "outage"
    assert data["incidents"][0]["site_id"] == "site"
    assert data["next"] is None
    _, other = call("GET", "/incidents", customer="stranger")
    assert {incident["asset_id"] for incident in other["incidents"]} == {"INV-004"}
    assert call("GET", "/incidents", customer="nobody")[1] == {
        "incidents": [],
        "site_events": [],
        "next": None,
    }
    monkeypatch.setattr(api, "ASSETS_A_PAGE", 2)
    pages, after = 0, {}
    for _ in range(9):
        _, page = call("GET", "/incidents", **after)
        pages += 1
        if page["next"] is None:
            break
        after = {"next": page["next"]}
    assert pages == 3, "five assets of one's own, two a page"


def test_an_open_incident_says_why_nobody_is_sent_to_it(world: list[str]) -> None:
    """Distractors: another incident, one that was not seen for long, one with an order."""
    history = day_by_day("INV-001", dead_until=None)
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), history.document())
    incident = next(item for item in history.incidents if item.state == "open")

    def why(name: str, seen_at: datetime) -> Any:
        fault = standing.Standing(
            delivery_id=standing.name_of(name),
            seen_at=seen_at,
            ttl=1,
            finding_key="INV-001#y",
            incident_id=name,
            asset_id="INV-001",
            site_id="site",
            priority="critical",
            what="OEM Fault: component failure",
            why="no crew within 100 km",
            daily_loss_usd=80.0,
        )
        standing.put(fault)
        _, data = call("GET", "/incidents", state="open")
        return data["incidents"][0]["unattended"]

    assert call("GET", "/incidents", state="open")[1]["incidents"][0]["unattended"] is None
    assert why("inc-20250610-0123456789", NOW) is None
    assert why(incident.incident_id, NOW - standing.SEEN) is None
    told = why(incident.incident_id, NOW)
    assert told == {"why": "no crew within 100 km", "priority": "critical", "seen_at": iso(NOW)}
    lock = locks.OrderLock(
        name=f"open#{incident.incident_id}", work_order_id=world[0], finding_id="f", finding_key="INV-001#y"
    )
    tables.put("tracking", lock.item())
    assert why(incident.incident_id, NOW) is None


def test_a_request_too_many_is_refused(world: list[str]) -> None:
    tables.put("customers", {"id": f"usage#{CUSTOMER}#{datetime.now(UTC):%Y-%m-%dT%H}", "used": 1000})
    status, errors = call("GET", "/work-orders")
    assert (status, errors[0]["code"]) == (429, "QUOTA_EXCEEDED")


def test_what_is_nested_too_deeply_is_the_callers_fault(world: list[str]) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1400).decode()  # a `next` has 2 000 characters at most
    for path in ("/work-orders", "/incidents", "/schedule"):
        status, errors = call("GET", path, next=deep)
        assert (status, errors[0]["field"]) == (400, "next")
    status, errors = call("PATCH", f"/work-orders/{world[0]}", "[" * 100_000)
    assert (status, errors[0]["message"]) == (400, "JSON is nested too deeply")


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="use verify"):
        operations.lambda_handler({"task": "nothing"}, Context())
