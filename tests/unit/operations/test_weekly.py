"""The weekly review of two weeks that are reckoned by hand; the week ends on Sunday, 15 June 2025."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from moto import mock_aws

from operations.reading import weekly as routine
from operations.reading.finding import exit_code
from operations.reading.inventory import Inventory
from operations.reading.records import Records
from operations.reading.weekly import Week
from tests.builders import day_of_work
from tests.builders.day_of_work import order, outcome, put, service, utc
from tests.fakes.tables import OUT, create

MACHINE = "arn:aws:states:af-south-1:1:stateMachine:ona-ooda-dev"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = Inventory("ours", {}, {"AWS::StepFunctions::StateMachine": [MACHINE]})
    monkeypatch.setattr(routine.inventory, "read", lambda *_: found)
    ended = [("FAILED", f"2025-06-{day:02d}T12:00:00") for day in (2, 9, 10, 11, 15, 16)]
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: ended})
    with mock_aws():
        service.cache_clear()
        create()
        yield
    service.cache_clear()


def asked() -> Week:
    records = Records(service, OUT, "tracking")
    zone = ZoneInfo("Africa/Johannesburg")
    return routine.weekly(service, "ours", records, date(2025, 6, 15), zone, utc("2025-06-16T06:00:00"))


def files(at: str, word: str, number: int) -> None:
    for one in range(number):
        outcome(f"{at}-{word}-{one}", f"observations/{at}-{one}.csv", at, word)


def two_weeks() -> None:
    files("2025-06-09T05:00:00", "found", 2)
    files("2025-06-15T21:59:59", "quarantined", 1)
    files("2025-06-08T21:59:59", "nothing_found", 3)  # Sunday night: the week before
    files("2025-06-15T22:00:00", "found", 5)  # Monday in Johannesburg
    order("wo-1", "2025-06-01T06:00:00", 30.5, "COMPLETE", verified_at="2025-06-10T09:00:00")
    order("wo-2", "2025-06-01T06:00:00", 11.25, "COMPLETE", verified_at="2025-06-12T09:00:00")
    order("wo-3", "2025-06-01T06:00:00", 500.0, "COMPLETE", verified_at="2025-06-08T09:00:00")
    for customer, percents in (("customer-a", (91.0, 93.0)), ("customer-b", (70.0, 80.0))):
        put(f"sites/{customer}/north.json", {})
        for day, percent in zip((9, 15), percents, strict=True):
            put(f"accuracy/{customer}/north/2025-06-{day:02d}.json", {"accuracy_percent": percent})
    put("accuracy/customer-a/north/2025-06-08.json", {"accuracy_percent": 10.0})
    put("sites/customer-c/east.json", {})  # never measured


def test_the_week_as_it_was_reckoned_by_hand(cloud: None) -> None:
    two_weeks()
    report = asked()
    assert list(report.days) == [date(2025, 6, day) for day in range(9, 16)]
    assert report.week.model_dump() == {
        "files": 3,
        "refused": 1,
        "failed": 4,
        "forecasts": 0,
        "opened": 0,
        "completed": 0,
        "verified": 2,
        "saved_usd_per_day": 41.75,
        "cost_usd": 0.0,
    }
    before = report.week_before
    assert (before.files, before.failed, before.saved_usd_per_day) == (3, 1, 500.0)
    assert report.accuracy == {"customer-a/north": 92.0, "customer-b/north": 75.0}
    warned = {(one.check, one.about) for one in report.findings if one.state != "ok"}
    assert warned == {("week", "failed"), ("accuracy", "customer-b/north")}
    assert exit_code(report.state) == 1


def test_a_stored_day_is_taken_where_it_was_stored_when_it_was_over(cloud: None) -> None:
    two_weeks()
    report = asked()
    monday = json.loads(report.model_dump_json())["days"]["2025-06-09"]
    for day, at, saved in (
        ("2025/06/09", "2025-06-09T22:00:00Z", 1000.0),  # over: taken
        ("2025/06/10", "2025-06-10T15:00:00Z", 2000.0),  # in the afternoon: reckoned anew
    ):
        end = at if day.endswith("09") else "2025-06-10T22:00:00Z"
        figures = {**monday, "end": end, "money": {**monday["money"], "saved_usd_per_day": saved}}
        put(f"operations/reports/{day}/summary.json", {"kind": "summary", "at": at, "figures": figures})
    assert asked().week.saved_usd_per_day == 1041.75
    put("operations/reports/2025/06/09/summary.json", "no JSON")
    again = asked()
    assert again.week.saved_usd_per_day == 41.75
    assert [one.about for one in again.findings if one.check == "unreadable"] == ["documents"]
