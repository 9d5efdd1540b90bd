"""Two runs of Deliver at once: nothing is delivered, counted, invited, given up or composed twice.

Nothing reserves Deliver one execution in a new account (`ReservedConcurrency=0`), and Lambda may deliver an
event twice. Each test lets both runs read what is due before either claims anything.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from delivery.config import NotificationRules
from delivery.deliver import notifications, store
from ona.outbox import deliveries
from ona.runtime.clock import WEEKDAYS, iso
from ona.store import tables
from tests.builders.delivery import MINUTE, rules
from tests.builders.orders import call, change, dead_letters, deliver, opened
from tests.builders.plans import NOW
from tests.fakes.sns import Mail
from tests.fakes.ticketing import Receiver


def together(
    monkeypatch: pytest.MonkeyPatch,
    now: datetime = NOW,
    how: NotificationRules | None = None,
    later: timedelta = timedelta(0),
) -> Counter[str]:
    """Two runs that have both read what is due; what they counted together. `later`: the second's clock."""
    both_have_read, real = threading.Barrier(2, timeout=30), store.due
    totals: Counter[str] = Counter()
    errors: list[BaseException] = []

    def due(moment: datetime) -> store.Due:
        found = real(moment)
        both_have_read.wait()
        return found

    def run(moment: datetime) -> None:
        try:
            totals.update(deliver(moment, how))
        except BaseException as error:
            errors.append(error)
            both_have_read.abort()

    with monkeypatch.context() as patched:
        patched.setattr(store, "due", due)
        threads = [threading.Thread(target=run, args=(moment,)) for moment in (now, now + later)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert errors == []
    return totals


def shared(patched: pytest.MonkeyPatch) -> None:
    """Each run can claim every second item only, as when they come in turn."""
    claim, runs, items = deliveries.claim, list[str](), list[str]()

    def half(item: Any, now: datetime) -> Any:
        run = threading.current_thread().name.rpartition("_")[0]  # of its pool
        for seen, new in ((runs, run), (items, item.delivery_id)):
            if new not in seen:
                seen.append(new)
        if items.index(item.delivery_id) % 2 != runs.index(run) % 2:
            return None
        return claim(item, now)

    patched.setattr(deliveries, "claim", half)


@pytest.mark.parametrize("later", [timedelta(0), MINUTE])
def test_each_order_is_told_once_to_each(
    world: list[str], monkeypatch: pytest.MonkeyPatch, receiver: Receiver, later: timedelta
) -> None:
    sent = Mail(monkeypatch)
    for name in world[:3]:
        body = {"kind": "webhook", "endpoint": receiver.url}
        assert call("POST", f"/work-orders/{name}/subscriptions", body)[0] == 200
    counts = together(monkeypatch, later=later)
    told = [text for _, text, attributes, _ in sent.sent if attributes["event"] != "daily_digest"]
    assert [sum(name in text for text in told) for name in world] == [1] * len(world)
    assert len(receiver.bodies) == 3
    assert counts["failed"] == 0
    assert deliver(NOW + 2 * MINUTE)["told"] == 0


def test_a_ticket_is_opened_once(acting: list[Any], monkeypatch: pytest.MonkeyPatch, desk: Any) -> None:
    names = [opened(number) for number in (1, 2, 3)]
    together(monkeypatch)
    assert [sum(name in desk.text(ticket) for ticket in desk.tickets.values()) for name in names] == [1] * 3


def test_an_unreadable_item_is_one_letter(acting: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    bad = {"lane": "send", "next_at": iso(NOW), "kind": "fax"}
    claims: list[dict[str, Any]] = [{}, {"claimed_until": 7}, {"claimed_until": "9999-01-01T00:00:00Z"}]
    for number, claim in enumerate(claims):
        tables.put("outbox", {"delivery_id": f"x{number}@y", **bad, **claim})
    assert together(monkeypatch)["dead"] == 3
    assert sorted(letter["delivery_id"] for letter in dead_letters()) == ["x0@y", "x1@y", "x2@y"]


def test_a_claim_of_another_run_holds(acting: list[Any]) -> None:
    """The distractor of claims that no sender made: one of a living run is respected."""
    opened()
    [due], _ = deliveries.due("send", NOW, 10)
    assert deliveries.claimed(due.delivery_id, NOW)
    assert not deliveries.claimed(due.delivery_id, NOW + 4 * MINUTE)
    assert deliveries.claimed(due.delivery_id, NOW + 5 * MINUTE)


def test_a_new_address_is_invited_once(world: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    mail = Mail(monkeypatch)
    deliver()
    body = {"kind": "email", "endpoint": "thandi@example.com"}
    for name in world[:3]:
        call("POST", f"/work-orders/{name}/subscriptions", body)
    meanwhile, real = threading.Barrier(2, timeout=2), notifications.invite

    def slow(address: str, name: str) -> None:
        real(address, name)
        try:
            meanwhile.wait()  # the other run comes here too, when it may
        except threading.BrokenBarrierError:
            return

    monkeypatch.setattr(notifications, "invite", slow)
    with monkeypatch.context() as patched:
        shared(patched)
        together(monkeypatch)
    assert mail.invited == ["thandi@example.com"]
    deliver(NOW + 20 * MINUTE)
    assert len(mail.to(notifications.SUBSCRIBERS)) in (1, 3), (
        "and nobody is forgotten: one message, or three"
    )


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_messages_an_hour_than_are_allowed(
    world: list[str], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    sent = Mail(monkeypatch)
    limit = rules(messages_an_hour=most, always=[], quiet_hours=None)
    counts = together(monkeypatch, NOW + MINUTE, limit)
    assert (counts["messages"], len(sent.sent)) == (most, most)


def test_urgent_messages_beyond_the_hours_limit_come_from_one_run(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a full ten minutes one run may send them; what the other claimed waits for the next ten."""
    sent = Mail(monkeypatch)
    full = NOW.replace(minute=30)
    limit = rules(messages_an_hour=1, always=["low", "medium", "high", "critical"], quiet_hours=None)
    deliver(full - 5 * MINUTE, limit)
    sent.sent.clear()
    for name in world:
        change(name, status="IN_PROGRESS")
    with monkeypatch.context() as patched:
        shared(patched)
        counts = together(monkeypatch, full, limit)
    assert (counts["told"], counts["waiting"]) == (2, 2)
    assert deliver(full + 10 * MINUTE, limit)["told"] == 2, "nothing is lost"


def test_the_digest_is_composed_once(world: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Mail(monkeypatch)
    daily = rules(digest={"at": "06:00", "days": list(WEEKDAYS)})
    both_saw_none, real = threading.Barrier(2, timeout=30), deliveries.exists

    def exists(name: str) -> bool:
        found = real(name)
        both_saw_none.wait()
        return found

    monkeypatch.setattr(deliveries, "exists", exists)
    together(monkeypatch, NOW, daily)
    assert [attributes["event"] for _, _, attributes, _ in sent.sent].count("daily_digest") == 1
