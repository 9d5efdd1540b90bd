"""Stops that machines of a site share are one event; those of one machine stay its own."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.detect.logged import Logged
from ooda.detect.plant_events import events_of
from ooda.documents.detections import Incident
from ooda.documents.event_logs import StoredEvent
from tests.builders.assets import make_asset, make_registry
from tests.builders.detection import between, telemetry_file
from tests.builders.telemetry import DAY, sunny_day

MACHINES = 6
Stops = dict[int, tuple[str, str]]
"""From when to when a machine gives nothing, by its number."""


def told(stops: Stops, logs: dict[str, Logged] | None = None) -> dict[str, list[Incident]]:
    """What a day's file and event logs say of six machines."""
    parts = []
    for n in range(1, MACHINES + 1):
        day = sunny_day(f"INV-{n:03d}", seed=n)
        if n in stops:
            day.loc[between(day, *stops[n]), "power_kw"] = 0.0
        parts.append(day)
    file = telemetry_file(pd.concat(parts, ignore_index=True), make_registry())
    return {
        v.detection.asset_id: v.detection.incidents for v in judge_assets(file, Context(logs=logs or {}))
    }


TURNS: Stops = {n: (f"{6 + n:02d}:00", f"{7 + n:02d}:00") for n in range(1, MACHINES + 1)}


@pytest.mark.parametrize(
    ("stops", "kind"),
    [
        (dict.fromkeys((1, 2, 3), ("08:00", "10:00")), "site_outage"),
        ({1: ("08:00", "10:00"), 2: ("08:15", "09:30")}, "site_outage"),
        (TURNS, "operation"),
    ],
    ids=["three at once", "two within a reading", "in turn"],
)
def test_a_common_cause_is_one_event_of_the_site(stops: Stops, kind: str) -> None:
    result = told(stops)
    found = [incident for incidents in result.values() for incident in incidents]
    assert [name for name, incidents in result.items() if incidents] == [f"INV-{n:03d}" for n in stops]
    assert {incident.kind for incident in found} == {kind}
    assert len({incident.event for incident in found}) == 1
    assert found[0].event


@pytest.mark.parametrize(
    "stops",
    [
        {1: ("08:00", "10:00")},
        {1: ("07:30", "08:30"), 4: ("11:00", "13:00")},
        {1: ("08:00", "09:00"), 2: ("09:00", "10:00")},
    ],
    ids=["one", "two apart", "two in a row"],
)
def test_a_machine_that_stops_for_itself_has_a_fault_of_its_own(stops: Stops) -> None:
    found = [incident for incidents in told(stops).values() for incident in incidents]
    assert [incident.kind for incident in found] == ["outage"] * len(stops)
    assert not any(incident.event for incident in found)


def test_nobody_is_sent_to_machines_that_are_switched_off_in_turn() -> None:
    assert not any(incident.actionable for incidents in told(TURNS).values() for incident in incidents)


TOGETHER: Stops = dict.fromkeys((1, 2, 3), ("08:00", "10:00"))


@pytest.mark.parametrize(
    ("start", "end", "text", "kind"),
    [
        (8, 10, "Fan failure", "outage"),
        (8, 8.01, "Fan failure", "outage"),
        (-10, 30, "Fan failure", "site_outage"),
        (13, 14, "Fan failure", "site_outage"),
        (9.5, 10, "Fan failure", "site_outage"),
        (8, 10, "Emergency stop", "site_outage"),
        (8, 10, "Connection lost", "site_outage"),
    ],
    ids=[
        "a part",
        "gone at once",
        "a warning of before",
        "of another time",
        "later",
        "no part",
        "no fault",
    ],
)
@pytest.mark.parametrize("stops", [TOGETHER, TURNS], ids=["together", "in turn"])
def test_a_log_that_names_the_fault_says_more_than_the_neighbours(
    stops: Stops, start: float, end: float, text: str, kind: str
) -> None:
    late = int(stops[2][0][:2]) - 8
    event = StoredEvent(
        start=DAY + timedelta(hours=start + late),
        end=DAY + timedelta(hours=end + late),
        code="309",
        text=text,
        seen=DAY + timedelta(hours=20),
    )
    result = told(stops, {"INV-002": Logged.of([event], make_asset("INV-002"))})
    shared = "site_outage" if stops is TOGETHER else "operation"
    wanted = "outage" if kind == "outage" else shared
    assert [incident.kind for incident in result["INV-002"]] == [wanted]
    assert [incident.kind for incident in result["INV-001"]] == [shared]


def test_a_machine_that_stops_again_when_others_come_back_is_no_rotation() -> None:
    """Plant 1 of the Indian set, 7 June: it had stood with them."""
    parts = []
    for n in range(1, MACHINES + 1):
        day = sunny_day(f"INV-{n:03d}", seed=n)
        if n <= 2:
            day.loc[between(day, f"0{7 + n}:00", "10:30"), "power_kw"] = 0.0
        if n == 2:
            day.loc[between(day, "11:00", "12:00"), "power_kw"] = 0.0
        if n == 3:
            day.loc[between(day, "09:30", "10:30"), "power_kw"] = 0.0
        parts.append(day)
    file = telemetry_file(pd.concat(parts, ignore_index=True), make_registry())
    found = [i for v in judge_assets(file, Context()) for i in v.detection.incidents]
    assert found
    assert "operation" not in {incident.kind for incident in found}


@pytest.mark.parametrize("length", ["09:30", "11:00"], ids=["shorter", "longer"])
def test_turns_of_unlike_length_are_one_event(length: str) -> None:
    """A rotation of groups whose first turn was cut by the dawn, or by clouds."""
    found = told({1: ("08:00", length), 2: ("08:00", length), 3: (length, "13:00"), 4: ("13:00", "13:45")})
    assert {i.kind for incidents in found.values() for i in incidents} == {"operation"}


@pytest.mark.parametrize(
    ("second", "events"),
    [("10:00", [2, 2]), ("13:00", [])],
    ids=["at once", "hours later"],
)
def test_what_stopped_together_and_never_came_back_is_one_event_on_the_next_day_too(
    second: str, events: list[int]
) -> None:
    """Two of five, and the day after: a feeder, or two machines that died for themselves."""
    parts = []
    for n in range(1, 6):
        days = pd.concat([sunny_day(f"INV-{n:03d}", seed=n), sunny_day(f"INV-{n:03d}", seed=n + 50)])
        days.iloc[len(days) // 2 :, days.columns.get_loc("timestamp")] += pd.Timedelta(days=1)
        if n < 3:
            since = DAY + pd.Timedelta("10:00:00" if n == 1 else f"{second}:00")
            days.loc[(days["timestamp"] >= since).to_numpy(), "power_kw"] = 0.0
        parts.append(days)
    file = telemetry_file(pd.concat(parts, ignore_index=True), make_registry(5))
    found = events_of(judge_assets(file, Context()))
    assert [len(event.machines) for own in found.values() for event in own] == events
