"""Plans keep every constraint, whatever the case, and say why each job is where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.config import causes
from ona.documents.assets import Location
from ona.repairs.crews import Away
from ona.runtime.clock import WEEKDAYS
from ooda.schedule.requests import RepairRequest
from tests.builders.assets import SITE
from tests.builders.plans import NOW, SKILLS, booked, check, crew, part, plan, request


def _june(day: int) -> date:
    return date(2025, 6, 11) + timedelta(days=day)


places = st.builds(
    Location, latitude=st.floats(-27.5, -25.5), longitude=st.floats(27.5, 29.5), address=st.just("")
)
jobs = st.lists(
    st.tuples(
        st.sampled_from(sorted(causes.cause_rules())),
        st.floats(0, 500),
        st.sampled_from(["critical", "major", "minor", "negligible"]),
        st.sampled_from(["north", "south"]),
        places,
        st.booleans(),
    ),
    max_size=14,
)
teams = st.lists(
    st.tuples(
        st.lists(st.sampled_from(SKILLS), unique=True),
        st.integers(1, 4),
        places,
        st.sampled_from(["available", "available", "on leave"]),
        st.fixed_dictionaries(
            {},
            optional={
                "working_days": st.lists(st.sampled_from(WEEKDAYS), unique=True, min_size=1),
                "works_on_holidays": st.booleans(),
                "away": st.tuples(st.integers(0, 12), st.integers(0, 6)).map(
                    lambda at: [Away(first=_june(at[0]), last=_june(at[0] + at[1]))]
                ),
            },
        ),
    ),
    max_size=5,
)


@given(jobs, teams)
@settings(max_examples=100, deadline=None)
def test_no_plan_breaks_a_constraint(work: list[Any], crews: list[Any]) -> None:
    plan_and_check(work, crews)


@pytest.mark.soak
@given(jobs, teams)
@settings(max_examples=1_000, deadline=None)
def test_no_plan_of_a_thousand_breaks_a_constraint(work: list[Any], crews: list[Any]) -> None:
    plan_and_check(work, crews)


def plan_and_check(work: list[Any], crews: list[Any]) -> None:
    requests = [
        request(n, cause=c, daily=d, risk=r, site=s, location=p, open_order="wo-1" if o else "")
        for n, (c, d, r, s, p, o) in enumerate(work)
    ]
    team = [
        crew(n, specialisations=skills, size=size, base=base, status=status, **calendar)
        for n, (skills, size, base, status, calendar) in enumerate(crews)
    ]
    first = plan(requests, team)
    check(first, requests, team)
    assert plan(list(reversed(requests)), team).jobs == first.jobs, "order of input must not matter"
    # a second execution on the calendar that the first one left
    team_booked = booked(first, team)
    more = [request(100 + n, daily=90, location=SITE) for n in range(3)]
    second = plan(more, team_booked)
    check(second, more, team_booked)
    if second.summary and second.summary.optimal:
        compared = second.summary.compared  # none where visits of the first plan had to stay as they were
        assert compared or any(first.bookings.values())
        assert all(usd >= second.summary.loss_usd * 0.999 for usd in compared.values())
    # and the same work again books nothing new
    again = plan(requests, team_booked)
    scheduled = {job.finding_id for job in first.jobs if job.decision == "scheduled"}
    assert not scheduled & {b.finding_id for bookings in again.bookings.values() for b in bookings}


def test_each_reason_names_the_constraint_that_binds() -> None:
    far = Location(latitude=-30.0, longitude=28.0)
    cases = [
        ([crew(1, status="on leave")], request(1), "status is on leave"),
        ([crew(1, specialisations=["electrical_work"])], request(1), "lacks inverter_maintenance"),
        ([crew(1, size=1)], request(1), "has 1 technician, needed: 2"),
        ([crew(1)], request(1, location=far), "km away"),
        ([], request(1), "no crew is registered"),
    ]
    for crews, wanted, reason in cases:
        job = plan([wanted], crews).jobs[0]
        assert job.decision == "unschedulable"
        assert reason in job.reason


def test_cheap_work_waits_unless_critical_or_a_crew_goes_there_anyway() -> None:
    """Its deferral costs the production of the horizon; a visit on the way costs less than one of its
    own."""
    far = Location(latitude=-26.1, longitude=28.85)

    def cheap(risk: str = "minor") -> RepairRequest:
        return request(1, cause="inverter_trip", daily=3.0, risk=risk, location=far)

    alone = plan([cheap()], [crew(1)]).jobs[0]
    assert alone.decision == "deferred"
    assert "3.00 USD a day is below the threshold of 50" in alone.reason
    assert plan([cheap("critical")], [crew(1)]).jobs[0].decision == "scheduled"
    other = request(2, cause="inverter_trip", daily=8, location=far)
    together = plan([cheap(), other], [crew(1)])
    assert {job.decision for job in together.jobs} == {"scheduled"}
    assert sorted(job.travel_km for job in together.jobs) == pytest.approx([93.6, 93.6], abs=0.1)
    assert all("on one tour" in job.reason for job in together.jobs)
    elsewhere = plan([cheap(), request(2, cause="inverter_trip", daily=8)], [crew(1)])
    assert {job.decision for job in elsewhere.jobs} == {"scheduled", "deferred"}


def test_a_fault_with_an_open_order_books_no_crew() -> None:
    result = plan([request(1, open_order="wo-7")], [crew(1)])
    assert (result.jobs[0].decision, result.jobs[0].work_order_id) == ("already_ordered", "wo-7")
    assert not result.bookings
    visit = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    named = "INV-1#inverter#unknown_pattern"
    team = [crew(1, bookings=[visit.model_copy(update={"finding_key": named})])]
    renamed = replace(request(1, open_order="wo-7"), ordered_as=named)
    job = plan([renamed], team).jobs[0]
    assert job.decision == "already_ordered"
    assert "then named unknown_pattern, now inverter_failure" in job.reason


def test_an_open_order_whose_visit_is_over_gets_another_and_a_complete_one_waits_for_telemetry() -> None:
    old = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    week = timedelta(days=7)
    over = old.model_copy(
        update={name: getattr(old, name) - week for name in ("leaves", "start", "end", "returns")}
    )
    team = [crew(1, bookings=[over])]
    again = replace(request(1, open_order="wo-7"), ordered_as=over.finding_key)
    result = plan([again], team)
    assert [job.decision for job in result.jobs] == ["scheduled"]
    assert result.lifted == {over.finding_key}, "a fault has one visit"
    complete = plan([replace(again, status="COMPLETE")], team)
    assert complete.jobs[0].decision == "already_ordered"
    assert "is complete: telemetry since then will tell" in complete.jobs[0].reason
    assert plan([replace(again, status="IN_PROGRESS")], team).jobs[0].decision == "already_ordered"


def test_work_waits_for_its_part_and_the_urgent_goes_first() -> None:
    result = plan([request(1, daily=60), request(2, daily=600)], [crew(1)])
    starts = {job.finding_id: job.scheduled_start for job in result.jobs}
    assert starts["find-2"] is not None
    assert starts["find-1"] is not None
    assert starts["find-2"] < starts["find-1"]
    assert min(starts.values()) >= NOW + timedelta(days=1)


def test_a_job_shows_what_a_day_of_waiting_costs() -> None:
    steady = request(1, daily=80)
    growth = steady.finding.energy_at_risk.model_copy(
        update={"daily_loss_usd": 80.0, "growth_percent_per_day": 0.0}
    )
    steady = replace(steady, finding=steady.finding.model_copy(update={"energy_at_risk": growth}))
    job = plan([steady], [crew(1)]).jobs[0]
    assert job.waiting_a_day_usd == pytest.approx(80.0)
    assert "a day later costs 80 USD more" in job.reason
    grows = growth.model_copy(update={"growth_percent_per_day": 10.0})
    worse = replace(steady, finding=steady.finding.model_copy(update={"energy_at_risk": grows}))
    more = plan([worse], [crew(1)]).jobs[0]
    days = (more.scheduled_end - NOW).total_seconds() / 86400  # type: ignore[operator]
    assert more.waiting_a_day_usd == pytest.approx(80.0 * (1.1 ** (days + 1) - 1.1**days) / 0.1, abs=0.02)


def test_a_plan_states_its_cost_and_how_far_from_the_optimum_it_may_be() -> None:
    requests = [request(n, daily=60 + 40 * n, risk="major") for n in range(6)]
    summary = plan(requests, [crew(1), crew(2)]).summary
    assert summary is not None
    assert summary.optimal
    assert not summary.timed_out
    assert summary.gap_percent == 0.0
    assert summary.bound_usd == pytest.approx(summary.loss_usd, rel=1e-4)
    assert set(summary.compared) == {"first_come_first_served", "greedy"}
    assert all(cost >= summary.loss_usd - 0.01 for cost in summary.compared.values())


def test_work_that_nobody_can_do_is_no_loss_of_the_plan_that_hides_its_gap() -> None:
    """Leaving out work that must be done counts 100 000 USD where somebody could do it."""
    far = Location(latitude=-30.0, longitude=28.0)
    near = [request(n, daily=60 + 40 * n) for n in range(3)]
    alone = plan(near, [crew(1)]).summary
    beside = plan([*near, request(9, location=far)], [crew(1)]).summary
    assert alone is not None
    assert beside is not None
    assert alone.loss_usd < beside.loss_usd < alone.loss_usd + 10_000
    full = plan([request(n, daily=500) for n in range(40)], [crew(1)])
    assert full.summary is not None
    left = sum(job.decision == "unschedulable" for job in full.jobs)
    assert left == 0 or full.summary.loss_usd > 100_000 * left, "that is a plan's own choice"


def test_when_time_runs_out_the_best_plan_so_far_is_taken_and_marked() -> None:
    requests = [request(n, daily=60 + n) for n in range(12)]
    result = plan(requests, [crew(1), crew(2)], catalogue=[], seconds=0.0)
    assert result.summary is not None
    assert result.summary.timed_out
    assert not result.summary.optimal
    check(result, requests, [crew(1), crew(2)])
    assert {job.decision for job in result.jobs} <= {"scheduled", "unschedulable"}
    assert any("the cheapest plan found" in job.reason for job in result.jobs)


@pytest.mark.parametrize("cause", ["flood_damage", "bearing_wear"])
def test_work_longer_than_a_day_is_done_on_several(cause: str) -> None:
    team = [crew(1)]
    wanted = request(1, cause=cause)
    result = plan([wanted], team)
    check(result, [wanted], team)
    [job] = result.jobs
    assert job.decision == "scheduled"
    assert "takes 8 h: 2 days of the same crew, until " in job.reason
    assert job.duration_hours == wanted.rule.duration_hours
    [booking] = result.bookings["crew-001"]
    worked = sum((day.end - day.start).total_seconds() for day in booking.days) / 3600.0
    assert worked == wanted.rule.duration_hours


def test_work_whose_part_takes_weeks_is_planned_for_the_week_it_arrives() -> None:
    """Without an order nobody would order the part."""
    slow = part("SLOW", 1.0, 40).model_copy(update={"component_type": "power_module"})
    wanted, soon = request(1, daily=300), request(2, cause="wrong_setpoint")
    result = plan([wanted, soon], [crew(1)], catalogue=[slow])
    by_asset = {job.asset_id: job for job in result.jobs}
    start = by_asset["INV-1"].scheduled_start
    assert start is not None
    assert timedelta(days=40) <= start - NOW <= timedelta(days=47)
    assert by_asset["INV-2"].scheduled_start is not None
    assert by_asset["INV-2"].scheduled_start - NOW < timedelta(days=7)
    never = slow.model_copy(update={"lead_time_days": 200})
    [job] = plan([wanted], [crew(1)], catalogue=[never]).jobs
    assert (job.decision, job.reason) == (
        "unschedulable",
        "SLOW arrives in 200 days: nothing is planned more than 90 days ahead",
    )
