"""What is switched off waits in the outbox, and is sent once when it is switched on; the rest goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ona.config import ticketing
from ona.config.ticketing import TicketingConfig
from tests.builders.delivery import MINUTE
from tests.builders.flags import switched
from tests.builders.orders import change, dead_letters, deliver, opened, outbox_item
from tests.builders.plans import NOW
from tests.fakes.ticketing import Receiver
from tests.unit.delivery.test_insurance import insured


def lake(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    system = {"name": "lake", "kind": "webhook", "url": url}
    secret = {"secret_parameter": "/ona-platform/prod/ticketing-lake"}
    config = TicketingConfig.model_validate({"systems": [{**system, **secret}]})
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: config)


def test_webhooks_wait_and_are_sent_as_the_order_stands_then(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake(monkeypatch, receiver.url)
    switched(monkeypatch, webhooks=False)
    name = opened()
    counts = deliver()
    assert (counts["waiting"], receiver.requests) == (1, [])
    assert acting, "people are told all the same"
    change(name, status="IN_PROGRESS")
    for minutes in range(6, 5000, 600):  # more than three days: nothing is given up
        deliver(NOW + minutes * MINUTE)
    assert (receiver.requests, dead_letters()) == ([], [])
    switched(monkeypatch, webhooks=True)
    deliver(NOW + 5100 * MINUTE)
    assert [json.loads(body)["state"]["status"] for body in receiver.bodies] == ["IN_PROGRESS"]


def test_a_claim_waits(acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    insured(monkeypatch, receiver.url)
    switched(monkeypatch, insurance_automation=False, webhooks=True)
    name = opened()
    deliver()
    assert receiver.requests == []
    switched(monkeypatch, insurance_automation=True, webhooks=False)
    deliver(NOW + 6 * MINUTE)
    assert [path for _, path, _, _ in receiver.requests] == [f"/claims/{name}"]


def test_a_ticketing_system_is_neither_told_nor_asked(
    acting: list[Any], desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = opened()
    deliver()
    ticket = outbox_item(name, "desk")["ticket"]
    assert ticket
    before = len(desk.requests)
    switched(monkeypatch, ticketing=False)
    deliver(NOW + 30 * MINUTE)
    assert len(desk.requests) == before, "its tickets are not asked for"
    switched(monkeypatch, ticketing=True)
    deliver(NOW + 60 * MINUTE)
    assert len(desk.requests) > before
    assert outbox_item(name, "desk")["ticket"] == ticket
