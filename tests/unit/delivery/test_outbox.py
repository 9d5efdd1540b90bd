"""The outbox: what was changed is told, whoever dies, and once, however many send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from delivery.deliver import failures, notifications
from ona.outbox import deliveries
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy
from ona.store import s3, tables
from tests.builders.delivery import MINUTE
from tests.builders.orders import change, dead_letters, deliver, opened, ordered, scheduled
from tests.builders.plans import NOW


def test_a_change_is_delivered_although_its_writer_died(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = scheduled(1, "execution-1")
    real = s3.write_json

    def die(bucket: str, key: str, document: Any) -> Any:
        if key.startswith("work-orders/"):
            raise DependencyBusy("died after the record")
        return real(bucket, key, document)

    monkeypatch.setattr(s3, "write_json", die)
    with pytest.raises(DependencyBusy):
        ordered(schedule, "execution-1")
    assert deliver()["failed"] == 1, "its document is not there yet"
    monkeypatch.setattr(s3, "write_json", real)
    [result] = ordered(schedule, "execution-1")
    assert result["status"] == "ordered"
    deliver(NOW + 5 * MINUTE)
    assert len(acting) == 1
    assert result["work_order_id"] in acting[0][1]


def test_two_senders_at_once_deliver_once(acting: list[Any]) -> None:
    opened()
    [due], _ = deliveries.due("send", NOW, 10)
    assert deliveries.claim(due, NOW) is not None
    assert deliveries.claim(due, NOW) is None
    deliver()
    assert acting == []
    deliver(NOW + timedelta(minutes=6))
    assert len(acting) == 1, "one that died is free after five minutes"


def test_a_change_during_a_delivery_is_delivered_too(
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


def test_an_unreadable_item_is_given_up_and_delays_no_other(acting: list[Any]) -> None:
    name = opened()
    tables.put("outbox", {"delivery_id": "x@y", "lane": "send", "next_at": iso(NOW), "kind": "fax"})
    counts = deliver()
    assert (counts["dead"], counts["failed"], len(acting)) == (1, 0, 1)
    assert name in acting[0][1]
    [letter] = dead_letters()
    assert (letter["delivery_id"], letter["error"]) == ("x@y", "NotDelivered")
    assert "kind" in letter["cause"]
    assert deliver(NOW + MINUTE)["dead"] == 0


def test_back_off_grows_and_ends() -> None:
    waits = [failures.backoff(attempts) for attempts in range(12)]
    assert all(timedelta(seconds=45) <= wait <= timedelta(minutes=30) for wait in waits)
    assert waits[5] > waits[0] * 10
