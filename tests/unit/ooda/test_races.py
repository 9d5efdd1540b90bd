"""Two executions at once, made to collide: conditional writes decide, nobody is booked or ordered twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

import ooda.order.handler as ordering
import ooda.schedule.handler as scheduling
from ona.repairs import crews, orders
from ona.repairs.locks import lock_of
from ona.runtime.clock import iso
from ona.runtime.errors import CrewBookingConflict, DependencyBusy
from ona.store import tables
from ona.store.s3 import write_json
from ooda.schedule.plan import Plan, make_plan
from ooda.workorder import build
from tests.builders.assets import make_registry
from tests.builders.orders import Context, deliver, document_of, opened, ordered, scheduled, visits
from tests.builders.plans import NOW, crew, plan, request
from tests.fakes.tables import IN


def overlaps() -> list[Any]:
    return [
        (earlier.asset_id, later.asset_id)
        for crew in crews.load()
        for earlier, later in pairwise(sorted(crew.bookings, key=lambda b: b.leaves))
        if earlier.returns > later.leaves
    ]


def test_a_plan_on_an_old_calendar_is_refused_whole(cloud: None) -> None:
    seen = crews.load()
    first, second = plan([request(1)], seen), plan([request(2), request(3)], seen)
    crews.book(seen, first.bookings, NOW)
    with pytest.raises(CrewBookingConflict):
        crews.book(seen, second.bookings, NOW)
    assert {b.asset_id for item in crews.load() for b in item.bookings} == {"INV-1"}
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
    assert all(item.bookings == [] for item in crews.load())


def test_a_refused_orders_time_is_given_back_and_others_keep_theirs(cloud: None) -> None:
    for number in (1, 2):
        seen = crews.load()
        crews.book(seen, plan([request(number)], seen).bookings, NOW)
    assert crews.release(request(1).finding.finding_key)
    assert not crews.release(request(1).finding.finding_key)
    assert {b.asset_id for item in crews.load() for b in item.bookings} == {"INV-2"}


def test_two_executions_that_planned_on_one_calendar_book_different_times(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both plan before either books: exactly the collision that conditional writes are for."""
    registry = make_registry().model_dump(mode="json", exclude_none=True)
    write_json(IN, "assets.json", registry)
    both_planned, plans = threading.Barrier(2, timeout=20), []
    # DynamoDB's transactions are serializable; moto's roll back whole tables and must not overlap
    one_at_a_time, transact = threading.Lock(), tables.transact

    def serializable(writes: Sequence[tables.Write]) -> bool:
        with one_at_a_time:
            return transact(writes)

    monkeypatch.setattr(tables, "transact", serializable)

    def together(*arguments: Any, **named: Any) -> Plan:
        planned = make_plan(*arguments, **named)
        plans.append(planned)
        if len(plans) <= 2:
            both_planned.wait()
        return planned

    monkeypatch.setattr(scheduling, "make_plan", together)
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        results[number] = scheduled(number, f"execution-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [results[number]["scheduled"] for number in (1, 2)] == [1, 1]
    assert len(plans) == 3, "the slower one planned again"
    assert sum(len(item.bookings) for item in crews.load()) == 2
    assert overlaps() == []


def test_a_better_cause_for_an_ordered_fault_makes_no_second_order(cloud: None) -> None:
    """On its first day nobody could tell the cause; the next day's data can."""
    first, other = request(1, cause="unknown_pattern"), request(2)
    job = plan([first], [crew(1)]).jobs[0]
    order = build(first.finding, job, first.asset, first.rule, [], now=NOW)
    assert orders.open_once(order, "execution-1", NOW) == "opened"

    renamed = request(1, cause="inverter_failure")
    assert renamed.finding.finding_key != first.finding.finding_key
    lock = lock_of(renamed.finding)
    assert lock is not None
    assert (lock.work_order_id, lock.finding_key) == (order.work_order_id, first.finding.finding_key)
    assert lock_of(other.finding) is None


def test_two_causes_of_one_fault_at_once_make_one_order_and_book_one_crew(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(IN, "assets.json", make_registry().model_dump(mode="json", exclude_none=True))
    causes = ("unknown_pattern", "inverter_failure")
    jobs = [job for cause in causes for job in scheduled(1, f"execution-{cause}", cause)["jobs"]]
    assert len(jobs) == sum(len(item.bookings) for item in crews.load()) == 2
    results = [
        ordering.lambda_handler({"job": job, "execution_id": f"execution-{n}"}, Context())
        for n, job in enumerate(jobs)
    ]
    assert [item["status"] for item in results] == ["ordered", "already_ordered"]
    assert results[0]["work_order_id"] == results[1]["work_order_id"]
    keys = [booking.finding_key for item in crews.load() for booking in item.bookings]
    assert keys == ["INV-1#x#unknown_pattern"], "the loser's crew is given back"


def test_one_open_order_a_fault(cloud: None) -> None:
    wanted = request(1)
    job = plan([wanted], [crew(1)]).jobs[0]
    order = build(wanted.finding, job, wanted.asset, wanted.rule, [], now=NOW)
    assert orders.open_once(order, "execution-1", NOW) == "opened"
    assert orders.open_once(order, "execution-1", NOW) == "exists"
    tomorrow = order.model_copy(update={"work_order_id": "wo-other", "finding_id": "find-other"})
    assert orders.open_once(tomorrow, "execution-2", NOW) == "exists"
    assert orders.find("wo-other") is None, "nothing half written"
    lock = lock_of(wanted.finding)
    assert lock is not None
    assert lock.work_order_id == order.work_order_id
    assert [line.status for line in orders.require(order.work_order_id).history] == ["OPEN"]


# ------------------------------------------------------------------ visits that move


@pytest.mark.parametrize("moved", [False, True])
def test_an_order_looks_through_the_crews_only_where_its_visit_is_not_as_planned(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    schedule = scheduled(1, "execution-1")
    scans: list[str] = []
    real_scan, real_open = tables.scan, orders.open_once

    def scan(table: str) -> list[Any]:
        scans.append(table)
        return real_scan(table)

    def open_and_move(*arguments: Any) -> Any:
        answer = real_open(*arguments)
        if moved:
            tables.update("crews", {"crew_id": "crew-001"}, "SET version = :v", {":v": 7})
        return answer

    monkeypatch.setattr(tables, "scan", scan)
    monkeypatch.setattr(orders, "open_once", open_and_move)
    assert ordered(schedule, "execution-1")[0]["status"] == "ordered"
    assert scans == ["crews"] * moved, "else it reads its own crew: calendars are long"


def _week() -> list[str]:
    """Three assets ordered one after the other; the ids of their orders."""
    return [opened(number) for number in (1, 2, 3)]


def test_orders_follow_a_visit_that_moves_and_recipients_get_the_reason(acting: list[Any]) -> None:
    ids = _week()
    before = visits()
    deliver()
    sent = len(acting)
    assert sent == 3
    urgent = scheduled(4, "execution-4", daily=5000)
    results = ordered(urgent, "execution-4")
    after = visits()
    moved = [name for name, visit in before.items() if after[name].start != visit.start]
    assert moved
    assert overlaps() == []
    assert [item["status"] for item in results].count("ordered") == 1
    assert [item["status"] for item in results].count("moved") == len(moved)
    deliver()
    assert len(acting) == sent + len(moved) + 1
    for name in moved:
        work_order_id = ids[int(name.removeprefix("INV-00")) - 1]
        order, document = orders.require(work_order_id), document_of(work_order_id)
        start = iso(after[name].start)
        assert (iso(order.scheduled_start), order.version) == (start, 2)
        assert iso(datetime.fromisoformat(document["scheduled_start"])) == start
        assert [line.status for line in order.history] == ["OPEN", "OPEN"]
        assert "the whole plan costs less" in order.history[-1].note
        assert any(work_order_id in text and "visit moved" in subject for subject, text in acting)
    count = len(acting)
    again = ordered(urgent, "execution-4")
    assert [item["work_order_id"] for item in again] == [item["work_order_id"] for item in results]
    deliver()
    assert len(acting) == count, "a step that is run again tells nobody twice"


def test_a_plan_that_broke_off_after_booking_still_reports_the_visits_it_moved(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _week()
    before, real = visits(), crews.book

    def book_and_die(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise DependencyBusy("the function died here")

    monkeypatch.setattr(crews, "book", book_and_die)
    with pytest.raises(DependencyBusy):
        scheduled(4, "execution-4", daily=5000)
    monkeypatch.setattr(crews, "book", real)
    after = visits()
    moved = {name for name, visit in before.items() if after[name].start != visit.start}
    results = ordered(scheduled(4, "execution-4", daily=5000), "execution-4")
    assert visits() == after, "the second try books nothing"
    assert [item["status"] for item in results].count("moved") == len(moved) > 0


def test_an_order_opened_while_its_visit_moves_has_the_new_time(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The visit moves after the order was made and before anybody could see it."""
    ordered(scheduled(1, "execution-1"), "execution-1")
    late = scheduled(5, "execution-5")
    real = orders.open_once

    def moved_meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(orders, "open_once", real)
        ordered(scheduled(4, "execution-4", daily=5000), "execution-4")
        return real(*arguments)

    first = visits()["INV-005"].start
    monkeypatch.setattr(orders, "open_once", moved_meanwhile)
    [result] = ordered(late, "execution-5")
    visit = visits()["INV-005"]
    assert visit.start != first, "the case is what it says"
    assert iso(orders.require(result["work_order_id"]).scheduled_start) == iso(visit.start)
    document = document_of(result["work_order_id"])
    assert iso(datetime.fromisoformat(document["scheduled_start"])) == iso(visit.start)


@pytest.mark.parametrize("renamed", [False, True])
def test_an_order_whose_visit_is_over_gets_the_next_visit(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch, renamed: bool
) -> None:
    """Nobody reported the repair, and the fault is still there on the days after: with another name on the
    second day or not, the open order has the time that the calendar has."""
    [first] = ordered(scheduled(1, "execution-1"), "execution-1")
    causes = ("unknown_pattern", "unknown_pattern") if renamed else ("inverter_failure", "inverter_failure")
    for number, cause in enumerate(causes, start=2):
        over = max(visits().values(), key=lambda visit: visit.returns).returns + timedelta(hours=1)
        for module in (scheduling, ordering):
            monkeypatch.setattr(module, "utc_now", lambda moment=over: moment)
        execution = f"execution-{number}"
        schedule = scheduled(1, execution, cause, day=number)
        assert schedule["scheduled"] == 1, "somebody is sent again"
        [again] = ordered(schedule, execution)
        assert (again["status"], again["work_order_id"]) == ("moved", first["work_order_id"])
        coming = [visit for visit in visits().values() if visit.start > over]
        assert len(coming) == 1
        order, document = orders.require(first["work_order_id"]), document_of(first["work_order_id"])
        assert iso(order.scheduled_start) == iso(coming[0].start)
        assert iso(datetime.fromisoformat(document["scheduled_start"])) == iso(coming[0].start)
        assert sum(len(item.bookings) for item in crews.load()) == 1, "visits that are over are lifted"


@pytest.mark.parametrize(
    ("timezone", "zone"),
    [("America/New_York", "America/New_York"), ("Johannesburg", ""), (None, "")],
)
def test_an_order_keeps_the_zone_of_its_site_where_it_is_one(
    cloud: None, timezone: str | None, zone: str
) -> None:
    wanted = request(1)
    job = plan([wanted], [crew(1)]).jobs[0]
    order = build(wanted.finding, job, wanted.asset, wanted.rule, [], now=NOW)
    assert orders.open_once(order, "execution-1", NOW, timezone or "") == "opened"
    assert orders.require(order.work_order_id).zone == zone


def test_an_order_gets_the_zone_of_its_asset(acting: list[Any]) -> None:
    [result] = ordered(scheduled(1, "execution-1"), "execution-1")
    assert orders.require(result["work_order_id"]).zone == "Africa/Johannesburg"
