"""Ticketing systems: an order becomes one ticket, also when they fail, time out, answer late or twice; what
people do with it happens to the order."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from ona.repairs import crews, orders
from ona.runtime.clock import iso
from ona.store import tables
from tests.builders.delivery import MINUTE, SECRET, deliver_with
from tests.builders.orders import change, dead_letters, deliver, opened, outbox_item
from tests.builders.plans import NOW
from tests.fakes.ticketing import FAULTS


def only(server: Any) -> Any:
    assert len(server.tickets) == 1, [server.text(t)[:40] for t in server.tickets.values()]
    return next(iter(server.tickets.values()))


def test_an_order_becomes_a_ticket_that_follows_it(desk: Any, acting: list[Any]) -> None:
    name = opened()
    assert deliver()["failed"] == 0
    ticket = only(desk)
    assert f"[{name}]" in desk.text(ticket)
    assert "SG110CX-PM-R" in desk.text(ticket)
    assert desk.status(ticket) == "OPEN"
    change(name, status="IN_PROGRESS", assignees=["Thandi M."])
    deliver(NOW + MINUTE)
    assert desk.status(only(desk)) == "IN_PROGRESS"
    change(name, status="ON_HOLD")
    deliver(NOW + 2 * MINUTE)
    assert desk.status(only(desk)) == "ON_HOLD"
    assert "Status: in progress, by customer:default" in desk.text(only(desk))
    change(name, status="CANCELLED")
    deliver(NOW + 3 * MINUTE)
    assert desk.status(only(desk)) == ("COMPLETE" if desk.kind == "atlas" else "CANCELLED")
    assert "lane" not in outbox_item(name, "desk"), "nobody asks for a ticket whose order is over"
    assert dead_letters() == []


def test_the_secret_goes_into_the_header_and_nowhere_else(
    desk: Any, acting: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    opened()
    desk.fault("fail")
    deliver()
    deliver(NOW + 5 * MINUTE)
    kinds = {"atlas": "Bearer jwt", "jira": "Basic ", "servicenow": "Basic "}
    sent = [headers["authorization"] for _, path, headers, _ in desk.requests if "signin" not in path]
    assert sent
    assert all(value.startswith(kinds[desk.kind]) for value in sent)
    stored = json.dumps([tables.scan("outbox"), tables.scan("tracking")])
    for secret in (SECRET, base64.b64encode(SECRET.encode()).decode(), desk.url):
        assert secret not in stored
        assert secret not in capsys.readouterr().out


@pytest.mark.parametrize("kind", FAULTS)
def test_the_ticket_ends_up_right_after_a_failure_of_any_request(
    desk: Any, acting: list[Any], kind: str
) -> None:
    name = opened()
    deliver()
    now, failed = NOW, 0
    for skip, status in enumerate(("IN_PROGRESS", "ON_HOLD", "IN_PROGRESS", "COMPLETE")):
        change(name, status=status)
        now += timedelta(hours=1)
        failed += deliver_with(desk, kind, now, skip=skip)["failed"]
        now += timedelta(hours=1)
        deliver(now)
        assert desk.status(only(desk)) == orders.require(name).status == status
    assert failed >= 2
    assert dead_letters() == []


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_of_making_a_ticket_makes_no_second_one(
    desk: Any, acting: list[Any], kind: str
) -> None:
    steps = {
        "jira": ("request", "search", "PUT", "bulkfetch"),
        "servicenow": ("GET", "POST"),
        "atlas": ("signin", "search", "POST /work-orders"),
    }[desk.kind]
    name = opened()
    now = NOW
    for step in steps:
        deliver_with(desk, kind, now, step)
        now += timedelta(hours=1)
    deliver(now)
    assert f"[{name}]" in desk.text(only(desk))
    assert outbox_item(name, "desk")["lane"] == "watch"


def test_of_two_tickets_of_one_order_the_oldest_counts_and_no_third_is_made(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    creating = {"jira": "servicedeskapi", "servicenow": "POST", "atlas": "POST /work-orders "}[desk.kind]
    deliver_with(desk, "twice", NOW, creating)
    assert len(desk.tickets) == 2, "the case is what it says"
    change(name, status="IN_PROGRESS")
    deliver(NOW + timedelta(hours=1))
    oldest, _ = desk.tickets.values()
    assert desk.status(oldest) == "IN_PROGRESS"


def test_a_change_of_the_ticket_changes_the_order(desk: Any, acting: list[Any]) -> None:
    name = opened()
    deliver()
    desk.set(only(desk), "IN_PROGRESS")
    assert deliver(NOW + MINUTE)["changed"] == 0, "it is asked every five minutes"
    assert deliver(NOW + 6 * MINUTE)["changed"] == 1
    order = orders.require(name)
    assert order.status == "IN_PROGRESS"
    assert order.history[-1].by == "system:desk"
    visit = crews.holder(crews.load(), order.finding_key)
    assert visit is not None
    assert visit[1].work is None, "a visit that began is not moved any more"
    desk.set(only(desk), "COMPLETE")
    deliver(NOW + 12 * MINUTE)
    assert orders.require(name).status == "COMPLETE"
    version = orders.require(name).version
    for minute in range(13, 40):
        deliver(NOW + minute * MINUTE)
    assert orders.require(name).version == version, "no echo"
    assert desk.status(only(desk)) == "COMPLETE"


def test_a_ticket_closed_at_once_walks_the_order_through_its_legal_moves(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    deliver()
    desk.set(only(desk), "COMPLETE")
    deliver(NOW + 6 * MINUTE)
    assert [line.status for line in orders.require(name).history] == [
        "OPEN",
        "IN_PROGRESS",
        "COMPLETE",
    ]
    assert orders.require(name).completed_at == NOW.replace(second=0, microsecond=0) + 6 * MINUTE


def test_both_sides_change_at_once_and_end_up_the_same(desk: Any, acting: list[Any]) -> None:
    name = opened()
    deliver()
    change(name, assignees=["Thandi M."])
    change(name, status="ON_HOLD")
    desk.set(only(desk), "IN_PROGRESS")
    for minute in range(1, 20):
        deliver(NOW + minute * MINUTE)
    assert desk.status(only(desk)) == orders.require(name).status == "IN_PROGRESS"
    assert [line.status for line in orders.require(name).history][-2:] == ["ON_HOLD", "IN_PROGRESS"]


def test_a_ticket_that_was_deleted_is_a_dead_letter_and_not_made_again(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    deliver()
    desk.tickets.clear()
    assert deliver(NOW + 6 * MINUTE)["dead"] == 1
    assert "is gone" in dead_letters()[0]["cause"]
    assert desk.tickets == {}
    assert outbox_item(name, "desk")["lane"] == "dead"


@pytest.mark.parametrize("desk", ["jira"], indirect=True)
def test_an_hour_down_loses_nothing_and_is_not_hammered(desk: Any, acting: list[Any]) -> None:
    names = [opened(n) for n in (1, 2, 3, 4, 5)]
    desk.down = True
    for minute in range(60):
        if minute == 20:
            change(names[0], status="IN_PROGRESS")
        if minute == 40:
            change(names[0], status="ON_HOLD")
        deliver(NOW + minute * MINUTE)
    asked = len(desk.requests)
    assert desk.tickets == {}
    assert 10 < asked < 150, "three tries a minute would be more"
    desk.down = False
    for minute in range(60, 125):
        deliver(NOW + minute * MINUTE)
    assert len(desk.tickets) == len(names)
    statuses = {desk.status(t) for t in desk.tickets.values() if names[0] in desk.text(t)}
    assert statuses == {"ON_HOLD"}
    assert "Status: on hold" in "".join(desk.text(t) for t in desk.tickets.values())
    assert dead_letters() == []
    assert {outbox_item(name, "desk")["lane"] for name in names} == {"watch"}


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_other_deliveries_of_a_system_wait_after_three_failures(desk: Any, acting: list[Any]) -> None:
    base = {**outbox_item(opened(), "desk"), "next_at": iso(NOW)}
    for number in range(12):
        tables.put("outbox", {**base, "delivery_id": f"{base['work_order_id']}-{number}@desk"})
    desk.down = True
    counts = deliver()
    assert (counts["failed"], counts["waiting"]) == (3, 10)
    assert len(desk.requests) == 3
    untouched = [
        item for item in tables.scan("outbox") if item.get("place") == "desk" and not item["attempts"]
    ]
    assert len(untouched) == 10
    assert all(item["next_at"] > iso(NOW) for item in untouched)


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_orders_that_always_fail_do_not_stand_before_the_others(desk: Any, acting: list[Any]) -> None:
    poison = [opened(number) for number in (1, 2, 3)]
    real = desk.answer

    def poisoned(method: str, path: str, headers: Any, body: Any) -> Any:
        if any(name in json.dumps([path, body]) for name in poison):
            return 500, {"error": "this one breaks us"}
        return real(method, path, headers, body)

    desk.answer = poisoned
    assert [deliver(NOW + timedelta(hours=hour))["failed"] for hour in range(3)] == [3, 3, 3]
    fresh = [opened(number) for number in (4, 5)]
    deliver(NOW + timedelta(hours=3))
    assert sorted(
        name for name in fresh if any(name in desk.text(t) for t in desk.tickets.values())
    ) == sorted(fresh)
    assert {outbox_item(name, "desk")["attempts"] for name in poison} == {4}, (
        "and they are tried all the same"
    )


def test_a_refused_delivery_is_a_dead_letter_and_can_be_sent_again(desk: Any, acting: list[Any]) -> None:
    name = opened()
    for _ in range(2):
        desk.fault(
            "refuse", {"jira": "servicedesk", "servicenow": "POST", "atlas": "POST /work-orders"}[desk.kind]
        )
    assert deliver()["dead"] == 1
    [letter] = dead_letters()
    assert letter["delivery_id"] == f"{name}@desk"
    assert "HTTP 400: " in letter["cause"]
    assert "refuse on purpose" in letter["cause"]
    assert deliver(NOW + timedelta(days=1))["dead"] == 0
    desk.faults.clear()
    change(name, assignees=["Thandi M."])  # any change tries again; so does `ona outbox redrive`
    deliver(NOW + timedelta(days=1, minutes=1))
    assert f"[{name}]" in desk.text(only(desk))


@pytest.mark.parametrize("desk", ["jira"], indirect=True)
def test_a_project_without_due_dates_still_gets_its_tickets(desk: Any, acting: list[Any]) -> None:
    real = desk.answer

    def strict(method: str, path: str, headers: Any, body: Any) -> Any:
        if method == "PUT" and "duedate" in body["fields"]:
            return 400, {"errors": {"duedate": "Field 'duedate' cannot be set. It is not on the screen."}}
        return real(method, path, headers, body)

    desk.answer = strict
    name = opened()
    assert deliver()["dead"] == 0
    assert f"[{name}]" in desk.text(only(desk))


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_after_three_days_it_is_given_up(desk: Any, acting: list[Any]) -> None:
    name = opened()
    desk.down = True
    dead, hours = 0, 0
    while not dead and hours < 100:
        dead = deliver(NOW + timedelta(hours=hours))["dead"]
        hours += 4
    assert 72 <= hours <= 80
    assert outbox_item(name, "desk")["last_error"].startswith("Busy: ")


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_a_missing_secret_waits_for_its_operator(desk: Any, acting: list[Any]) -> None:
    boto3.client("ssm").delete_parameter(Name="/ona-platform/dev/ticketing-desk")
    name = opened()
    assert deliver()["failed"] == 1
    assert "put-parameter" in outbox_item(name, "desk")["last_error"]
    boto3.client("ssm").put_parameter(
        Name="/ona-platform/dev/ticketing-desk", Value=SECRET, Type="SecureString"
    )
    deliver(NOW + timedelta(hours=1))
    assert f"[{name}]" in desk.text(only(desk))


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_other_customers_orders_go_elsewhere(desk: Any, world: list[str]) -> None:
    deliver()
    assert len(desk.tickets) == 3
    assert not any(world[3] in desk.text(ticket) for ticket in desk.tickets.values())
