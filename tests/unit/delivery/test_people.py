"""Telling people: who confirmed an address, quiet hours, many as one message, never a flood."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import delivery.config
from delivery.config import QuietHours
from delivery.deliver import notifications, people
from delivery.deliver.quiet_hours import quiet_until
from ona.documents.work_orders import Priority
from ona.outbox.addresses import by_mail
from ona.outbox.items import OPERATORS, Recipient, parse
from ona.runtime.errors import DependencyBusy
from ona.store import tables
from tests.builders.delivery import MINUTE, rules
from tests.builders.orders import call, change, deliver, opened, outbox_item
from tests.builders.plans import NOW
from tests.fakes.sns import Mail


def test_mail_waits_until_its_owner_has_confirmed(world: list[str], mail: Mail) -> None:
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
    sent = mail.to(notifications.SUBSCRIBERS)
    assert len(sent) == 2
    own = notifications.own_topic("default", by_mail("Thandi@example.com").name)
    assert {topic for _, _, _, topic in sent} == {own}


def test_an_address_that_unsubscribed_is_invited_again_only_by_a_new_subscription(
    world: list[str], mail: Mail
) -> None:
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
    end = quiet_until(
        QuietHours.model_validate({"start": "18:00", "end": "06:00"}), "Africa/Johannesburg", now
    )
    assert end == (None if until is None else datetime.fromisoformat(f"{until}:00+02:00"))


def _night(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> datetime:
    monkeypatch.setattr(delivery.config, "notification_rules", lambda: rules(**changes))
    return datetime.fromisoformat("2025-06-11T20:00:00+00:00")


def test_quiet_hours_let_urgent_messages_through_and_the_rest_comes_in_the_morning(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    night = _night(monkeypatch)
    names = [opened(n) for n in (1, 2)]
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
    base = people.note_of(parse(outbox_item(world[0], "operators")))
    notes = []
    for number in range(40):
        name = f"{world[0][:-2]}{number:02d}"
        fresh = base.item.model_copy(update={"delivery_id": f"{name}@operators"})
        tables.put("outbox", fresh.item())
        priority: Priority = "high" if number else "critical"
        notes.append(replace(base, item=fresh, priority=priority, version=1))
    teller = people.Teller(Recipient(OPERATORS, "people"), rules(), NOW)
    teller.tell(notes)
    assert teller.counts == {"messages": 1, "told": 40, "waiting": 0}
    subject, text, attributes, _ = sent.sent[0]
    assert subject == "[critical] 40 work orders"
    assert len(text.splitlines()) == 44
    assert len(json.loads(attributes["orders"])) == 40


def test_messages_sent_before_a_failure_are_not_sent_again(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Mail(monkeypatch)

    def second_fails(*message: Any) -> None:
        if len(sent.sent) == 2:
            raise DependencyBusy("SNS throttles")
        sent.sent.append(message)

    monkeypatch.setattr(delivery.config, "notification_rules", lambda: rules(single_messages=9))
    monkeypatch.setattr(notifications, "publish", second_fails)
    assert deliver()["failed"] == 2
    monkeypatch.setattr(notifications, "publish", lambda *message: sent.sent.append(message))
    deliver(NOW + 5 * MINUTE)
    ids = [attributes["work_order_id"] for _, _, attributes, _ in sent.sent]
    assert sorted(ids) == sorted(world)


def test_messages_beyond_the_hourly_limit_are_joined_into_one(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery.config, "notification_rules", lambda: rules(messages_an_hour=2, always=[]))
    name = opened()
    for minute in range(0, 50, 10):
        change(name, assignees=[f"person {minute}"])
        deliver(NOW + minute * MINUTE)
    assert len(acting) == 2
    deliver(datetime.fromisoformat("2025-06-11T10:00:00+00:00"))
    assert len(acting) == 3
    assert acting[-1][1].count("Changed: assignees") == 3
    monkeypatch.setattr(
        delivery.config, "notification_rules", lambda: rules(messages_an_hour=1, always=["critical"])
    )
    for minute in range(0, 50, 5):
        change(name, assignees=[f"person {minute}"])
        deliver(datetime.fromisoformat("2025-06-11T11:00:00+00:00") + minute * MINUTE)
    assert len(acting) == 3 + 1 + 4, "what cannot wait is told every ten minutes"
