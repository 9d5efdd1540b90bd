"""The outbox: what happens to an order is told to every system, also to those that fail, time out, answer
late or twice; what people do there happens here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from delivery.config import NotificationRules, QuietHours
from delivery.deliver import digest, notifications, people, sending
from delivery.deliver.told import Told
from ona.config import custom_services, ticketing
from ona.config.custom_services import CustomServices
from ona.config.ticketing import TicketingConfig
from ona.outbox import deliveries
from ona.outbox.signing import secret_of
from ona.repairs import crews, orders
from ona.runtime import http
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy
from ona.store import s3, tables
from tests.builders.plans import NOW
from tests.ticketing import FAULTS, SYSTEMS, Receiver, Server
from tests.unit.ooda.test_operations import CUSTOMER, call, world
from tests.unit.ooda.test_races import _order, _ordered, _scheduled, acting, cloud, deliver

__all__ = ["acting", "cloud", "world"]
MINUTE = timedelta(minutes=1)
SECRET = "ona@example.com:pass"
SIGNING = "test-signing-key"


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch, cloud: None) -> None:
    """Secrets in their place, a queue for what is given up."""
    monkeypatch.setenv("PRIVATE_HOSTS", "127.0.0.1")
    queue = boto3.client("sqs").create_queue(QueueName="outbox-letters")["QueueUrl"]
    monkeypatch.setenv("OUTBOX_DEAD_LETTERS_URL", queue)
    for name, value in (
        ("dev/ticketing-desk", SECRET),
        ("dev/insurance-api-key", "insurer-secret"),
        ("dev/webhook-signing-key", SIGNING),
        ("dev/ticketing-lake", "whsec_" + base64.b64encode(b"lake secret").decode()),
    ):
        boto3.client("ssm").put_parameter(
            Name=f"/ona-platform/{name}", Value=value, Type="SecureString", Overwrite=True
        )


def deliver_with(
    server: Server, kind: str, now: datetime, match: str = "", skip: int = 0
) -> dict[str, Any]:
    """A delivery of which one request goes wrong; nobody waits long for what never comes."""
    patience = http.TIMEOUT_S
    server.fault(kind, match, skip)
    try:
        http.TIMEOUT_S = 0.4 if kind in ("late", "drip") else patience
        return deliver(now)
    finally:
        http.TIMEOUT_S = patience
        server.faults.clear()


def letters() -> list[dict[str, Any]]:
    url = boto3.client("sqs").get_queue_url(QueueName="outbox-letters")["QueueUrl"]
    found = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(item["Body"]) for item in found.get("Messages", [])]


def item(work_order_id: str, place: str) -> dict[str, Any]:
    return tables.get("outbox", {"delivery_id": f"{work_order_id}@{place}"}) or {}


@pytest.fixture(params=list(SYSTEMS))
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One ticketing system, configured for the customer `default`."""
    server = SYSTEMS[request.param]()
    more = {"service_desk_id": "1", "request_type_id": "10"} if request.param == "jira" else {}
    statuses = {server.names[ours]: ours for ours in server.names} if request.param == "jira" else {}
    system = {
        "name": "desk", "kind": request.param, "url": server.url, "customers": [CUSTOMER],
        "secret_parameter": "/ona-platform/prod/ticketing-desk", "statuses": statuses, **more,
    }  # fmt: skip
    found = TicketingConfig.model_validate({"systems": [system]})
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: found)
    yield server
    server.close()


def only(server: Any) -> Any:
    assert len(server.tickets) == 1, [server.text(t)[:40] for t in server.tickets.values()]
    return next(iter(server.tickets.values()))


def opened() -> str:
    """An order of the customer `default`."""
    return str(_ordered(_scheduled(1, "execution-1"), "execution-1")[0]["work_order_id"])


def change(work_order_id: str, **changes: Any) -> dict[str, Any]:
    status = changes.pop("status", None)
    record = orders.job(work_order_id)
    return orders.change(record, changes, by="customer:default", now=NOW, status=status)


# ------------------------------------------------------------------ ticketing systems


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
    assert "lane" not in item(name, "desk"), "nobody asks for a ticket whose order is over"
    assert letters() == []


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
def test_whichever_request_of_a_change_goes_wrong_the_ticket_ends_up_right(
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
        assert desk.status(only(desk)) == orders.job(name)["status"] == status
    assert failed >= 2
    assert letters() == []


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_of_making_a_ticket_makes_no_second_one(
    desk: Any, acting: list[Any], kind: str
) -> None:
    steps = {"jira": ("request", "search", "PUT", "bulkfetch"), "servicenow": ("GET", "POST"),
             "atlas": ("signin", "search", "POST /work-orders")}[desk.kind]  # fmt: skip
    name = opened()
    now = NOW
    for step in steps:
        deliver_with(desk, kind, now, step)
        now += timedelta(hours=1)
    deliver(now)
    assert f"[{name}]" in desk.text(only(desk))
    assert item(name, "desk")["lane"] == "watch"


def test_a_server_that_made_it_twice_gets_no_third_and_the_oldest_counts(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    made = {"jira": "servicedeskapi", "servicenow": "POST", "atlas": "POST /work-orders "}[desk.kind]
    deliver_with(desk, "twice", NOW, made)
    assert len(desk.tickets) == 2, "the case is what it says"
    change(name, status="IN_PROGRESS")
    deliver(NOW + timedelta(hours=1))
    oldest, _ = desk.tickets.values()
    assert desk.status(oldest) == "IN_PROGRESS"


def test_what_people_do_with_the_ticket_happens_to_the_order(desk: Any, acting: list[Any]) -> None:
    name = opened()
    deliver()
    desk.set(only(desk), "IN_PROGRESS")
    assert deliver(NOW + MINUTE)["changed"] == 0, "it is asked every five minutes"
    assert deliver(NOW + 6 * MINUTE)["changed"] == 1
    record = orders.job(name)
    assert record["status"] == "IN_PROGRESS"
    assert record["history"][-1]["by"] == "system:desk"
    held = crews.booking_of(record["finding_key"])
    assert held is not None
    assert held[1].work is None, "a visit that began is not moved any more"
    desk.set(only(desk), "COMPLETE")
    deliver(NOW + 12 * MINUTE)
    assert orders.job(name)["status"] == "COMPLETE"
    version = orders.job(name)["version"]
    for minute in range(13, 40):
        deliver(NOW + minute * MINUTE)
    assert orders.job(name)["version"] == version, "no echo"
    assert desk.status(only(desk)) == "COMPLETE"


def test_a_ticket_closed_at_once_walks_the_order_through_its_legal_moves(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    deliver()
    desk.set(only(desk), "COMPLETE")
    deliver(NOW + 6 * MINUTE)
    assert [entry["status"] for entry in orders.job(name)["history"]] == [
        "OPEN",
        "IN_PROGRESS",
        "COMPLETE",
    ]
    assert orders.job(name)["completed_at"] == iso(NOW + 6 * MINUTE)


def test_both_sides_change_at_once_and_end_up_the_same(desk: Any, acting: list[Any]) -> None:
    name = opened()
    deliver()
    change(name, assignees=["Thandi M."])
    change(name, status="ON_HOLD")
    desk.set(only(desk), "IN_PROGRESS")
    for minute in range(1, 20):
        deliver(NOW + minute * MINUTE)
    assert desk.status(only(desk)) == orders.job(name)["status"] == "IN_PROGRESS"
    assert [entry["status"] for entry in orders.job(name)["history"]][-2:] == ["ON_HOLD", "IN_PROGRESS"]


def test_a_ticket_that_was_deleted_is_a_dead_letter_and_not_made_again(
    desk: Any, acting: list[Any]
) -> None:
    name = opened()
    deliver()
    desk.tickets.clear()
    assert deliver(NOW + 6 * MINUTE)["dead"] == 1
    assert "is gone" in letters()[0]["cause"]
    assert desk.tickets == {}
    assert item(name, "desk")["lane"] == "dead"


@pytest.mark.parametrize("desk", ["jira"], indirect=True)
def test_an_hour_down_loses_nothing_and_is_not_hammered(desk: Any, acting: list[Any]) -> None:
    names = [
        _ordered(_scheduled(n, f"execution-{n}"), f"execution-{n}")[0]["work_order_id"]
        for n in (1, 2, 3, 4, 5)
    ]
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
    told = {desk.status(t) for t in desk.tickets.values() if names[0] in desk.text(t)}
    assert told == {"ON_HOLD"}
    assert "Status: on hold" in "".join(desk.text(t) for t in desk.tickets.values())
    assert letters() == []
    assert {item(name, "desk")["lane"] for name in names} == {"watch"}


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_what_else_is_due_waits_with_three_that_failed(desk: Any, acting: list[Any]) -> None:
    base = {**item(opened(), "desk"), "next_at": iso(NOW)}
    for number in range(12):
        tables.put("outbox", {**base, "delivery_id": f"{base['work_order_id']}-{number}@desk"})
    desk.down = True
    counts = deliver()
    assert (counts["failed"], counts["waiting"]) == (3, 10)
    assert len(desk.requests) == 3
    untouched = [
        known for known in tables.scan("outbox") if known.get("place") == "desk" and not known["attempts"]
    ]
    assert len(untouched) == 10
    assert all(known["next_at"] > iso(NOW) for known in untouched)


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_orders_that_always_fail_do_not_stand_before_the_others(desk: Any, acting: list[Any]) -> None:
    def ordered(*numbers: int) -> list[str]:
        return [
            _ordered(_scheduled(n, f"execution-{n}"), f"execution-{n}")[0]["work_order_id"] for n in numbers
        ]

    poison = ordered(1, 2, 3)
    real = desk.answer

    def poisoned(method: str, path: str, headers: Any, body: Any) -> Any:
        if any(name in json.dumps([path, body]) for name in poison):
            return 500, {"error": "this one breaks us"}
        return real(method, path, headers, body)

    desk.answer = poisoned
    assert [deliver(NOW + timedelta(hours=hour))["failed"] for hour in range(3)] == [3, 3, 3]
    fresh = ordered(4, 5)
    deliver(NOW + timedelta(hours=3))
    assert sorted(
        name for name in fresh if any(name in desk.text(t) for t in desk.tickets.values())
    ) == sorted(fresh)
    assert {item(name, "desk")["attempts"] for name in poison} == {4}, "and they are tried all the same"


def test_what_is_refused_is_a_dead_letter_and_can_be_sent_again(desk: Any, acting: list[Any]) -> None:
    name = opened()
    for _ in range(2):
        desk.fault(
            "refuse", {"jira": "servicedesk", "servicenow": "POST", "atlas": "POST /work-orders"}[desk.kind]
        )
    assert deliver()["dead"] == 1
    [letter] = letters()
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
    assert item(name, "desk")["last_error"].startswith("Busy: ")


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
def test_a_missing_secret_waits_for_its_operator(desk: Any, acting: list[Any]) -> None:
    boto3.client("ssm").delete_parameter(Name="/ona-platform/dev/ticketing-desk")
    name = opened()
    assert deliver()["failed"] == 1
    assert "put-parameter" in item(name, "desk")["last_error"]
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


# ------------------------------------------------------------------ the outbox itself


def test_what_was_changed_is_told_although_its_writer_died(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled = _scheduled(1, "execution-1")
    real = s3.write_json

    def die(bucket: str, key: str, document: Any) -> Any:
        if key.startswith("work-orders/"):
            raise DependencyBusy("died after the record")
        return real(bucket, key, document)

    monkeypatch.setattr(s3, "write_json", die)
    with pytest.raises(DependencyBusy):
        _ordered(scheduled, "execution-1")
    assert deliver()["failed"] == 1, "its document is not there yet"
    monkeypatch.setattr(s3, "write_json", real)
    [result] = _ordered(scheduled, "execution-1")
    assert result["status"] == "ordered"
    deliver(NOW + 5 * MINUTE)
    assert len(acting) == 1
    assert result["work_order_id"] in acting[0][1]


def test_two_senders_at_once_tell_once(acting: list[Any]) -> None:
    opened()
    [due] = deliveries.due("send", NOW, 10)
    assert deliveries.claim(due, NOW) is not None
    assert deliveries.claim(due, NOW) is None
    deliver()
    assert acting == []
    deliver(NOW + timedelta(minutes=6))
    assert len(acting) == 1, "one that died is free after five minutes"


def test_a_change_while_it_is_being_told_is_told_too(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = opened()
    real = notifications.publish

    def meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(notifications, "publish", real)
        change(name, status="IN_PROGRESS")
        real(*arguments)

    monkeypatch.setattr(notifications, "publish", meanwhile)
    deliver()
    deliver(NOW + MINUTE)
    assert ["in progress" in subject for subject, _ in acting] == [False, True]
    assert deliver(NOW + 2 * MINUTE)["told"] == 0


# ------------------------------------------------------------------ webhooks and subscriptions


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def verified(receiver: Receiver, number: int, secret: str) -> dict[str, Any]:
    """A received message, its signature checked as Standard Webhooks' libraries do."""
    _, _, headers, _ = receiver.requests[number]
    body = receiver.bodies[number]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    document: dict[str, Any] = json.loads(body)
    assert headers["webhook-id"] == f"{document['work_order_id']}-v{document['version']}"
    return document


def test_a_subscriber_hears_at_once_and_of_every_change(world: list[str], receiver: Receiver) -> None:
    status, made = call(
        "POST",
        f"/work-orders/{world[0]}/subscriptions",
        {"kind": "webhook", "endpoint": f"{receiver.url}/ona"},
    )
    assert status == 200
    assert made["secret"] == secret_of(SIGNING, made["subscription_id"])
    deliver()
    first = verified(receiver, 0, made["secret"])
    assert (first["event"], first["state"]["status"]) == ("opened", "OPEN")
    assert first["order"]["bill_of_materials"]
    receiver.fault("fail")
    _, answer = call("PATCH", f"/work-orders/{world[0]}", {"version": 1, "status": "IN_PROGRESS"})
    assert [s["subscription_id"] for s in answer["subscriptions"]] == [made["subscription_id"]]
    assert deliver(NOW + MINUTE)["failed"] == 1
    deliver(NOW + 5 * MINUTE)
    second = verified(receiver, 1, made["secret"]) if len(receiver.bodies) == 3 else None
    ids = [headers["webhook-id"] for _, _, headers, _ in receiver.requests]
    assert ids == [f"{world[0]}-v1", f"{world[0]}-v2", f"{world[0]}-v2"], "the same key for the same news"
    assert second is None
    assert json.loads(receiver.bodies[-1])["events"][0]["status"] == "IN_PROGRESS"
    again = call(
        "POST",
        f"/work-orders/{world[0]}/subscriptions",
        {"kind": "webhook", "endpoint": f"{receiver.url}/ona"},
    )[1]
    assert again["subscription_id"] == made["subscription_id"]
    deliver(NOW + 9 * MINUTE)
    assert len(ids) == len(receiver.requests), "asking twice tells nothing twice"
    path = f"/work-orders/{world[0]}/subscriptions/{made['subscription_id']}"
    assert call("DELETE", path)[0] == 200
    assert call("DELETE", path)[0] == 404
    call("PATCH", f"/work-orders/{world[0]}", {"version": 2, "status": "ON_HOLD"})
    deliver(NOW + 12 * MINUTE)
    assert len(ids) == len(receiver.requests)
    secrets = json.dumps([tables.scan("outbox"), tables.scan("tracking")])
    assert made["secret"] not in secrets


PRIVATE = {
    "http://example.com/x": "https",
    "https://localhost/x": "public",
    "https://169.254.169.254/latest/meta-data": "public",
    "https://10.0.0.7/x": "public",
    "https://[::1]/x": "public",
    "https://user:pass@example.com/x": "without user",
    "https://example.com:port/": "port",
    "ftp://127.0.0.1/x": "https",
    "nonsense": "https",
}


def test_a_webhook_that_is_not_on_the_internet_is_refused(world: list[str]) -> None:
    for endpoint, why in PRIVATE.items():
        status, [error] = call(
            "POST", f"/work-orders/{world[0]}/subscriptions", {"kind": "webhook", "endpoint": endpoint}
        )
        assert (status, error["field"]) == (400, "endpoint"), endpoint
        assert why in error["message"]


def test_a_host_that_moves_to_a_private_address_after_it_was_subscribed_is_not_reached(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["93.184.216.34"]
    monkeypatch.setattr(
        http.socket, "getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", (a, port)) for a in addresses]
    )
    body = {"kind": "webhook", "endpoint": "https://rebinding.example.com/x"}
    assert call("POST", f"/work-orders/{world[0]}/subscriptions", body)[0] == 200
    addresses[:] = ["93.184.216.34", "127.0.0.1"]
    assert deliver()["dead"] == 1
    assert "not on the public internet" in letters()[0]["cause"]


def test_subscriptions_are_their_customers_own_and_not_without_end(world: list[str]) -> None:
    path = f"/work-orders/{world[0]}/subscriptions"
    assert call("POST", path, {"kind": "email", "endpoint": "a@example.com"}, customer="stranger")[0] == 404
    assert call("POST", path, {"kind": "email", "endpoint": "a@b@example.com"})[0] == 400
    assert call("POST", path, {"kind": "fax", "endpoint": "a@example.com"})[0] == 400
    for number in range(orders.MOST_SUBSCRIPTIONS):
        assert call("POST", path, {"kind": "email", "endpoint": f"a{number}@example.com"})[0] == 200
    status, [error] = call("POST", path, {"kind": "email", "endpoint": "one-more@example.com"})
    assert (status, error["code"]) == (409, "CONFLICT")
    assert orders.job(world[0])["version"] == 1, "who is told is no change of the order"


def test_a_subscription_made_while_an_order_changes_misses_nothing(
    world: list[str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = deliveries.wanted

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(deliveries, "wanted", real)
        writes = real(*arguments)
        body = {"kind": "webhook", "endpoint": receiver.url}
        assert call("POST", f"/work-orders/{world[0]}/subscriptions", body)[0] == 200
        deliver()
        return writes

    monkeypatch.setattr(deliveries, "wanted", meanwhile)
    assert call("PATCH", f"/work-orders/{world[0]}", {"version": 1, "status": "ON_HOLD"})[0] == 200
    deliver(NOW + MINUTE)
    assert [json.loads(body)["state"]["status"] for body in receiver.bodies] == ["OPEN", "ON_HOLD"]


def test_a_configured_webhook_gets_every_order(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = {"name": "lake", "kind": "webhook", "url": receiver.url,
            "secret_parameter": "/ona-platform/prod/ticketing-lake"}  # fmt: skip
    found = TicketingConfig.model_validate({"systems": [lake]})
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: found)
    name = opened()
    deliver()
    secret = "whsec_" + base64.b64encode(b"lake secret").decode()
    assert verified(receiver, 0, secret)["work_order_id"] == name
    assert "lane" not in item(name, "lake")


# ------------------------------------------------------------------ people


class Mail:
    """SNS as far as people see it: who is subscribed, who said yes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, str, dict[str, str], str]] = []
        self.invited: list[str] = []
        self.answer: bool | None = True
        monkeypatch.setattr(notifications, "publish", lambda *told: self.sent.append(told))
        monkeypatch.setattr(notifications, "invite", self._invite)
        monkeypatch.setattr(notifications, "subscribers", self._subscribers)

    def _invite(self, address: str, name: str) -> None:
        self.invited.append(address)

    def _subscribers(self) -> dict[str, bool]:
        return {} if self.answer is None else dict.fromkeys(self.invited, self.answer)

    def to(self, topic: str) -> list[tuple[str, str, dict[str, str], str]]:
        return [told for told in self.sent if told[3] == topic and told[2]["event"] != "daily_digest"]


@pytest.fixture
def mail(world: list[str], monkeypatch: pytest.MonkeyPatch) -> Mail:
    made = Mail(monkeypatch)
    deliver()
    made.sent.clear()
    return made


def test_mail_waits_until_its_owner_said_yes(world: list[str], mail: Mail) -> None:
    body = {"kind": "email", "endpoint": "thandi@example.com"}
    mail.answer = False
    for name in world[:2]:
        assert call("POST", f"/work-orders/{name}/subscriptions", body)[0] == 200
    deliver()
    deliver(NOW + 15 * MINUTE)
    assert mail.to(notifications.SUBSCRIBERS) == []
    assert mail.invited == ["thandi@example.com"], "one question, for two orders and two tries"
    mail.answer = True
    deliver(NOW + 60 * MINUTE)
    told = mail.to(notifications.SUBSCRIBERS)
    assert len(told) == 2
    assert {attributes["to"] for _, _, attributes, _ in told} == {
        deliveries.mail("Thandi@example.com").name
    }


def test_who_left_is_not_asked_again_until_somebody_subscribes_them(world: list[str], mail: Mail) -> None:
    body = {"kind": "email", "endpoint": "thandi@example.com"}
    call("POST", f"/work-orders/{world[0]}/subscriptions", body)
    deliver()
    mail.answer = None
    call("PATCH", f"/work-orders/{world[0]}", {"version": 1, "status": "IN_PROGRESS"})
    assert deliver(NOW + timedelta(hours=1))["dead"] == 0
    call("PATCH", f"/work-orders/{world[0]}", {"version": 2, "status": "ON_HOLD"})
    deliver(NOW + timedelta(hours=2))
    assert mail.invited == ["thandi@example.com"]
    assert len(mail.to(notifications.SUBSCRIBERS)) == 1
    mail.answer = True
    call("POST", f"/work-orders/{world[1]}/subscriptions", body)
    deliver(NOW + timedelta(hours=3))
    assert len(mail.invited) == 2
    assert len(mail.to(notifications.SUBSCRIBERS)) == 2


def rules(**changes: Any) -> NotificationRules:
    base = {"timezone": "Africa/Johannesburg", "quiet_hours": {"start": "18:00", "end": "06:00"},
            "always": ["critical"], "single_messages": 3, "messages_an_hour": 6,
            "digest": None}  # fmt: skip
    return NotificationRules.model_validate({**base, **changes})


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2025-06-11T17:59", None),
        ("2025-06-11T18:00", "2025-06-12T06:00"),
        ("2025-06-12T05:59", "2025-06-12T06:00"),
        ("2025-06-12T06:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(local: str, until: str | None) -> None:
    now = datetime.fromisoformat(f"{local}:30+02:00")
    end = people.quiet_until(
        QuietHours.model_validate({"start": "18:00", "end": "06:00"}), "Africa/Johannesburg", now
    )
    assert end == (None if until is None else datetime.fromisoformat(f"{until}:00+02:00"))


def _night(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> datetime:
    monkeypatch.setattr(sending, "notification_rules", lambda: rules(**changes))
    return datetime.fromisoformat("2025-06-11T20:00:00+00:00")


def test_at_night_only_what_cannot_wait_is_told_and_the_rest_in_the_morning_as_it_stands(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    night = _night(monkeypatch)
    names = [
        _ordered(_scheduled(n, f"execution-{n}"), f"execution-{n}")[0]["work_order_id"] for n in (1, 2)
    ]
    table = "tracking"
    tables.update(table, {"job_id": names[0]}, "SET priority = :low", {":low": "low"})
    deliver(night)
    assert [names[1] in text for _, text in acting] == [True]
    change(names[0], status="ON_HOLD")
    for hour in range(1, 8):
        deliver(night + timedelta(hours=hour))
    assert len(acting) == 1
    morning = datetime.fromisoformat("2025-06-12T04:00:00+00:00")
    deliver(morning)
    assert len(acting) == 2
    assert names[0] in acting[1][1]
    assert "on hold" in acting[1][1], "how it stands, not how it went"


def test_forty_orders_at_once_are_one_message(monkeypatch: pytest.MonkeyPatch, world: list[str]) -> None:
    sent = Mail(monkeypatch)
    record, base = orders.job(world[0]), people.note_of(item(world[0], "operators"))
    notes = []
    for number in range(40):
        name = f"{record['job_id'][:-2]}{number:02d}"
        tables.put("outbox", {**base.item, "delivery_id": f"{name}@operators"})
        fresh = {**base.item, "delivery_id": f"{name}@operators"}
        priority = "high" if number else "critical"
        notes.append(replace(base, item=fresh, priority=priority, version=1))
    teller = people.Teller(deliveries.Place("operators", "people"), rules(), NOW)
    teller.tell(notes)
    assert teller.counts == {"messages": 1, "told": 40, "waiting": 0}
    subject, text, attributes, _ = sent.sent[0]
    assert subject == "[critical] 40 work orders"
    assert len(text.splitlines()) == 44
    assert len(json.loads(attributes["orders"])) == 40


def test_what_was_told_before_a_failure_is_not_told_again(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Mail(monkeypatch)

    def second_fails(*told: Any) -> None:
        if len(sent.sent) == 2:
            raise DependencyBusy("SNS throttles")
        sent.sent.append(told)

    monkeypatch.setattr(sending, "notification_rules", lambda: rules(single_messages=9))
    monkeypatch.setattr(notifications, "publish", second_fails)
    assert deliver()["failed"] == 2
    monkeypatch.setattr(notifications, "publish", lambda *told: sent.sent.append(told))
    deliver(NOW + 5 * MINUTE)
    told = [attributes["work_order_id"] for _, _, attributes, _ in sent.sent]
    assert sorted(told) == sorted(world)


def test_a_recipient_gets_so_many_messages_an_hour_and_the_rest_as_one(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "notification_rules", lambda: rules(messages_an_hour=2, always=[]))
    name = opened()
    for minute in range(0, 50, 10):
        change(name, assignees=[f"person {minute}"])
        deliver(NOW + minute * MINUTE)
    assert len(acting) == 2
    deliver(datetime.fromisoformat("2025-06-11T10:00:00+00:00"))
    assert len(acting) == 3
    assert acting[-1][1].count("Changed: assignees") == 3
    monkeypatch.setattr(
        sending, "notification_rules", lambda: rules(messages_an_hour=1, always=["critical"])
    )
    for minute in range(0, 50, 5):
        change(name, assignees=[f"person {minute}"])
        deliver(datetime.fromisoformat("2025-06-11T11:00:00+00:00") + minute * MINUTE)
    assert len(acting) == 3 + 1 + 4, "what cannot wait is told every ten minutes"


def test_a_digest_comes_once_a_day_at_its_time(acting: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sending, "notification_rules", lambda: rules(digest={"at": "07:00", "days": ["wednesday"]})
    )
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(notifications, "publish", lambda s, t, a, _: told.append((a["event"], t)))
    names = [
        _ordered(_scheduled(n, f"execution-{n}"), f"execution-{n}")[0]["work_order_id"] for n in (1, 2)
    ]
    change(names[1], status="IN_PROGRESS")
    deliver(datetime.fromisoformat("2025-06-11T04:59:00+00:00"))
    assert "daily_digest" not in dict(told)
    for minute in (0, 1, 30, 600):
        deliver(datetime.fromisoformat("2025-06-11T05:00:00+00:00") + minute * MINUTE)
    [text] = [text for event, text in told if event == "daily_digest"]
    assert "2 open orders (2 critical), losing 160.00 USD a day." in text
    assert all(name in text for name in names) or "Today: no visits" in text
    deliver(datetime.fromisoformat("2025-06-12T06:00:00+00:00"))
    assert [event for event, _ in told].count("daily_digest") == 1, "Thursday is not named"


def test_the_digest_says_what_is_late_and_what_nobody_could_be_told(world: list[str]) -> None:
    records = [orders.job(name) for name in world[:3]]
    records[0]["due_date"] = iso(NOW - timedelta(days=2))
    records[1]["status"] = "COMPLETE"
    records[1]["history"].append({"status": "COMPLETE", "at": iso(NOW), "by": "x", "event": "status"})
    subject, text = digest.compose(records, 3, "Africa/Johannesburg", NOW)
    assert "2 open orders" in subject
    assert f"due Mon 09 Jun {world[0]}" in text
    assert "1 complete, waiting for telemetry" in text
    assert "1 completed" in text
    assert "3 messages could not be delivered: ./ona outbox list" in text
    assert digest.compose([], 0, "Africa/Johannesburg", NOW)[1].count("no visits") == 2


# ------------------------------------------------------------------ insurance


def insured(monkeypatch: pytest.MonkeyPatch, url: str, **changes: Any) -> None:
    service = {"enabled": True, "api_endpoint": url, "claim_threshold_usd": 1000, "auto_submission": True,
               "api_key_parameter": "/ona-platform/prod/insurance-api-key", **changes}  # fmt: skip
    found = CustomServices.model_validate({"insurance_automation": service})
    monkeypatch.setattr(custom_services, "custom_services_config", lambda: found)


def test_a_claim_is_sent_once_follows_its_order_and_is_withdrawn(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    insured(monkeypatch, receiver.url)
    name = opened()
    deliver_with(receiver, "late", NOW)
    deliver(NOW + 5 * MINUTE)
    paths = {path for _, path, _, _ in receiver.requests}
    assert paths == {f"/claims/{name}"}
    assert receiver.requests[0][2]["authorization"] == "Bearer insurer-secret"
    keys = [headers["idempotency-key"] for _, _, headers, _ in receiver.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    claim = json.loads(receiver.bodies[-1])
    order = _order(name)
    assert claim["repair_cost_usd"] == order["total_cost_usd"]
    assert claim["claim_usd"] == pytest.approx(
        order["total_cost_usd"] + order["energy_at_risk"]["total_risk_usd"], abs=0.02
    )
    assert item(name, "insurance")["ticket"] == "CL-1"
    change(name, assignees=["Thandi M."])
    deliver(NOW + 7 * MINUTE)
    assert len(receiver.requests) == 2, "what the insurer does not need to know is not sent"
    change(name, status="CANCELLED")
    deliver(NOW + 9 * MINUTE)
    assert json.loads(receiver.bodies[-1])["state"] == "withdrawn"
    assert json.loads(receiver.bodies[-1])["claim_usd"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"enabled": False}, None), ({"claim_threshold_usd": 1e6}, None),
     ({"auto_submission": False}, "not sent: auto_submission is off")],
)  # fmt: skip
def test_nothing_is_claimed_below_the_threshold_or_without_being_told_to(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch, changes: Any, said: str | None
) -> None:
    insured(monkeypatch, receiver.url, **changes)
    opened()
    deliver()
    assert receiver.requests == []
    assert (said in acting[0][1]) if said else ("Claim:" not in acting[0][1])


def test_the_shipped_configuration_tells_nobody_outside() -> None:
    assert ticketing.ticketing_config().systems == []
    assert custom_services.custom_services_config().insurance_automation.enabled is False
    assert deliveries.places({"job_id": "x", "at_stake_usd": 1e9}) == [
        deliveries.Place("operators", "people")
    ]


def test_a_line_of_history_is_told_in_words() -> None:
    line = Told.line(
        {"at": iso(NOW), "event": "changed", "fields": ["due_date"], "by": "x", "note": "rain"}
    )
    assert line == "Wed 11 Jun 09:03 UTC  Changed: due date, by x: rain"


def test_back_off_grows_and_ends() -> None:
    waits = [sending.backoff(attempts) for attempts in range(12)]
    assert all(timedelta(seconds=45) <= wait <= timedelta(minutes=30) for wait in waits)
    assert waits[5] > waits[0] * 10
