"""Two executions at once, made to collide: conditional writes decide, nobody is booked or ordered twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import boto3
import pytest
from moto import mock_aws

import ooda.order.handler as ordering
import ooda.schedule.handler as scheduling
from delivery.deliver import notifications, sending
from ona.documents.base import S3Pointer
from ona.repairs import crews
from ona.repairs import orders as tracking
from ona.runtime import aws
from ona.runtime.clock import iso
from ona.runtime.errors import CrewBookingConflict, DependencyBusy
from ona.store import tables
from ona.store.s3 import read_json, write_json
from ooda.documents.diagnostics import Diagnostic, TrendAnalysis
from ooda.order.workorder import build
from ooda.schedule.plan import Plan, make_plan
from tests.builders.plans import NOW, crew, plan, request
from tests.conftest import make_registry

IN, OUT = "ona-test-input", "ona-test-output"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        aws.client.cache_clear()
        for name, value in {
            "INPUT_BUCKET": IN,
            "OUTPUT_BUCKET": OUT,
            "CREWS_TABLE": "crews",
            "TRACKING_TABLE": "tracking",
            "OUTBOX_TABLE": "outbox",
        }.items():
            monkeypatch.setenv(name, value)
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        for table, key, indexes in (
            ("crews", "crew_id", {}),
            ("tracking", "job_id", {"customer-index": ("customer_id", "created_at"),
                                    "open-index": ("open", "due_date")}),
            ("outbox", "delivery_id", {"due-index": ("lane", "next_at")}),
        ):  # fmt: skip
            attributes = [key, *(name for pair in indexes.values() for name in pair)]
            more: dict[str, Any] = {}
            if indexes:
                more["GlobalSecondaryIndexes"] = [
                    {
                        "IndexName": index,
                        "KeySchema": [
                            {"AttributeName": one, "KeyType": "HASH"},
                            {"AttributeName": two, "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                    for index, (one, two) in indexes.items()
                ]
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                **more,
            )
        for bucket in (IN, OUT):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "af-south-1"})
        for number in (1, 2):
            tables.put("crews", crew(number).model_dump(exclude={"version", "bookings"}))
        yield
    aws.client.cache_clear()


def overlaps() -> list[Any]:
    return [
        (earlier.asset_id, later.asset_id)
        for known in crews.load()
        for earlier, later in pairwise(sorted(known.bookings, key=lambda b: b.leaves))
        if earlier.returns > later.leaves
    ]


def test_a_plan_on_an_old_calendar_is_refused_whole(cloud: None) -> None:
    seen = crews.load()
    first, second = plan([request(1)], seen), plan([request(2), request(3)], seen)
    crews.book(seen, first.bookings, NOW)
    with pytest.raises(CrewBookingConflict):
        crews.book(seen, second.bookings, NOW)
    assert {b.asset_id for known in crews.load() for b in known.bookings} == {"INV-1"}
    crews.book(crews.load(), plan([request(2)], crews.load()).bookings, NOW)
    assert overlaps() == []


def test_a_change_of_any_crew_refuses_the_plan(cloud: None) -> None:
    """The limit of jobs at once is the fleet's, so a plan depends on every crew it saw."""
    seen = crews.load()
    booked = plan([request(1)], seen).bookings
    other = next(c.crew_id for c in seen if c.crew_id not in booked)
    tables.update("crews", {"crew_id": other}, "SET version = :v", {":v": 7})
    with pytest.raises(CrewBookingConflict):
        crews.book(seen, booked, NOW)
    assert all(known.bookings == [] for known in crews.load())


def test_a_refused_orders_time_is_given_back_and_others_keep_theirs(cloud: None) -> None:
    for number in (1, 2):
        seen = crews.load()
        crews.book(seen, plan([request(number)], seen).bookings, NOW)
    assert crews.release(request(1).finding.finding_key)
    assert not crews.release(request(1).finding.finding_key)
    assert {b.asset_id for known in crews.load() for b in known.bookings} == {"INV-2"}


def _scheduled(
    number: int, execution: str, cause: str = "inverter_failure", daily: float = 80.0
) -> dict[str, Any]:
    """Run the real Schedule handler on one diagnostic."""
    wanted = request(number, cause=cause, daily=daily)
    finding = wanted.finding.model_copy(
        update={
            "asset_id": f"INV-00{number}",
            "finding_id": f"find-{number}-{cause}",
            "component": wanted.finding.component.model_copy(update={"serial": f"INV-00{number}-inverter"}),
        }
    )
    diagnostic = Diagnostic(
        diagnostic_id=f"diag-{number}",
        asset_id=f"INV-00{number}",
        analysis_timestamp=NOW,
        detection=wanted.diagnostic,
        findings=[finding],
        trend_analysis=TrendAnalysis(
            degradation_rate_percent_per_year=None, performance_trend="unknown", next_maintenance_due=None
        ),
    )
    pointer = write_json(OUT, f"diagnostics/2025/06/10/{execution}.json", diagnostic.document())
    event = {"diagnostics": [pointer.document()], "execution_id": execution}
    result: dict[str, Any] = scheduling.lambda_handler(event, _Context())
    return result


class _Context:
    function_name = "ona-schedule-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:af-south-1:000000000000:function:ona-schedule-test"
    aws_request_id = "test"


def test_two_executions_that_planned_on_one_calendar_book_different_times(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both plan before either books: exactly the collision that conditional writes are for."""
    registry = make_registry().model_dump(mode="json", exclude_none=True)
    write_json(IN, "assets.json", registry)
    both_planned, plans = threading.Barrier(2, timeout=20), []
    # DynamoDB's transactions are serializable; moto's roll back whole tables and must not overlap
    one_at_a_time, transact = threading.Lock(), tables.transact

    def serializable(writes: list[dict[str, Any]]) -> bool:
        with one_at_a_time:
            return transact(writes)

    monkeypatch.setattr(tables, "transact", serializable)

    def together(*arguments: Any, **named: Any) -> Plan:
        made = make_plan(*arguments, **named)
        plans.append(made)
        if len(plans) <= 2:
            both_planned.wait()
        return made

    monkeypatch.setattr(scheduling, "make_plan", together)
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        results[number] = _scheduled(number, f"execution-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [results[number]["scheduled"] for number in (1, 2)] == [1, 1]
    assert len(plans) == 3, "the slower one planned again"
    assert sum(len(known.bookings) for known in crews.load()) == 2
    assert overlaps() == []


def test_a_better_name_for_a_known_fault_makes_no_second_order(cloud: None) -> None:
    """On its first day nobody could tell the cause; the next day's data can."""
    first, other = request(1, cause="unknown_pattern"), request(2)
    job = plan([first], [crew(1)]).jobs[0]
    order = build(first.finding, job, first.asset, first.rule, [], now=NOW)
    assert tracking.open_once(order, "execution-1", NOW) == "opened"

    renamed = request(1, cause="inverter_failure")
    assert renamed.finding.finding_key != first.finding.finding_key
    lock = tracking.open_order(renamed.finding)
    assert lock is not None
    assert (lock["work_order_id"], lock["finding_key"]) == (order.work_order_id, first.finding.finding_key)
    assert tracking.open_order(other.finding) is None


def test_two_names_for_one_fault_at_once_make_one_order_and_book_one_crew(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(IN, "assets.json", make_registry().model_dump(mode="json", exclude_none=True))
    causes = ("unknown_pattern", "inverter_failure")
    jobs = [job for cause in causes for job in _scheduled(1, f"execution-{cause}", cause)["jobs"]]
    assert len(jobs) == sum(len(known.bookings) for known in crews.load()) == 2
    told = [
        ordering.lambda_handler({"job": job, "execution_id": f"execution-{n}"}, _Context())
        for n, job in enumerate(jobs)
    ]
    assert [item["status"] for item in told] == ["ordered", "already_ordered"]
    assert told[0]["work_order_id"] == told[1]["work_order_id"]
    held = [booking.finding_key for known in crews.load() for booking in known.bookings]
    assert held == ["INV-1#x#unknown_pattern"], "the loser's crew is given back"


def test_one_open_order_a_fault(cloud: None) -> None:
    wanted = request(1)
    job = plan([wanted], [crew(1)]).jobs[0]
    order = build(wanted.finding, job, wanted.asset, wanted.rule, [], now=NOW)
    assert tracking.open_once(order, "execution-1", NOW) == "opened"
    assert tracking.open_once(order, "execution-1", NOW) == "exists"
    tomorrow = order.model_copy(update={"work_order_id": "wo-other", "finding_id": "find-other"})
    assert tracking.open_once(tomorrow, "execution-2", NOW) == "exists"
    assert tracking.job("wo-other") == {}, "nothing half written"
    lock = tracking.open_order(wanted.finding)
    assert lock is not None
    assert lock["work_order_id"] == order.work_order_id
    history = tracking.job(order.work_order_id)["history"]
    assert [entry["status"] for entry in json.loads(json.dumps(history))] == ["OPEN"]


# ------------------------------------------------------------------ visits that move


@pytest.fixture
def acting(cloud: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """One crew, a clock that stands at NOW, and the messages that people get."""
    told: list[tuple[str, str]] = []

    def publish(subject: str, text: str, attributes: dict[str, str], topic: str) -> None:
        if attributes["event"] != "daily_digest":
            told.append((subject, text))

    monkeypatch.setattr(notifications, "publish", publish)
    for module in (scheduling, ordering):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    boto3.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": "crew-002"}})
    write_json(IN, "assets.json", make_registry().model_dump(mode="json", exclude_none=True))
    return told


def _ordered(scheduled: dict[str, Any], execution: str) -> list[dict[str, Any]]:
    return [
        ordering.lambda_handler({"job": job, "execution_id": execution}, _Context())
        for job in scheduled["jobs"]
    ]


def deliver(now: datetime = NOW) -> dict[str, Any]:
    """What the outbox's schedule does every minute."""
    return sending.run(now, left=lambda: 1000.0)


def _visits() -> dict[str, Any]:
    return {b.asset_id: b for known in crews.load() for b in known.bookings}


def _order(work_order_id: str) -> dict[str, Any]:
    day = work_order_id.split("-")[1]
    key = f"work-orders/{day[:4]}/{day[4:6]}/{day[6:]}/{work_order_id}.json"
    document: dict[str, Any] = read_json(S3Pointer(bucket=OUT, key=key))
    return document


def _week() -> list[str]:
    """Three machines ordered one after the other; the ids of their orders."""
    return [
        _ordered(_scheduled(number, f"execution-{number}"), f"execution-{number}")[0]["work_order_id"]
        for number in (1, 2, 3)
    ]


def test_orders_follow_a_visit_that_moves_and_their_people_are_told_why(acting: list[Any]) -> None:
    orders = _week()
    before = _visits()
    deliver()
    told = len(acting)
    assert told == 3
    urgent = _scheduled(4, "execution-4", daily=5000)
    results = _ordered(urgent, "execution-4")
    after = _visits()
    moved = [name for name, visit in before.items() if after[name].start != visit.start]
    assert moved
    assert overlaps() == []
    assert [item["status"] for item in results].count("ordered") == 1
    assert [item["status"] for item in results].count("moved") == len(moved)
    deliver()
    assert len(acting) == told + len(moved) + 1
    for name in moved:
        work_order_id = orders[int(name.removeprefix("INV-00")) - 1]
        record, document = tracking.job(work_order_id), _order(work_order_id)
        start = iso(after[name].start)
        assert (record["scheduled_start"], record["version"]) == (start, 2)
        assert iso(datetime.fromisoformat(document["scheduled_start"])) == start
        assert [entry["status"] for entry in record["history"]] == ["OPEN", "OPEN"]
        assert "the whole plan costs less" in record["history"][-1]["note"]
        assert any(work_order_id in text and "visit moved" in subject for subject, text in acting)
    count = len(acting)
    again = _ordered(urgent, "execution-4")
    assert [item["work_order_id"] for item in again] == [item["work_order_id"] for item in results]
    deliver()
    assert len(acting) == count, "a step that is run again tells nobody twice"


def test_a_plan_that_broke_off_after_booking_still_tells_whose_visit_it_moved(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _week()
    before, real = _visits(), crews.book

    def book_and_die(*arguments: Any) -> None:
        real(*arguments)
        raise DependencyBusy("the function died here")

    monkeypatch.setattr(crews, "book", book_and_die)
    with pytest.raises(DependencyBusy):
        _scheduled(4, "execution-4", daily=5000)
    monkeypatch.setattr(crews, "book", real)
    after = _visits()
    moved = {name for name, visit in before.items() if after[name].start != visit.start}
    results = _ordered(_scheduled(4, "execution-4", daily=5000), "execution-4")
    assert _visits() == after, "the second try books nothing"
    assert [item["status"] for item in results].count("moved") == len(moved) > 0


def test_an_order_opened_while_its_visit_moves_has_the_new_time(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The visit moves after the order was made and before anybody could see it."""
    _ordered(_scheduled(1, "execution-1"), "execution-1")
    late = _scheduled(5, "execution-5")
    real = tracking.open_once

    def moved_meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(tracking, "open_once", real)
        _ordered(_scheduled(4, "execution-4", daily=5000), "execution-4")
        return real(*arguments)

    first = _visits()["INV-005"].start
    monkeypatch.setattr(tracking, "open_once", moved_meanwhile)
    [result] = _ordered(late, "execution-5")
    visit = _visits()["INV-005"]
    assert visit.start != first, "the case is what it says"
    assert tracking.job(result["work_order_id"])["scheduled_start"] == iso(visit.start)
    document = _order(result["work_order_id"])
    assert iso(datetime.fromisoformat(document["scheduled_start"])) == iso(visit.start)
