"""The operators' digest: once a day at its time, with what is late and what nobody could be told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

import delivery.config
from delivery.deliver import digest, notifications
from ona.repairs import orders
from ona.repairs.tracking import HistoryLine
from tests.builders.delivery import MINUTE, rules
from tests.builders.orders import change, deliver, opened
from tests.builders.plans import NOW


def test_a_digest_comes_once_a_day_at_its_time(acting: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        delivery.config, "notification_rules", lambda: rules(digest={"at": "07:00", "days": ["wednesday"]})
    )
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(notifications, "publish", lambda s, t, a, _: sent.append((a["event"], t)))
    names = [opened(n) for n in (1, 2)]
    change(names[1], status="IN_PROGRESS")
    deliver(datetime.fromisoformat("2025-06-11T04:59:00+00:00"))
    assert "daily_digest" not in dict(sent)
    for minute in (0, 1, 30, 600):
        deliver(datetime.fromisoformat("2025-06-11T05:00:00+00:00") + minute * MINUTE)
    [text] = [text for event, text in sent if event == "daily_digest"]
    assert "2 open orders (2 critical), losing 160.00 USD a day." in text
    assert all(name in text for name in names) or "Today: no visits" in text
    deliver(datetime.fromisoformat("2025-06-12T06:00:00+00:00"))
    assert [event for event, _ in sent].count("daily_digest") == 1, "Thursday is not named"


def test_the_digest_names_late_orders_and_failed_deliveries(world: list[str]) -> None:
    late, done, other = [orders.require(name) for name in world[:3]]
    late = late.model_copy(update={"due_date": NOW - timedelta(days=2)})
    line = HistoryLine(status="COMPLETE", at=NOW, by="x", event="status")
    done = done.model_copy(update={"status": "COMPLETE", "history": [*done.history, line]})
    subject, text = digest.compose([late, done, other], [line], 3, "Africa/Johannesburg", NOW)
    assert "2 open orders" in subject
    assert f"due Mon 09 Jun {world[0]}" in text
    assert "1 complete, waiting for telemetry" in text
    assert "1 completed" in text
    assert "3 messages could not be delivered: ./ona outbox list" in text
    assert digest.compose([], [], 0, "Africa/Johannesburg", NOW)[1].count("no visits") == 2
