"""The end-of-day summary of a day that is reckoned by hand below, with what does not belong to it beside.

The day is 10 June 2025 in Johannesburg, two hours before UTC: from 22:00 UTC on the 9th. Documents are
written by `tests.builders.day_of_work`, which shares nothing with what reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from moto import mock_aws

from operations.reading import summary as routine
from operations.reading.finding import exit_code
from operations.reading.inventory import Inventory
from operations.reading.records import Records
from operations.reading.summary import Summary
from operations.reading.window import Window
from tests.builders import day_of_work
from tests.builders.day_of_work import diagnosis, order, outcome, put, record, service, utc
from tests.fakes.tables import OUT, create

ZONE = ZoneInfo("Africa/Johannesburg")
MACHINES = ["arn:aws:states:af-south-1:1:stateMachine:ona-ooda-dev", "arn:…:ona-forecast-schedule-dev"]
ENDED = {  # of each workflow: how each execution ended, and when
    MACHINES[0]: [
        ("FAILED", "2025-06-10T09:00:00"),
        ("TIMED_OUT", "2025-06-10T21:59:59"),
        ("FAILED", "2025-06-09T21:59:59"),
        ("FAILED", "2025-06-10T22:00:00"),
        ("SUCCEEDED", "2025-06-10T10:00:00"),
    ],
    MACHINES[1]: [("FAILED", "2025-06-11T00:00:00")],
}

_ALONE = {"not_judged": "A9: no neighbour"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = Inventory("ours", {}, {"AWS::StepFunctions::StateMachine": MACHINES})
    monkeypatch.setattr(routine.inventory, "read", lambda *_: found)
    monkeypatch.setattr(day_of_work, "STOPPED", ENDED)
    with mock_aws():
        service.cache_clear()
        create()
        yield
    service.cache_clear()


def asked(day: str = "2025-06-10") -> Summary:
    records = Records(service, OUT, "tracking")
    return routine.summary(
        service, "ours", records, date.fromisoformat(day), ZONE, utc("2025-06-10T15:00:00")
    )


def the_day() -> None:
    """What belongs to the 10th."""
    first = record(
        "det-1",
        "2025-06-10T05:00:00",
        A1=[("i1", "outage", "open", False), ("i2", "underperformance", "open", True)],
        A2=[("i3", "curtailment", "open", False)],
    )
    merged = ("i4", "outage", "open", False)
    second = record("det-2", "2025-06-10T11:00:00", A1=[("i1", "outage", "closed", False)], A3=[merged])
    third = record("det-3", "2025-06-10T12:00:00", A2=[("i5", "over_voltage", "open", False)])
    put("incidents/north/A3.json", {"asset_id": "A3", "superseded": [{"incident_id": "i4"}]})
    for asset in ("A1", "A2"):
        put(f"incidents/north/{asset}.json", {"asset_id": asset, "days": {}})
    old = diagnosis("d-1", "2025-06-10T05:00:00", ("k1", "i1", 40.0, 10.5), ("k4", "i4", 99.0, 9.0))
    new = diagnosis("d-2", "2025-06-10T12:00:00", ("k1", "i1", 42.0, 12.0), ("k2", "i5", 8.25, 1.0))
    many = put("map-results/ooda/det-3/diagnostics.json", [new])
    late = "observations/2025/01/15/A1_20250115.csv"  # data of January that came today
    outcome("1", late, "2025-06-10T05:00:00", "found", detection=first, diagnostics=[old])
    outcome("2", "observations/2025/06/09/A.csv", "2025-06-09T22:00:00", "nothing_found", detection=second)
    outcome(
        "3",
        "observations/x.csv",
        "2025-06-10T12:00:00",
        "found",
        detection=third,
        diagnostics=many,
        **_ALONE,
    )
    refused = {"reason": "no_rows", "message": "m"}
    outcome("4", "observations/y.csv", "2025-06-10T08:00:00", "quarantined", rejection=refused)
    outcome("5", "observations/z.csv", "2025-06-10T08:00:00", "quarantined", dismissed_at="2025-06-10")
    outcome("6", "nowcast/2025/06/10/n.csv", "2025-06-10T21:59:59", "published")
    run = put("site-days/north/2025-06-09/run.json", {"run": "r", "judged_at": "2025-06-10T03:00:00Z"})
    outcome("7", "site-days/north", "2025-06-10T03:00:00", "nothing_found", detection=run)
    order("wo-1", "2025-06-10T06:00:00", 42.0)
    order("wo-2", "2025-06-01T06:00:00", 30.1, "COMPLETE", verified_at="2025-06-10T09:00:00")
    order("wo-4", "2025-06-01T06:00:00", 7.0, "CANCELLED", cancelled="2025-06-10T10:00:00")
    order("wo-5", "2025-06-01T06:00:00", 20.0, "COMPLETE", completed_at="2025-06-10T10:00:00")
    order("wo-6", "2025-06-01T06:00:00", 3.0, "COMPLETE", verified_at="2025-06-11T09:00:00")
    order("wo-7", "2025-06-01T06:00:00", 1.0, "CANCELLED", cancelled="2025-06-12T10:00:00")
    for customer, site in (("customer-a", "north"), ("customer-b", "north"), ("customer-c", "east")):
        put(f"sites/{customer}/{site}.json", {})
    put("forecasts/2025/06/09/fc-north-8f6b6a-20250609223000.json", {})
    put("forecasts/2025/06/10/fc-north-8f6b6a-20250610060000.json", {})
    put("forecasts/2025/06/10/fc-east-815cad-20250610100000.json", {})


def what_does_not_belong() -> None:
    """Of the 9th and the 11th in Johannesburg, though of the 10th in UTC or in a key; and no order."""
    yesterday = record("det-9", "2025-06-09T21:00:00", A7=[("i7", "outage", "open", False)])
    dear = diagnosis("d-9", "2025-06-09T21:00:00", ("k9", "i7", 1000.0, 1000.0))
    key = "observations/2025/06/10/B.csv"
    outcome("8", key, "2025-06-09T21:59:59", "found", detection=yesterday, diagnostics=[dear], **_ALONE)
    outcome("9", key, "2025-06-10T22:00:00", "quarantined")
    order("wo-3", "2025-06-01T06:00:00", 500.0, "COMPLETE", verified_at="2025-06-09T21:59:59")
    order("wo-8", "2025-06-10T22:00:00", 600.0)
    for name in ("history#wo-1#000001", "open#k1", "repairs#customer-a"):
        service("dynamodb").put_item(TableName="tracking", Item={"job_id": {"S": name}})
    put("forecasts/2025/06/09/fc-north-8f6b6a-20250609215959.json", {})
    put("forecasts/latest/customer-b/north.json", {})
    put("outcomes/notes.txt", "no outcome")


def test_the_day_as_it_was_reckoned_by_hand(cloud: None) -> None:
    the_day()
    what_does_not_belong()
    report = asked()
    figures = report.figures.model_dump(exclude={"start", "end", "failures"})
    assert figures == {
        "files": {
            "nowcast": {"outcomes": {"published": 1}, "refused": 0, "mended": {}},
            "observations": {
                "outcomes": {"dismissed": 1, "found": 2, "nothing_found": 1, "quarantined": 1},
                "refused": 1,
                "mended": {},
            },
        },
        "site_days": 1,
        "failed": {"ona-ooda-dev": 2},
        "incidents": {
            "faults": {"outage": 1, "over_voltage": 1},  # i1 and i5; i4 was merged
            "open": 1,
            "no_fault": {"curtailment": 1},
            "suspected": 1,
            "superseded": 1,
            "assets": 2,
        },
        "forecasts": {"number": 3, "sites": 2, "without": ["customer-b/north"]},
        "orders": {"opened": 1, "completed": 1, "verified": 1, "cancelled": 1, "open": 4},
        "money": {
            "found_usd_per_day": 50.25,  # k1 as it was said last, 42, and k2, 8.25; k4 does not stand
            "lost_so_far_usd": 13.0,
            "open_usd_per_day": 66.0,  # 42 + 20 + 3 + 1
            "saved_usd_per_day": 30.1,
            "causes": 2,
        },
        "not_judged": ["observations/x.csv (A9: no neighbour)"],
        "unreadable": [],
        "cost": None,
    }
    warned = {(one.check, one.about) for one in report.findings if one.state == "warning"}
    assert warned == {("files", "observations"), ("files", "ona-ooda-dev"), ("forecasts", "without")}
    assert (report.state, exit_code(report.state)) == ("warning", 1)


def test_a_day_without_anything_is_well(cloud: None) -> None:
    report = asked("2024-02-29")
    assert (report.state, exit_code(report.state)) == ("ok", 0)
    assert report.figures.money.model_dump() == dict.fromkeys(report.figures.money.model_dump(), 0)


def test_nothing_accepted_is_critical(cloud: None) -> None:
    outcome("1", "observations/a.csv", "2025-06-10T08:00:00", "quarantined")
    assert exit_code(asked().state) == 2
    outcome("2", "observations/b.csv", "2025-06-10T08:00:00", "nothing_found")
    assert exit_code(asked().state) == 1


def test_what_cannot_be_read_is_named_and_the_rest_is_counted(cloud: None) -> None:
    the_day()
    put("outcomes/10.json", "no JSON")
    gone = {"bucket": OUT, "key": "detections/2025/06/10/gone.json", "version_id": ""}
    outcome("11", "observations/g.csv", "2025-06-10T08:00:00", "found", detection=gone)
    order("wo-9", "no time", 1.0)
    report = asked()
    assert {where.rpartition("/")[2].rpartition(" ")[2] for where in report.figures.unreadable} == {
        "10.json",
        "gone.json",
        "wo-9",
    }
    assert report.figures.files["observations"].number == 6
    assert report.figures.orders.open == 4


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2025-06-10", "Africa/Johannesburg", 24),
        ("2025-03-30", "Europe/Berlin", 23),
        ("2025-10-26", "Europe/Berlin", 25),
        ("2025-06-10", "Pacific/Kiritimati", 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_on_the_wall_says(day: str, zone: str, hours: int) -> None:
    window = Window.of(date.fromisoformat(day), ZoneInfo(zone))
    assert window.hours == hours
    inside = [window.start.astimezone(ZoneInfo(zone)).isoformat()[:16], window.holds(window.end)]
    assert inside == [f"{day}T00:00", False]


def test_a_loss_that_nobody_could_judge_is_said_and_its_absence_is_not(cloud: None) -> None:
    def said() -> list[str]:
        return [one.text for one in asked().findings if one.about == "not judged"]

    assert said() == []
    outcome("3", "observations/x.csv", "2025-06-10T12:00:00", "nothing_found", **_ALONE)
    [text] = said()
    assert text.startswith("1 file, in which an asset could not be judged")
    assert "observations/x.csv (A9: no neighbour)" in text
