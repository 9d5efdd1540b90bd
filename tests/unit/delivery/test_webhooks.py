"""Webhooks and subscriptions: signed, delivered at least once, and only to the public internet."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from ona.config import ticketing
from ona.config.ticketing import TicketingConfig
from ona.outbox import deliveries
from ona.outbox.signing import secret_of
from ona.repairs import orders, subscriptions
from ona.runtime import http
from ona.store import tables
from tests.builders.delivery import MINUTE, SIGNING
from tests.builders.orders import call, dead_letters, deliver, opened, outbox_item
from tests.builders.plans import NOW
from tests.fakes.ticketing import Receiver


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
    status, subscription = call(
        "POST",
        f"/work-orders/{world[0]}/subscriptions",
        {"kind": "webhook", "endpoint": f"{receiver.url}/ona"},
    )
    assert status == 200
    assert subscription["secret"] == secret_of(SIGNING, subscription["subscription_id"])
    deliver()
    first = verified(receiver, 0, subscription["secret"])
    assert (first["event"], first["state"]["status"]) == ("opened", "OPEN")
    assert first["order"]["bill_of_materials"]
    receiver.fault("fail")
    _, answer = call("PATCH", f"/work-orders/{world[0]}", {"version": 1, "status": "IN_PROGRESS"})
    assert [s["subscription_id"] for s in answer["subscriptions"]] == [subscription["subscription_id"]]
    assert deliver(NOW + MINUTE)["failed"] == 1
    deliver(NOW + 5 * MINUTE)
    second = verified(receiver, 1, subscription["secret"]) if len(receiver.bodies) == 3 else None
    ids = [headers["webhook-id"] for _, _, headers, _ in receiver.requests]
    assert ids == [f"{world[0]}-v1", f"{world[0]}-v2", f"{world[0]}-v2"], "the same key for the same news"
    assert second is None
    assert json.loads(receiver.bodies[-1])["events"][0]["status"] == "IN_PROGRESS"
    again = call(
        "POST",
        f"/work-orders/{world[0]}/subscriptions",
        {"kind": "webhook", "endpoint": f"{receiver.url}/ona"},
    )[1]
    assert again["subscription_id"] == subscription["subscription_id"]
    deliver(NOW + 9 * MINUTE)
    assert len(ids) == len(receiver.requests), "asking twice tells nothing twice"
    path = f"/work-orders/{world[0]}/subscriptions/{subscription['subscription_id']}"
    assert call("DELETE", path)[0] == 200
    assert call("DELETE", path)[0] == 404
    call("PATCH", f"/work-orders/{world[0]}", {"version": 2, "status": "ON_HOLD"})
    deliver(NOW + 12 * MINUTE)
    assert len(ids) == len(receiver.requests)
    secrets = json.dumps([tables.scan("outbox"), tables.scan("tracking")])
    assert subscription["secret"] not in secrets


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
    assert "not on the public internet" in dead_letters()[0]["cause"]


def test_subscriptions_belong_to_their_customer_and_are_limited(world: list[str]) -> None:
    path = f"/work-orders/{world[0]}/subscriptions"
    assert call("POST", path, {"kind": "email", "endpoint": "a@example.com"}, customer="stranger")[0] == 404
    assert call("POST", path, {"kind": "email", "endpoint": "a@b@example.com"})[0] == 400
    assert call("POST", path, {"kind": "fax", "endpoint": "a@example.com"})[0] == 400
    for number in range(subscriptions.MOST_SUBSCRIPTIONS):
        assert call("POST", path, {"kind": "email", "endpoint": f"a{number}@example.com"})[0] == 200
    status, [error] = call("POST", path, {"kind": "email", "endpoint": "one-more@example.com"})
    assert (status, error["code"]) == (409, "CONFLICT")
    assert orders.require(world[0]).version == 1, "who is told is no change of the order"


def test_a_subscription_made_while_an_order_changes_misses_nothing(
    world: list[str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = deliveries.enqueue

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(deliveries, "enqueue", real)
        writes = real(*arguments)
        body = {"kind": "webhook", "endpoint": receiver.url}
        assert call("POST", f"/work-orders/{world[0]}/subscriptions", body)[0] == 200
        deliver()
        return writes

    monkeypatch.setattr(deliveries, "enqueue", meanwhile)
    assert call("PATCH", f"/work-orders/{world[0]}", {"version": 1, "status": "ON_HOLD"})[0] == 200
    deliver(NOW + MINUTE)
    assert [json.loads(body)["state"]["status"] for body in receiver.bodies] == ["OPEN", "ON_HOLD"]


def test_a_configured_webhook_gets_every_order(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = {
        "name": "lake",
        "kind": "webhook",
        "url": receiver.url,
        "secret_parameter": "/ona-platform/prod/ticketing-lake",
    }
    config = TicketingConfig.model_validate({"systems": [lake]})
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: config)
    name = opened()
    deliver()
    secret = "whsec_" + base64.b64encode(b"lake secret").decode()
    assert verified(receiver, 0, secret)["work_order_id"] == name
    assert "lane" not in outbox_item(name, "lake")
