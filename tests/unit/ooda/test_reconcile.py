"""Reconciliation: each damage by itself, beside what looks like it and is right."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ona.config import ticketing
from ona.config.ticketing import TicketingConfig
from ona.documents.work_orders import WorkOrder
from ona.repairs import crews, orders
from ona.runtime import aws
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY, work_order_key
from ooda.reconcile import mending, store
from ooda.reconcile.plan import GRACE, VISIT_GRACE, difference, plan
from ops import asl
from tests.builders.orders import CUSTOMER, change, deliver, document_of, ordered, scheduled, visits
from tests.builders.plans import NOW
from tests.fakes.reconciling import LATER, Reconciling
from tests.fakes.tables import IN, OUT

TIMES = ("leaves", "start", "end", "returns")
"""The times of a visit."""


@pytest.fixture
def there(world: list[str], monkeypatch: pytest.MonkeyPatch) -> Reconciling:
    """The three orders of a customer and one of another's, all of which fit."""
    return Reconciling(monkeypatch)


def quiet(there: Reconciling) -> None:
    """Everything fits: a run changes nothing and tells nobody."""
    before = there.state()
    report = there.run()
    assert (report.mended, report.failed, report.decide) == ([], [], [])
    assert there.state() == before
    assert not [key for key in there.items("outbox") if key.startswith("reconcile#")]


# ------------------------------------------------------------------ what is right is left alone


def test_what_fits_is_left_alone(there: Reconciling, world: list[str]) -> None:
    quiet(there)
    change(world[0], status="CANCELLED")  # keeps the incident's lock, gives its visit back later
    crews.release(orders.require(world[0]).finding_key)
    change(world[1], status="IN_PROGRESS")
    change(world[2], status="IN_PROGRESS")
    change(world[2], status="COMPLETE")
    there.put("reports/2025/06/10/of-another-family.json", b"\xff\xfe no JSON")
    deliver()
    quiet(there)


def test_what_is_in_the_middle_of_being_made_is_left_alone(there: Reconciling, world: list[str]) -> None:
    """A record without its document, a lock and a visit without their order: all just written."""
    there.erase(work_order_key(world[0]))
    there.put(work_order_key("wo-20250611-ffffffff"), b"{}")
    for key in ("open#INV-9#x#y", "open#INV-001#inverter#component_failure"):
        tables.put("tracking", _lock(key, "wo-20250611-eeeeeeee"))
    scheduled(5, "execution-5")
    before = there.state()
    report = there.run(now=NOW + GRACE - timedelta(seconds=1))
    assert (report.mended, report.failed, report.decide) == ([], [], [])
    assert there.state() == before


def test_the_grace_of_a_visit_is_longer_than_an_execution() -> None:
    loop = next(path for path in asl.sources() if path.name == "ooda.asl.yaml")
    assert timedelta(seconds=asl.expanded(loop)["TimeoutSeconds"]) < VISIT_GRACE


# ------------------------------------------------------------------ documents


def _lock(name: str, work_order_id: str) -> dict[str, Any]:
    return {
        "job_id": name,
        "status": "lock",
        "work_order_id": work_order_id,
        "finding_id": "find-1",
        "finding_key": name.removeprefix("open#"),
        "opened_at": "2025-06-11T09:03:00Z",
    }


BAD_DOCUMENTS = {
    "empty": b"",
    "no JSON": b'{"work_order_id": ',
    "no UTF-8": b"\xff\xfe\x00",
    "a list": b"[]",
    "another schema": b'{"hello": "world"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("damage", ["deleted", *BAD_DOCUMENTS, "of another order", "another visit"])
def test_an_orders_document_is_written_again_as_it_was(
    there: Reconciling, world: list[str], damage: str
) -> None:
    key, before = work_order_key(world[0]), document_of(world[0])
    if damage == "deleted":
        there.erase(key)
    elif damage in BAD_DOCUMENTS:
        there.put(key, BAD_DOCUMENTS[damage])
    elif damage == "of another order":
        there.put(key, json.dumps(document_of(world[1])).encode())
    else:
        there.put(key, json.dumps({**before, "scheduled_start": "2025-06-12T01:00:00Z"}).encode())
    look = there.run("look")
    assert len(look.mended) == 1
    assert there.objects().get(key) != json.dumps(before, indent=2).encode(), "a look changes nothing"
    report = there.run()
    assert [world[0] in text for text in report.mended] == [True]
    assert not report.decide
    after = document_of(world[0])
    same = set(before) - {"created_at"}  # the record has it to the second
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert not difference(orders.require(world[0]), WorkOrder.read(after))
    quiet_after_notice(there)


def quiet_after_notice(there: Reconciling) -> None:
    """A second run does nothing."""
    before = there.state()
    report = there.run()
    assert (report.mended, report.failed) == ([], [])
    assert there.state() == before


def test_the_buckets_earlier_version_is_the_first_choice(there: Reconciling, world: list[str]) -> None:
    key, before = work_order_key(world[0]), document_of(world[0])
    boto3.client("s3").put_bucket_versioning(Bucket=OUT, VersioningConfiguration={"Status": "Enabled"})
    there.put(key, json.dumps({**before, "description": "as a person wrote it"}).encode())
    there.put(key, b"broken")
    there.erase(key)
    there.run()
    assert document_of(world[0]) == {**before, "description": "as a person wrote it"}


def test_without_plan_and_versions_the_record_alone_makes_the_document(
    there: Reconciling, world: list[str]
) -> None:
    there.erase(work_order_key(world[0]))
    for key in there.objects():
        if key.startswith("schedules/"):
            there.erase(key)
    assert there.run().counts["mended"] == 1
    order, document = orders.require(world[0]), WorkOrder.read(document_of(world[0]))
    assert not difference(order, document)
    assert "Written again from its record" in document.description
    assert document.total_cost_usd == order.total_cost_usd


def test_a_document_without_a_record_is_for_a_person(there: Reconciling, world: list[str]) -> None:
    there.put(work_order_key("wo-20250611-ffffffff"), b"{}")
    there.put("work-orders/notes.txt", b"of somebody else")
    report = there.run()
    assert [item.where for item in report.decide] == [
        work_order_key("wo-20250611-ffffffff"),
        f"s3://{OUT}/work-orders/notes.txt",
    ]
    assert all(item.how for item in report.decide)
    [notice] = [item for key, item in there.items("outbox").items() if key.startswith("reconcile#")]
    assert "2 for you to decide" in notice["subject"]
    there.run()
    assert len([key for key in there.items("outbox") if key.startswith("reconcile#")]) == 1, "told once"


# ------------------------------------------------------------------ records and locks


def test_a_lost_record_frees_its_fault_to_be_ordered_again(there: Reconciling, world: list[str]) -> None:
    there.delete("tracking", world[0])
    again = scheduled(1, "execution-8")
    assert again["already_ordered"] == 1, "the lock that was left: never ordered again"
    report = there.run()
    assert sum("open#" in text for text in report.mended) == 2
    assert any("give back" in text for text in report.mended)
    assert any("document without a record" in item.what for item in report.decide)
    [result] = ordered(scheduled(1, "execution-9", day=2), "execution-9")
    assert result["status"] == "ordered"


@pytest.mark.parametrize("which", ["finding", "incident", "both"])
def test_a_lost_lock_of_an_open_order_is_made_again(
    there: Reconciling, world: list[str], which: str
) -> None:
    before, order = there.items("tracking"), orders.require(world[0])
    names = {"finding": [order.finding_key], "incident": [order.incident_id]}
    for name in names.get(which, [order.finding_key, order.incident_id]):
        there.delete("tracking", f"open#{name}")
    assert len(there.run().mended) == (2 if which == "both" else 1)
    assert there.items("tracking") == before


def test_a_lock_that_names_nothing_gives_way_to_the_open_order(
    there: Reconciling, world: list[str]
) -> None:
    order = orders.require(world[0])
    tables.put("tracking", _lock(f"open#{order.finding_key}", "wo-20250611-eeeeeeee"))
    assert there.run().counts["mended"] == 1
    assert there.items("tracking")[f"open#{order.finding_key}"]["work_order_id"] == world[0]


def test_two_open_orders_of_one_fault_are_for_a_person(there: Reconciling, world: list[str]) -> None:
    first = there.items("tracking")[world[0]]
    twin = {**first, "job_id": "wo-20250611-eeeeeeee"}
    tables.put("tracking", twin)
    report = there.run()
    assert any("two open orders" in item.what for item in report.decide)
    lock = there.items("tracking")[f"open#{first['finding_key']}"]
    assert lock["work_order_id"] == world[0], "the first keeps it"


def test_a_record_that_cannot_be_read_is_named_and_nothing_follows_from_it(
    there: Reconciling, world: list[str]
) -> None:
    tables.put("tracking", {"job_id": world[0], "status": "BROKEN", "version": "x"})
    before = there.state()
    report = there.run()
    assert (report.mended, report.failed) == ([], [])
    assert [item.where for item in report.decide] == [f"table tracking, {world[0]}"]
    assert there.state() == before, "its locks, its visit, its document and its deliveries stay"


# ------------------------------------------------------------------ deliveries


@pytest.mark.parametrize("damage", ["missing", "behind", "out of its lane"])
def test_who_was_not_told_is_told_once(
    there: Reconciling, world: list[str], acting: list[tuple[str, str]], damage: str
) -> None:
    name = f"{world[0]}@operators"
    if damage == "missing":
        there.delete("outbox", name)
    else:
        deliver()
        change(world[0], due_date=NOW + timedelta(days=9))
        item = there.items("outbox")[name]
        if damage == "behind":
            item |= {"wanted": 1, "told": 1}
        del item["lane"], item["next_at"]
        tables.put("outbox", item)
    acting.clear()
    report = there.run()
    assert report.mended == [f"tell operators of {world[0]}, version {orders.require(world[0]).version}"]
    assert not there.run().mended
    deliver(LATER)
    assert not there.run().mended
    assert sum(text.count(world[0]) > 0 for _, text in acting) >= 1
    there.delete("outbox", "digest#2025-06-11")


def test_a_given_up_delivery_and_an_unsubscribed_one_stay_as_they_are(
    there: Reconciling, world: list[str]
) -> None:
    item = there.items("outbox")[f"{world[0]}@operators"]
    tables.put("outbox", {**item, "lane": "dead"})
    tables.put("outbox", {**item, "delivery_id": f"{world[0]}@gone", "place": "gone"})
    quiet(there)


def _configure_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer `default` gets a webhook by configuration."""
    address = {"url": "https://desk.example.com", "customers": [CUSTOMER]}
    secret = {"secret_parameter": "/ona-platform/prod/ticketing-desk"}
    config = TicketingConfig.model_validate(
        {"systems": [{"name": "desk", "kind": "webhook", **address, **secret}]}
    )
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: config)


def test_a_system_configured_later_is_told_with_the_next_change(
    there: Reconciling, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure_a_desk(monkeypatch)
    quiet(there)
    change(world[0], due_date=NOW + timedelta(days=9))
    later = (NOW + timedelta(minutes=1)).isoformat()
    tables.put("tracking", {**there.items("tracking")[world[0]], "updated_at": later})
    assert f"{world[0]}@desk" in there.items("outbox")
    quiet(there)
    tables.put("tracking", {**there.items("tracking")[world[1]], "updated_at": later})
    assert there.run().mended == [f"tell desk of {world[1]}, version 1"], "it was configured by then"


def test_a_queue_that_takes_longer_to_read_than_its_letters_are_hidden_is_read(
    there: Reconciling, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS refuses to show a message that is visible again; moto does not mind. A batch says it by entry."""
    sqs = aws.client("sqs")

    def refused(**_: Any) -> None:
        error = {"Code": "MessageNotInflight", "Message": "The specified message isn't in flight."}
        raise ClientError({"Error": error}, "ChangeMessageVisibility")

    monkeypatch.setattr(sqs, "change_message_visibility", refused)
    for number in range(12):
        there.send({"kind": "file", "number": number})
    assert there.run("look").failed == []
    assert there.run("look").looked["letters"] == 12, "they were shown again at once"


def test_who_subscribed_is_told_whatever_is_configured(there: Reconciling, world: list[str]) -> None:
    subscription = {"kind": "webhook", "endpoint": "https://x.example", "created_at": NOW.isoformat()}
    item = there.items("tracking")[world[0]]
    tables.put("tracking", {**item, "subscriptions": {"sub-1": subscription}})
    assert there.run().mended == [f"tell sub-1 of {world[0]}, version 1"]


# ------------------------------------------------------------------ visits


def test_time_that_no_order_holds_is_given_back(there: Reconciling, world: list[str]) -> None:
    scheduled(5, "execution-5")  # its Order never ran
    assert "INV-005" in visits()
    before = {name: visit for name, visit in visits().items() if name != "INV-005"}
    assert len(there.run().mended) == 1
    after = visits()
    assert set(after) == set(before)
    assert {n: (v.start, v.end) for n, v in after.items()} == {
        n: (v.start, v.end) for n, v in before.items()
    }


def test_an_earlier_visit_for_the_same_fault_stays(there: Reconciling, world: list[str]) -> None:
    """A fault that came again: the visit that is over stays for people who look, the one to come goes."""
    scheduled(5, "execution-5")  # its Order never ran
    [(crew_id, item)] = [
        (name, crew)
        for name, crew in there.items("crews").items()
        if any(booking["asset_id"] == "INV-005" for booking in crew.get("bookings", []))
    ]
    coming = next(booking for booking in item["bookings"] if booking["asset_id"] == "INV-005")
    week = timedelta(days=14)
    times = {f: (datetime.fromisoformat(coming[f]) - week).isoformat() for f in TIMES}
    past = {**coming, **times, "on_tour": False}
    tables.put("crews", {**item, "bookings": [past, *item["bookings"]], "version": item["version"] + 1})
    assert len(there.run().mended) == 1
    assert not there.run().mended
    left = [b for b in there.items("crews")[crew_id]["bookings"] if b["asset_id"] == "INV-005"]
    assert [datetime.fromisoformat(b["start"]) for b in left] == [datetime.fromisoformat(past["start"])]


def test_a_cancelled_order_gives_back_the_visit_to_come(there: Reconciling, world: list[str]) -> None:
    """Its fault's earlier visit was another crew's, which comes first in the list."""
    order = orders.require(world[0])
    item = there.items("crews")[order.crew_id]
    coming = next(b for b in item["bookings"] if b["finding_key"] == order.finding_key)
    times = {f: (datetime.fromisoformat(coming[f]) - timedelta(days=14)).isoformat() for f in TIMES}
    earlier = {**item, "crew_id": "crew-000", "bookings": [{**coming, **times, "on_tour": False}]}
    tables.put("crews", earlier)
    crews.release(order.finding_key)
    bookings = {crew: i.get("bookings", []) for crew, i in there.items("crews").items()}
    assert len(bookings["crew-000"]) == 1
    assert order.finding_key not in {b["finding_key"] for b in bookings[order.crew_id]}


def test_an_order_follows_the_visit_in_the_calendar(there: Reconciling, world: list[str]) -> None:
    order = orders.require(world[0])
    late = visits()["INV-001"].start + timedelta(minutes=5)
    item = there.items("crews")["crew-001"]
    for booking in item["bookings"]:
        if booking["asset_id"] == "INV-001":
            booking["start"] = late.isoformat()
    tables.put("crews", {**item, "version": item["version"] + 1})
    [text] = there.run().mended
    assert text.startswith(f"move {world[0]}")
    moved = orders.require(world[0])
    assert (moved.scheduled_start, moved.version) == (late, order.version + 1)
    assert not difference(moved, WorkOrder.read(document_of(world[0])))
    assert moved.history[-1].event == "visit_moved"


def test_an_order_whose_visit_is_in_no_calendar_is_for_a_person(
    there: Reconciling, world: list[str]
) -> None:
    crews.release(orders.require(world[0]).finding_key)
    report = there.run()
    assert not report.mended
    assert "is in no calendar" in report.decide[0].what


# ------------------------------------------------------------------ letters and other objects


def test_letters_that_nobody_can_use_are_listed(there: Reconciling, world: list[str]) -> None:
    for foreign in ("hello", "[1]", "null", "{}", "[" * 50_000):
        there.send(foreign)
    gone = {"bucket": {"name": IN}, "object": {"key": "observations/gone.csv", "size": 1}}
    there.send({"kind": "execution", "at": "2025-06-11T09:03:00Z", "input": {"detail": gone}})
    boto3.client("s3").put_object(Bucket=IN, Key="observations/there.csv", Body=b"x")
    kept = {"bucket": {"name": IN}, "object": {"key": "observations/there.csv", "size": 1}}
    there.send({"kind": "execution", "at": "2025-06-11T09:03:00Z", "input": {"detail": kept}})
    there.send({"kind": "delivery", "delivery_id": "wo-20250611-aaaaaaaa@desk"}, "OUTBOX_DEAD_LETTERS_URL")
    there.send({"kind": "delivery", "delivery_id": f"{world[0]}@operators"}, "OUTBOX_DEAD_LETTERS_URL")
    decide = [item.what for item in there.run().decide]
    assert sorted(decide) == sorted(
        [
            *["it is no dead letter of this platform"] * 5,
            "the object that it is about is gone: its work cannot be done again",
            "delivery wo-20250611-aaaaaaaa@desk is not in the outbox any more",
        ]
    )
    assert there.run("look").counts["decide"] == len(decide), "they stay in the queues"


def test_broken_objects_of_the_last_day_are_listed_with_a_remedy(there: Reconciling) -> None:
    keys = [
        "outcomes/0123456789abcdef.json",
        "outcomes/notes.txt",
        ASSET_HISTORY.build(site_id="site", asset_id="INV-001"),
        "diagnostics/2025/06/11/diag-1.json",
        "schedules/2025/06/11/sched-1.json",
    ]
    for key in keys:
        there.put(key, b"\xff{")
    old = "outcomes/fedcba9876543210.json"
    there.put(old, b"{")
    there.written[old] = NOW - timedelta(days=3)
    decide = there.run().decide
    assert sorted(item.where for item in decide) == sorted(f"s3://{OUT}/{key}" for key in keys)
    assert all(item.how for item in decide)


def test_an_outcome_that_names_an_order_of_which_nothing_is_left(
    there: Reconciling, world: list[str]
) -> None:
    named = [{"status": "ordered", "work_order_id": name} for name in (world[0], "wo-20250611-dddddddd")]
    there.put("outcomes/0123456789abcdef.json", json.dumps({"outcome": "found", "orders": named}).encode())
    assert ["wo-20250611-dddddddd" in item.what for item in there.run().decide] == [True]


# ------------------------------------------------------------------ beside a live loop, and twice at once


def test_twice_at_once_does_each_mend_once(there: Reconciling, world: list[str]) -> None:
    order = orders.require(world[0])
    there.erase(work_order_key(world[0]))
    there.delete("tracking", f"open#{order.finding_key}")
    there.delete("outbox", f"{world[0]}@operators")
    there.delete("tracking", world[1])
    scheduled(5, "execution-5")
    first, second = (plan(store.look(LATER), LATER) for _ in range(2))
    assert len(first.mends) == len(second.mends) == 7
    done = [mending.carry_out(mend, LATER) for mend in first.mends]
    deliver(LATER)
    state = there.state()
    again = [mending.carry_out(mend, LATER) for mend in second.mends]
    assert (set(done), set(again)) == ({"mended"}, {"already"})
    assert there.state() == state


def test_an_order_that_changed_since_it_was_seen_is_left(there: Reconciling, world: list[str]) -> None:
    order = orders.require(world[0])
    there.erase(work_order_key(world[0]))
    there.delete("tracking", f"open#{order.finding_key}")
    mends = plan(store.look(LATER), LATER).mends
    change(world[0], status="CANCELLED")
    assert [mending.carry_out(mend, LATER) for mend in mends] == ["already", "already"]


def test_one_mend_that_fails_and_one_part_that_cannot_be_read_hold_up_no_other(
    there: Reconciling, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there.erase(work_order_key(world[0]))
    there.erase(work_order_key(world[1]))
    monkeypatch.setenv("OUTBOX_DEAD_LETTERS_URL", "https://nowhere.invalid/queue")
    write = s3.write_json_if

    def broken(bucket: str, key: str, document: Any, etag: str) -> bool:
        if world[0] in key:
            raise RuntimeError("disk full")
        return write(bucket, key, document, etag)

    monkeypatch.setattr(s3, "write_json_if", broken)
    report = there.run()
    assert report.counts["mended"] == 1
    assert {item.what.split(":")[0] for item in report.failed} == {
        "compare letters",
        f"write the document of {world[0]} again",
    }
