"""The operator's API on DynamoDB and S3 as moto has them, and whether repairs held."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pandas as pd
import pytest

import ooda.operations_api.handler as operations
from ona.config import causes
from ona.repairs import crews, experience, orders
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidPayload
from ona.store import s3, tables
from ooda.documents.asset_history import AssetHistory
from ooda.layout import ASSET_HISTORY
from ooda.operations_api import api, verify
from tests.builders.detection import histories_of
from tests.builders.plans import NOW
from tests.conftest import DAY, ROOT, make_registry, sunny_day
from tests.unit.ooda.test_races import (
    IN,
    OUT,
    _Context,
    _order,
    _ordered,
    _scheduled,
    _visits,
    acting,
    cloud,
)

__all__ = ["acting", "cloud"]
CUSTOMER = "default"


@pytest.fixture
def world(acting: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three orders of the customer `default`, one of another customer's machine; their ids."""
    boto3.client("dynamodb").create_table(
        TableName="customers",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    for module in (operations, api):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    registry = make_registry()
    registry.assets[3] = registry.assets[3].model_copy(
        update={"customer_id": "stranger", "site_id": "hill"}
    )
    s3.write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    return [
        _ordered(_scheduled(number, f"execution-{number}"), f"execution-{number}")[0]["work_order_id"]
        for number in (1, 2, 3, 4)
    ]


def call(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    customer: str = CUSTOMER,
    **query: str,
) -> tuple[int, Any]:
    """A request as API Gateway hands it to the function; `path` is what follows /ops."""
    path = f"/ops{path}"
    event = json.loads((ROOT / "events" / "ooda" / "operations_api.json").read_text())
    event |= {"httpMethod": method, "path": path, "resource": path, "queryStringParameters": query or None}
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()} or None
    event["body"] = None if body is None else json.dumps(body)
    event["headers"] = {"Content-Type": "application/json"}
    event["multiValueHeaders"] = {"Content-Type": ["application/json"]}
    event["requestContext"] |= {
        "httpMethod": method,
        "authorizer": {"customer_id": customer, "tier": "standard"},
    }
    answer = operations.lambda_handler(event, _Context())
    document = json.loads(answer["body"])
    assert document["success"] is (answer["statusCode"] < 400), document
    return answer["statusCode"], document["data"] if document["success"] else document["errors"]


def test_a_customers_orders_are_told_newest_first_page_by_page(world: list[str]) -> None:
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


def test_one_order_is_told_whole_and_other_peoples_do_not_exist(world: list[str]) -> None:
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
    told = [(entry["status"], entry["by"], entry.get("note", "")) for entry in data["history"]]
    me = f"customer:{CUSTOMER}"
    assert told == [
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
    assert orders.job(world[0])["version"] == 1


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

    real = orders.job

    def faster(work_order_id: str) -> dict[str, Any]:
        monkeypatch.setattr(orders, "job", real)
        record = real(work_order_id)
        orders.change(record, {}, by="somebody", now=NOW, status="ON_HOLD")
        return record

    monkeypatch.setattr(orders, "job", faster)
    status, errors = call("PATCH", path, {"version": 2, "status": "COMPLETE"})
    assert (status, errors[0]["field"]) == (409, "version")
    assert "somebody" in errors[0]["details"]
    assert orders.job(world[0])["status"] == "ON_HOLD"


def test_a_cancelled_order_gives_back_its_crew_and_its_fault(world: list[str]) -> None:
    before = _visits()
    assert "INV-002" in before
    body = {"version": 1, "status": "CANCELLED", "note": "machine is being replaced"}
    assert call("PATCH", f"/work-orders/{world[1]}", body)[0] == 200
    assert set(_visits()) == set(before) - {"INV-002"}
    assert call("PATCH", f"/work-orders/{world[1]}", body)[0] == 200, "sent again"
    status, errors = call("PATCH", f"/work-orders/{world[1]}", {"version": 2, "status": "OPEN"})
    assert (status, "may go to nowhere" in errors[0]["message"]) == (409, True)
    again = _scheduled(2, "execution-8", "grid_outage")
    assert (again["scheduled"], again["deferred"]) == (0, 1), "a person put the incident aside"
    _, told = call("GET", f"/work-orders/{world[1]}")
    assert told["state"]["status"] == "CANCELLED"


def test_work_that_has_begun_is_not_moved(world: list[str]) -> None:
    last = max(_visits().values(), key=lambda visit: visit.start)
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
    _scheduled(5, "execution-5", daily=5000)
    assert _visits()[last.asset_id].start == last.start


def test_the_plan_shows_only_visits_to_ones_own_machines(world: list[str]) -> None:
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


def test_incidents_come_from_the_books_machine_by_machine(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 4):
        book = _book(f"INV-{number:03d}", dead_until=None)
        site = "hill" if number == 4 else "site"
        s3.write_json(OUT, ASSET_HISTORY.build(site_id=site, asset_id=book.asset_id), book.document())
    status, data = call("GET", "/incidents", state="open")
    assert status == 200
    assert [incident["asset_id"] for incident in data["incidents"]] == ["INV-001"]
    assert data["incidents"][0]["kind"] == "outage"
    assert data["incidents"][0]["site_id"] == "site"
    assert data["next"] is None
    _, other = call("GET", "/incidents", customer="stranger")
    assert {incident["asset_id"] for incident in other["incidents"]} == {"INV-004"}
    assert call("GET", "/incidents", customer="nobody")[1] == {"incidents": [], "next": None}
    monkeypatch.setattr(api, "MACHINES_A_PAGE", 2)
    machines, after = 0, {}
    for _ in range(9):
        _, page = call("GET", "/incidents", **after)
        machines += 1
        if page["next"] is None:
            break
        after = {"next": page["next"]}
    assert machines == 3, "five machines of one's own, two a page"


def test_a_request_too_many_is_refused(world: list[str]) -> None:
    tables.put("customers", {"id": f"usage#{CUSTOMER}#{datetime.now(UTC):%Y-%m-%dT%H}", "used": 1000})
    status, errors = call("GET", "/work-orders")
    assert (status, errors[0]["code"]) == (429, "QUOTA_EXCEEDED")


# ------------------------------------------------------------------ whether repairs held


def _book(asset_id: str, dead_until: int | None, days: int = 7) -> AssetHistory:
    """A machine that is dead from noon of the fourth day, until noon of another, as telemetry tells it."""
    frame = pd.concat(
        [sunny_day(asset_id, DAY + timedelta(days=n), seed=n) for n in range(days)], ignore_index=True
    )
    end = (
        DAY + timedelta(days=dead_until, hours=10)
        if dead_until is not None
        else datetime.max.replace(tzinfo=UTC)
    )
    dead = (frame["timestamp"] >= DAY + timedelta(days=3, hours=10)) & (frame["timestamp"] < end)
    frame.loc[dead, "power_kw"] = 0.0
    return histories_of(frame, make_registry())[asset_id]


def _completed(book: AssetHistory, done: datetime) -> dict[str, Any]:
    incident = next(item for item in book.incidents if item.kind == "outage")
    return {"incident_id": incident.incident_id, "completed_at": iso(done)}


def test_the_book_says_whether_a_repair_held() -> None:
    noon = DAY + timedelta(hours=10)
    mended = _book("INV-001", dead_until=5)
    done = _completed(mended, noon + timedelta(days=5))
    assert verify.judge(done, mended)[0] == "verified"
    early = _completed(mended, noon + timedelta(days=4))
    assert verify.judge(early, mended)[0] == "still_there", "the machine stood for another day"
    today = _book("INV-001", dead_until=5, days=6)
    assert verify.judge(_completed(today, noon + timedelta(days=5)), today)[0] == "waiting"
    dead = _book("INV-001", dead_until=None)
    assert verify.judge(_completed(dead, noon + timedelta(days=5)), dead)[0] == "still_there"
    assert verify.judge({"incident_id": "inc-1", "completed_at": iso(noon)}, None)[0] == "waiting"
    assert verify.judge({"incident_id": "", "completed_at": iso(noon)}, None)[0] == "verified"


@pytest.mark.parametrize("held", [True, False])
def test_telemetry_ends_a_completed_order_or_opens_it_again(
    world: list[str], held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/work-orders/{world[0]}"
    book = _book("INV-001", dead_until=5 if held else None)
    incident = book.incidents[0].model_copy(update={"incident_id": "inc-1"})
    book = book.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), book.document())
    done = DAY + timedelta(days=5, hours=10)
    monkeypatch.setattr(api, "utc_now", lambda: done)
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    assert call("PATCH", path, {"version": 2, "status": "COMPLETE"})[0] == 200
    waiting = _scheduled(1, "execution-7")
    assert (waiting["scheduled"], waiting["already_ordered"]) == (0, 1), (
        "nobody is sent before telemetry tells"
    )

    told = operations.lambda_handler({"task": "verify"}, _Context())
    assert told == {"verified": int(held), "still_there": int(not held), "waiting": 0}
    assert operations.lambda_handler({"task": "verify"}, _Context()) == dict.fromkeys(told, 0)
    record = orders.job(world[0])
    assert record["history"][-1]["by"] == "ona-verify"
    assert "INV-001" not in _visits()
    again = _scheduled(1, "execution-8", "grid_outage")
    assert again["scheduled"] == 1
    ordered = _ordered(again, "execution-8")[0]
    if held:
        assert (record["status"], record["verified_at"]) == ("COMPLETE", iso(NOW))
        assert ordered["status"] == "ordered", "a new fault of the same kind is a new order"
    else:
        assert (record["status"], "completed_at" in record) == ("OPEN", False)
        assert "seen again until" in record["history"][-1]["note"]
        assert (ordered["status"], ordered["work_order_id"]) == ("moved", world[0]), (
            "the same order, a new visit"
        )
        visit = _visits()["INV-001"]
        assert orders.job(world[0])["scheduled_start"] == iso(visit.start)
        assert iso(datetime.fromisoformat(_order(world[0])["scheduled_start"])) == iso(visit.start)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="use verify"):
        operations.lambda_handler({"task": "nothing"}, _Context())
    assert crews.MAX_CREWS


def test_what_repairs_took_makes_the_next_estimate(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three verified orders of one cause: their median hours and pieces are the fourth's."""
    rule = causes.cause_rules()["inverter_failure"]
    for n, (hours, pieces) in enumerate(((2.4, 2), (2.6, 2), (9.0, 3))):
        order = orders.job(world[n])
        done = {"actual_hours": hours, "parts_used": [{"sku": "SG110CX-PM-R", "quantity": pieces}]}
        assert order["cause"] == "inverter_failure"
        experience.learn({**order, **done})
        experience.learn({**order, **done})
        known = experience.of("inverter_failure")
        assert len(known.hours) == n + 1, "an order counts once"
        assert known.estimate(rule) == (None if n < 2 else 2.5)
        assert known.quantity("SG110CX-PM-R") == (1 if n < 2 else 2)
    assert experience.Experience((99.0,) * 3).estimate(rule) == 2 * rule.duration_hours
    assert experience.Experience((0.1,) * 3).estimate(rule) == rule.duration_hours / 2
    experience.learn({"job_id": "wo-x", "cause": "inverter_failure"})
    assert len(experience.of("inverter_failure").hours) == 3, "nothing reported, nothing learned"
    result = _ordered(_scheduled(5, "execution-5"), "execution-5")[0]
    order = _order(result["work_order_id"])
    assert order["estimated_duration_hours"] == 2.5
    assert [line["quantity"] for line in order["bill_of_materials"]] == [2, 1]
    visit = _visits()["INV-005"]
    assert visit.end - visit.start == timedelta(hours=2.5)


def test_a_verified_order_teaches(world: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    book = _book("INV-001", dead_until=5)
    incident = book.incidents[0].model_copy(update={"incident_id": "inc-1"})
    book = book.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), book.document())
    path, done = f"/work-orders/{world[0]}", iso(DAY + timedelta(days=5, hours=10))
    monkeypatch.setattr(api, "utc_now", lambda: NOW + timedelta(days=30))
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    body = {"version": 2, "status": "COMPLETE", "completed_at": done, "actual_hours": 3.0}
    assert call("PATCH", path, body)[0] == 200
    assert operations.lambda_handler({"task": "verify"}, _Context())["verified"] == 1
    assert experience.of("inverter_failure").hours == (3.0,)
