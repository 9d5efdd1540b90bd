"""Reconciliation in the embedded cloud, with its own role, and what `ona doctor` tells of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from ona.runtime.clock import utc_now
from ona.store.layout import work_order_key
from ona.store.tables import to_item
from ops import deadletters
from ops.doctor import reconcile
from ops.doctor.finding import Level, Subject
from ops.messages import FOREIGN
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform


def _older(platform: Platform, hours: int = 4) -> None:
    """All records, locks and visits as if they had been made some hours ago."""
    dynamodb = platform.target.client("dynamodb")
    when = (utc_now() - timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")
    for item in platform.table("Tracking"):
        field = "opened_at" if item["job_id"].startswith("open#") else "created_at"
        table = platform.target.outputs["TrackingTableName"]
        dynamodb.put_item(TableName=table, Item=to_item({**item, field: when}))


def _dead_noon() -> Any:
    frame = sunny_day("INV-001")
    frame.loc[frame["timestamp"].dt.hour >= 9, "power_kw"] = 0.0
    return frame


def _erase_with_versions(platform: Platform, key: str) -> None:
    """Delete an object and all that the bucket kept of it."""
    where = {"Bucket": platform.target.output_bucket}
    for version in platform.s3.list_object_versions(**where, Prefix=key)["Versions"]:
        platform.s3.delete_object(**where, Key=key, VersionId=version["VersionId"])


@pytest.mark.parametrize("damage", ["document", "document and its versions", "lock", "record"])
def test_what_is_lost_comes_back_or_is_listed(platform: Platform, damage: str) -> None:
    done = platform.put_and_wait(_dead_noon())
    assert done["status"] == "SUCCEEDED"
    [order] = [item for item in platform.table("Tracking") if item["job_id"].startswith("wo-")]
    _older(platform)
    findings = list(reconcile.examine(Subject(None, None, platform.target)))
    assert [item.level for item in findings] == [Level.GOOD], findings
    key = work_order_key(order["job_id"])
    before = platform.read(key)
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["TrackingTableName"]
    if damage == "document":
        platform.s3.delete_object(Bucket=platform.target.output_bucket, Key=key)
    elif damage == "document and its versions":  # then it is made from its plan and its finding
        _erase_with_versions(platform, key)
    else:
        name = order["job_id"] if damage == "record" else f"open#{order['finding_key']}"
        dynamodb.delete_item(TableName=table, Key=to_item({"job_id": name}))
    look = reconcile.findings(platform.target)
    assert look.counts["mended"] >= 1
    assert not look.failed
    report = reconcile.repair(platform.target)
    assert (report.mended, report.failed) == (look.mended, [])
    again = reconcile.repair(platform.target)
    assert (again.mended, again.failed) == ([], [])
    names = {item["job_id"] for item in platform.table("Tracking")}
    if damage == "record":
        assert not any(name.startswith("open#") for name in names), "the fault can be ordered again"
        # its document and its visit are minutes old: they are left alone until the grace is over
        assert any("a delivery without an order" in item.what for item in report.decide)
        assert {item.level for item in reconcile.told(report)} == {Level.MENDED, Level.PROBLEM}
    else:
        assert f"open#{order['finding_key']}" in names
        after = platform.read(key)
        if "versions" in damage:  # `_older` changed the record, so these say another time
            after |= {name: before[name] for name in ("created_at", "energy_at_risk")}
        assert after == before


def _shifted(platform: Platform, **hours: float) -> None:
    """Every visit in the calendars, with these of its times moved by so many hours."""
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["CrewsTableName"]
    for crew in platform.table("Crews"):
        for booking in crew.get("bookings", []):
            for name, by in hours.items():
                when = datetime.fromisoformat(booking[name]) + timedelta(hours=by)
                booking[name] = when.isoformat().replace("+00:00", "Z")
        changed = {**crew, "version": crew.get("version", 0) + 1}
        dynamodb.put_item(TableName=table, Item=to_item(changed))


@pytest.mark.parametrize("damage", ["delivery", "visit at another time", "visit without an order"])
def test_visits_and_deliveries_fit_their_orders_again(platform: Platform, damage: str) -> None:
    assert platform.put_and_wait(_dead_noon())["status"] == "SUCCEEDED"
    [order] = [item for item in platform.table("Tracking") if item["job_id"].startswith("wo-")]
    _older(platform)
    _shifted(platform, booked_at=-5)
    dynamodb = platform.target.client("dynamodb")
    if damage == "visit at another time":
        _shifted(platform, leaves=1, start=1, end=1, returns=1)
    if damage == "visit without an order":
        for item in platform.table("Tracking"):
            table, name = platform.target.outputs["TrackingTableName"], item["job_id"]
            dynamodb.delete_item(TableName=table, Key=to_item({"job_id": name}))
    if damage != "visit at another time":
        for item in platform.table("Outbox"):
            table, name = platform.target.outputs["OutboxTableName"], item["delivery_id"]
            dynamodb.delete_item(TableName=table, Key=to_item({"delivery_id": name}))
    report = reconcile.repair(platform.target)
    assert (len(report.mended), report.failed) == (1, []), report
    bookings = [booking for crew in platform.table("Crews") for booking in crew.get("bookings", [])]
    if damage == "delivery":
        assert [item["wanted"] for item in platform.table("Outbox") if "wanted" in item] == [1]
    elif damage == "visit at another time":
        [after] = [item for item in platform.table("Tracking") if item["job_id"] == order["job_id"]]
        assert after["scheduled_start"] == bookings[0]["start"] != order["scheduled_start"]
    else:
        assert bookings == [], "the crew's time was given back"
    assert reconcile.repair(platform.target).mended == []


def test_letters_whose_file_is_gone_are_listed_and_stay(platform: Platform) -> None:
    key = platform.put(b"PK\x03\x04 no telemetry")
    assert platform.ended("ooda", key)["status"] == "SUCCEEDED"
    where = {"Bucket": platform.target.input_bucket}
    for version in platform.s3.list_object_versions(**where, Prefix=key)["Versions"]:
        platform.s3.delete_object(**where, Key=key, VersionId=version["VersionId"])
    queue = platform.target.outputs["OutboxDeadLetterQueueUrl"]
    platform.target.client("sqs").send_message(QueueUrl=queue, MessageBody="no letter of ours")
    look = reconcile.findings(platform.target)
    assert any("gone" in item.what or "not there" in item.what for item in look.decide), look.decide
    assert len(platform.letters()) == 1, "visible again at once"
    assert [
        item.body["kind"] for item in deadletters.look(platform.target, deadletters.OUTBOX).letters
    ] == [FOREIGN]


def test_a_letter_is_seen_while_reconciliation_reads_the_queue(platform: Platform) -> None:
    """Its timer goes off at ten to each hour: a test that looked then saw no letter."""
    key = "observations/2025/06/10/seen-by-two.csv"  # of no other test: its own execution is waited for
    platform.ended("ooda", platform.put(b"PK\x03\x04 no telemetry", key=key))
    with ThreadPoolExecutor(1) as other:
        reading = other.submit(reconcile.findings, platform.target)
        seen = [len(platform.letters())]
        while not reading.done():
            seen.append(len(platform.letters()))
    reading.result()
    assert set(seen) == {1}, seen


def test_no_timer_goes_off_by_itself_in_these_tests(platform: Platform) -> None:
    rules = platform.target.client("events").list_rules()["Rules"]
    timers = [rule for rule in rules if rule.get("ScheduleExpression")]
    assert len(timers) > 5
    assert {rule["State"] for rule in timers} == {"DISABLED"}
