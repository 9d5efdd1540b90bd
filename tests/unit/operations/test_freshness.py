"""Which sites are late. The arrivals are written by hand, in hours before now, and so are the verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from operations.reading.freshness import Arrival, judge, usual_interval

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


def hours_ago(*hours: float, name: str = "INV-001.parquet") -> list[Arrival]:
    return [Arrival(name, NOW - timedelta(hours=number)) for number in hours]


def every_five_minutes(first_day: int, last_day: int, start: int = 6, end: int = 18) -> list[Arrival]:
    """Files from `start` to `end` o'clock UTC, on the days `first_day` to `last_day` before today."""
    midnight = NOW.replace(hour=0)
    return [
        Arrival("INV-001.parquet", midnight - timedelta(days=day) + timedelta(minutes=5 * step))
        for day in range(last_day, first_day + 1)
        for step in range(start * 12, end * 12)
        if midnight - timedelta(days=day) + timedelta(minutes=5 * step) <= NOW
    ]


DAILY = [22 + 24 * day for day in range(7)]


@pytest.mark.parametrize(
    ("what", "arrivals", "state"),
    [
        ("a daily file, the last one yesterday", hours_ago(*DAILY), "ok"),
        ("a daily file, four hours late", hours_ago(*(hour + 6 for hour in DAILY)), "ok"),
        ("a daily file missing for two days", hours_ago(*(hour + 30 for hour in DAILY)), "warning"),
        ("a daily file missing for three days", hours_ago(*(hour + 54 for hour in DAILY)), "critical"),
        ("five minutes by day, seen since dawn", every_five_minutes(7, 0), "ok"),
        ("nothing since yesterday evening, asked at 08:00", every_five_minutes(7, 1), "warning"),
        ("nothing for a day and a half", every_five_minutes(7, 2), "critical"),
        ("nothing ever", [], "warning"),
        ("one file an hour ago", hours_ago(1), "ok"),
        ("one file a week ago", hours_ago(168), "warning"),
        ("a file a week, the last one six days ago", hours_ago(144, 312, 480, 648), "ok"),
        ("a file a week, three weeks ago", hours_ago(510, 678, 846, 1014), "critical"),
    ],
)
def test_a_site_is_held_to_what_it_does(what: str, arrivals: list[Arrival], state: str) -> None:
    assert judge("karoo", arrivals, NOW).state == state, what


def test_a_night_is_no_silence() -> None:
    """At 05:00 a plant has sent nothing for eleven hours, as on every day at 05:00."""
    before_dawn = NOW.replace(hour=5)
    assert judge("karoo", every_five_minutes(7, 1), before_dawn).state == "ok"


def test_a_late_hour_of_one_day_is_no_reason() -> None:
    """Its last file of yesterday came at 18:00, those of the days before at 18:20: that is the same."""
    arrivals = every_five_minutes(7, 2, end=18) + every_five_minutes(1, 1)
    arrivals += [Arrival(a.name, a.at + timedelta(minutes=20)) for a in every_five_minutes(7, 2)]
    assert judge("karoo", arrivals, NOW.replace(hour=5)).state == "ok"


def test_many_machines_do_not_shorten_what_is_usual() -> None:
    """Fifty machines send within ten minutes, once a day: each sends every 24 hours."""
    arrivals = [
        arrival
        for machine in range(50)
        for arrival in hours_ago(*(hour + machine / 300 for hour in DAILY), name=f"INV-{machine}.parquet")
    ]
    assert usual_interval(arrivals) == timedelta(hours=24)
    assert judge("karoo", arrivals, NOW).state == "ok"


def test_a_file_of_many_days_is_one_arrival() -> None:
    """A backfill writes an object for each of its days within seconds."""
    backfill = [Arrival("INV-001.parquet", NOW - timedelta(hours=3, seconds=n)) for n in range(30)]
    assert usual_interval(backfill) is None
    assert judge("karoo", backfill, NOW).state == "ok"


def test_it_says_since_when_and_what_is_usual() -> None:
    found = judge("karoo", hours_ago(*(hour + 54 for hour in DAILY)), NOW)
    assert found.text == "last file 3 days ago, usually every 24 h"
    assert found.since == NOW - timedelta(hours=76)
    assert found.page == "docs/operations/symptoms/site-stale.md"
