"""An item of the table of crews that no plan can compute with costs its crew, and no plan.

Each case is a visit, sound in its form, which a plan would move: with every plan that is made it computes.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ona.repairs import crews
from ona.store import tables
from ona.store.unreadable import Unreadable
from ooda.config import loss_function
from ooda.schedule.plan import make_plan
from ooda.schedule.rules import PlanningRules
from ooda.schedule.travel import parse_legs
from tests.builders.plans import NOW, booked, check, crew, plan, request

BAD_WORK: dict[str, dict[str, Any]] = {
    "no zone": {"zone": "Mars/Phobos"},
    "a zone with a way out": {"zone": "../../etc/passwd"},
    "a zone with NUL": {"zone": "\x00"},
    "a zone that is a folder": {"zone": "Africa"},
    "hours of nothing": {"hours": 0.0},
    "hours below nothing": {"hours": -5.0},
    "hours of a hundred thousand years": {"hours": 1e9},
    "hours beyond a double's worth of days": {"hours": 1e120},
    "USD beyond reason": {"daily_usd": 1e120, "standing_usd": 1e120},
    "a part beyond reason": {"part_usd": -1e120},
    "growth beyond a double": {"growth_percent": 1e120},
    "growth below nothing": {"growth_percent": -1e9},
    "a severity beyond reason": {"severity": 1e120},
}
SOUND_WORK: dict[str, dict[str, Any]] = {
    "an old alias of a zone": {"zone": "Africa/Asmera"},
    "UTC": {"zone": "UTC"},
    "a week's work": {"hours": 40.0},
    "a loss that doubles each day": {"growth_percent": 100.0},
    "worth nothing": {"daily_usd": 0.0, "standing_usd": 0.0},
}


def _stored(number: int, changes: dict[str, Any]) -> None:
    """A crew in the table with a visit that may move, whose work has these changes."""
    team = [crew(number)]
    visit = booked(plan([request(number, cause="inverter_failure", daily=55)], team), team)[0]
    item = visit.item()
    assert item["bookings"]
    assert item["bookings"][0]["work"]
    item["bookings"][0]["work"] |= changes
    tables.put("crews", item)


@pytest.mark.parametrize("changes", BAD_WORK.values(), ids=BAD_WORK)
def test_a_visit_that_no_plan_can_compute_with_costs_its_crew(cloud: None, changes: dict[str, Any]) -> None:
    _stored(2, changes)
    team = crews.load()
    assert [one.crew_id for one in team] == ["crew-001"]
    urgent = [request(9, cause="inverter_failure", daily=5000)]
    check(plan(urgent, team), urgent, team)


BAD_CREWS: dict[str, dict[str, Any]] = {
    "a version of 126 digits": {"version": Decimal("1E+125")},
    "a version of 39 digits": {"version": Decimal("1E+38")},
    "a version far below nothing": {"version": Decimal("-1E+120")},
    "technicians of a visit": {"technicians": Decimal("1E+120")},
}
"""Whole numbers that DynamoDB holds and that no write can give back."""


def _with_number(changes: dict[str, Any]) -> None:
    """A second crew whose item, or whose visit, has these numbers."""
    team = [crew(2)]
    visit = booked(plan([request(2, cause="inverter_failure", daily=55)], team), team)[0]
    item = visit.item()
    at = item if "version" in changes else item["bookings"][0]
    at |= changes
    tables.put("crews", item)


@pytest.mark.parametrize("changes", BAD_CREWS.values(), ids=BAD_CREWS)
def test_a_number_that_cannot_be_written_back_costs_its_crew(cloud: None, changes: dict[str, Any]) -> None:
    """Each booking checks all crews' versions: one such crew stopped the planning of all customers."""
    _with_number(changes)
    team = crews.load()
    assert [one.crew_id for one in team] == ["crew-001"]
    made = plan([request(9, cause="inverter_failure", daily=5000)], team)
    crews.book(team, made.bookings, NOW)
    [one] = crews.load()
    assert (one.version, len(one.bookings)) == (1, 1)


@pytest.mark.parametrize("version", [0, 10**6, 10**14], ids=["new", "a million changes", "far too many"])
def test_a_large_number_is_planned_with(cloud: None, version: int) -> None:
    _with_number({"version": version})
    team = crews.load()
    assert [one.crew_id for one in team] == ["crew-001", "crew-002"]
    crews.book(team, plan([request(9, cause="inverter_failure", daily=5000)], team).bookings, NOW)
    assert sum(len(one.bookings) for one in crews.load()) == 2


@pytest.mark.parametrize("base", [None, "Soweto", {"latitude": 95.0, "longitude": 28.0}], ids=str)
def test_a_crew_without_base_keeps_its_visits_and_stops_no_plan(cloud: None, base: Any) -> None:
    _stored(2, {})
    item = next(one.item() for one in crews.load() if one.crew_id == "crew-002") | {"base": base}
    tables.put("crews", item if base else {name: value for name, value in item.items() if name != "base"})
    team = crews.load()
    assert [len(one.bookings) for one in team] == [0, 1]
    urgent = [request(9, cause="inverter_failure", daily=5000)]
    made = plan(urgent, team)
    check(made, urgent, team)
    assert list(made.bookings) == ["crew-001"]
    alone = plan(urgent, team[1:]).jobs[0]
    assert alone.decision == "unschedulable"
    assert "crew-002: has no base: enter its latitude and longitude in the crews table" in alone.reason


def test_where_no_crew_can_be_read_planning_goes_on_and_says_which(cloud: None) -> None:
    for one in crews.load():
        tables.put("crews", one.item() | {"size": 0})
    unread: list[Unreadable] = []
    assert crews.load(unread) == []
    words = [f"{entry.where} cannot be read: {entry.why}" for entry in unread]
    config = loss_function.loss_function_config()
    rules = PlanningRules(config, config.weights)
    [job] = make_plan([request(1)], [], rules, now=NOW, seed=1, seconds=5.0, unread=words).jobs
    assert job.decision == "unschedulable"
    assert "crew-001" in job.reason
    assert "size" in job.reason


def test_a_finding_that_no_plan_can_compute_with_holds_up_no_other() -> None:
    odd = request(1, cause="wrong_setpoint")
    odd = replace(odd, finding=odd.finding.model_copy(update={"severity": 7.0}))
    jobs = {job.asset_id: job for job in plan([odd, request(2, cause="wrong_setpoint")], [crew(1)]).jobs}
    assert jobs["INV-1"].decision == "unschedulable"
    assert (
        "severity: Input should be less than or equal to 1; see diagnostics/x.json" in jobs["INV-1"].reason
    )
    assert jobs["INV-2"].decision == "scheduled"


def test_a_wrong_line_of_travel_csv_costs_its_way_only() -> None:
    bad: list[Unreadable] = []
    legs = parse_legs(b"from,to,minutes,km\ncrew-001,site,50,30\ncrew-001,far,x,1\n", bad)
    assert legs == {("crew-001", "site"): (50.0, 30.0)}
    assert [entry.where for entry in bad] == ["travel.csv, line 3"]


@pytest.mark.parametrize("changes", SOUND_WORK.values(), ids=SOUND_WORK)
def test_a_visit_that_only_looks_odd_costs_nothing(cloud: None, changes: dict[str, Any]) -> None:
    _stored(2, changes)
    team = crews.load()
    assert [one.crew_id for one in team] == ["crew-001", "crew-002"]
    made = plan([request(9, cause="inverter_failure", daily=5000)], team)
    assert "scheduled" in [job.decision for job in made.jobs]


def test_an_asset_whose_zone_there_is_none_is_planned_in_the_usual_one(cloud: None) -> None:
    """Registries of before may have one; what is put now is refused."""
    typing_error = request(1, cause="inverter_failure", daily=55)
    odd = typing_error.asset.model_copy(update={"timezone": "Johannesburg"})
    made = plan([type(typing_error)(**{**vars(typing_error), "asset": odd})], [crew(1)])
    assert [job.decision for job in made.jobs] == ["scheduled"]
