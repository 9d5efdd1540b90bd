"""Plans keep every constraint, whatever the case; parts follow the user's rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona import config
from ona.assets import Location
from ona.config import WEEKDAYS, Part
from ona.crews import Away, Booking, Crew
from ona.parts import fits, ranked, score
from ona.payloads import S3Pointer
from ona.records import Finding, FindingComponent
from schedule.calendars import _holidays, closed, country_of
from schedule.plan import Plan, Request, distance_km, make_plan
from tests.conftest import SITE, make_asset, sunny_day
from tests.unit.test_detect import between
from tests.unit.test_diagnose import diagnose

NOW = datetime(2025, 6, 11, 9, 3, tzinfo=UTC)
YOUTH_DAY = date(2025, 6, 16)
"""A Monday, and a public holiday in South Africa."""
ZONE = ZoneInfo("Africa/Johannesburg")
SKILLS = ["inverter_maintenance", "electrical_work", "mechanical_repair"]


def _june(day: int) -> date:
    return date(2025, 6, 11) + timedelta(days=day)


def template() -> Finding:
    day = sunny_day()
    day.loc[between(day, "09:00", "23:00"), "power_kw"] = 0.0
    return diagnose(day)[0]


TEMPLATE = template()


def request(
    number: int,
    *,
    cause: str = "inverter_failure",
    daily: float = 80.0,
    risk: str = "critical",
    site: str = "site",
    location: Location = SITE,
    open_order: str = "",
) -> Request:
    rule = config.causes()[cause]
    finding = TEMPLATE.model_copy(
        update={
            "finding_id": f"find-{number}",
            "finding_key": f"INV-{number}#x#{cause}",
            "asset_id": f"INV-{number}",
            "risk_class": risk,
            "cause": cause,
            "incident_ids": [f"inc-{number}"],
            "energy_at_risk": TEMPLATE.energy_at_risk.model_copy(update={"daily_loss_usd": daily}),
        }
    )
    asset = make_asset(f"INV-{number}", site_id=site, location=location)
    pointer = S3Pointer(bucket="out", key="diagnostics/x.json")
    return Request(finding, asset, rule, pointer, open_order)


def crew(number: int, **changes: Any) -> Crew:
    base: dict[str, Any] = {
        "crew_id": f"crew-{number:03d}",
        "base": Location(latitude=-26.1, longitude=28.1),
        "specialisations": SKILLS,
        "size": 3,
    }
    return Crew.model_validate({**base, **changes})


def plan(requests: list[Request], crews: list[Crew]) -> Plan:
    rules = config.loss_function()
    return make_plan(
        requests, crews, now=NOW, rules=rules, weights=rules.weights, catalogue=config.parts().parts
    )


def check(result: Plan, requests: list[Request], crews: list[Crew]) -> None:
    """Every constraint that a plan must obey."""
    rules = config.loss_function()
    assert sorted(job.finding_id for job in result.jobs) == sorted(r.finding.finding_id for r in requests)
    by_crew = {item.crew_id: list(item.bookings) for item in crews}
    for crew_id, bookings in result.bookings.items():
        by_crew[crew_id] += bookings
    everyone = [b for bookings in by_crew.values() for b in bookings]
    for crew_id, bookings in by_crew.items():
        ordered = sorted(bookings, key=lambda b: b.leaves)
        for earlier, later in pairwise(ordered):
            assert earlier.returns <= later.leaves, "double booking"
        hours: dict[Any, float] = {}
        for booking in ordered:
            day = booking.leaves.astimezone(ZONE).date()
            hours[day] = hours.get(day, 0) + (booking.returns - booking.leaves).total_seconds() / 3600
        assert all(value <= rules.crew.hours_per_day + 1e-9 for value in hours.values())
        known = next(item for item in crews if item.crew_id == crew_id)
        for booking in result.bookings.get(crew_id, []):
            local_leave, local_back = booking.leaves.astimezone(ZONE), booking.returns.astimezone(ZONE)
            assert local_leave.time() >= rules.constraints.working_hours.start
            assert local_back.time() <= rules.constraints.working_hours.end
            assert local_leave.date() == local_back.date()
            day = local_leave.date()
            weekday = WEEKDAYS[day.weekday()]
            assert weekday in (known.working_days or rules.constraints.working_hours.days)
            assert day != YOUTH_DAY or known.works_on_holidays
            assert not any(absence.first <= day <= absence.last for absence in known.away)
            assert booking.specialization in known.specialisations
            assert booking.technicians <= known.size
            assert booking.travel_km <= 2 * rules.crew.max_travel_distance_km
            assert booking.leaves >= NOW
    for booking in everyone:
        running = sum(b.leaves <= booking.leaves < b.returns for b in everyone)
        assert running <= rules.constraints.max_concurrent_jobs
    for job in result.jobs:
        if job.decision == "scheduled" and job.parts_arrive:
            assert job.scheduled_start is not None
            assert job.scheduled_start >= job.parts_arrive


places = st.builds(
    Location, latitude=st.floats(-27.5, -25.5), longitude=st.floats(27.5, 29.5), address=st.just("")
)
jobs = st.lists(
    st.tuples(
        st.sampled_from(sorted(config.causes())),
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
@settings(max_examples=250, deadline=None)
def test_no_plan_breaks_a_constraint(work: list[Any], crews: list[Any]) -> None:
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
    booked = [
        item.model_copy(update={"bookings": [*item.bookings, *first.bookings.get(item.crew_id, [])]})
        for item in team
    ]
    more = [request(100 + n, daily=90, location=SITE) for n in range(3)]
    check(plan(more, booked), more, booked)
    # and the same work again books nothing new
    again = plan(requests, booked)
    kept = {job.finding_id for job in first.jobs if job.decision == "scheduled"}
    assert not kept & {b.finding_id for bookings in again.bookings.values() for b in bookings}


def test_each_reason_names_the_constraint_that_binds() -> None:
    far = Location(latitude=-30.0, longitude=28.0)
    cases = [
        ([crew(1, status="on leave")], request(1), "status is on leave"),
        ([crew(1, specialisations=["electrical_work"])], request(1), "lacks inverter_maintenance"),
        ([crew(1, size=1)], request(1), "has 1 technicians, 2 are needed"),
        ([crew(1)], request(1, location=far), "km away"),
        ([], request(1), "no crew is registered"),
    ]
    for crews, wanted, reason in cases:
        job = plan([wanted], crews).jobs[0]
        assert job.decision == "unschedulable"
        assert reason in job.reason


def test_cheap_work_waits_unless_critical_or_a_crew_goes_there_anyway() -> None:
    cheap = request(1, daily=20, risk="major")
    assert plan([cheap], [crew(1)]).jobs[0].decision == "deferred"
    assert plan([request(1, daily=20, risk="critical")], [crew(1)]).jobs[0].decision == "scheduled"
    together = plan([cheap, request(2, daily=200)], [crew(1)])
    assert {job.decision for job in together.jobs} == {"scheduled"}
    elsewhere = plan([cheap, request(2, daily=200, site="other")], [crew(1)])
    assert {job.decision for job in elsewhere.jobs} == {"scheduled", "deferred"}


def test_a_fault_with_an_open_order_books_nobody() -> None:
    result = plan([request(1, open_order="wo-7")], [crew(1)])
    assert (result.jobs[0].decision, result.jobs[0].work_order_id) == ("already_ordered", "wo-7")
    assert not result.bookings
    known = replace(request(1, open_order="wo-7"), ordered_as="INV-1#inverter#unknown_pattern")
    assert "then named unknown_pattern, now inverter_failure" in plan([known], [crew(1)]).jobs[0].reason


def test_work_waits_for_its_part_and_the_urgent_goes_first() -> None:
    result = plan([request(1, daily=60), request(2, daily=600)], [crew(1)])
    starts = {job.finding_id: job.scheduled_start for job in result.jobs}
    assert starts["find-2"] is not None
    assert starts["find-1"] is not None
    assert starts["find-2"] < starts["find-1"]
    assert min(starts.values()) >= NOW + timedelta(days=1)


def test_distance_is_the_great_circle_with_the_road_factor() -> None:
    london, paris = (
        Location(latitude=51.5074, longitude=-0.1278),
        Location(latitude=48.8566, longitude=2.3522),
    )
    assert distance_km(london, paris) == pytest.approx(343.6 * 1.25, rel=0.01)


COMPONENT = FindingComponent(oem="Sungrow", model="SG110CX", serial="s", type="fan")


def part(sku: str, price: float | None, lead: float | None, oem: str = "*", model: str = "*") -> Part:
    return Part(
        sku=sku, description=sku, component_type="fan", oem=oem, model=model,
        unit_price_usd=price, lead_time_days=lead,
    )  # fmt: skip


def test_parts_rank_by_price_plus_the_energy_lost_while_waiting() -> None:
    slow, fast = part("slow", 100, 10), part("fast", 150, 1)
    assert [p.sku for p in ranked([slow, fast], "fan", COMPONENT, 10.0)] == ["fast", "slow"]
    assert [p.sku for p in ranked([slow, fast], "fan", COMPONENT, 1.0)] == ["slow", "fast"]
    assert score(slow, 10.0) == 200.0


def test_ties_go_to_the_shorter_lead_time_then_to_the_lower_price() -> None:
    a, b = part("a", 100, 5), part("b", 140, 1)
    assert [p.sku for p in ranked([a, b], "fan", COMPONENT, 10.0)] == ["b", "a"]
    same = [part("d", 100, 5), part("c", 100, 5)]
    assert [p.sku for p in ranked(same, "fan", COMPONENT, 10.0)] == ["c", "d"]


def test_a_part_without_price_or_lead_time_ranks_last_and_misfits_are_left_out() -> None:
    unknown, dear = part("unknown", None, 1), part("dear", 9999, 90)
    other = part("other", 1, 0, oem="SMA")
    assert [p.sku for p in ranked([unknown, other, dear], "fan", COMPONENT, 10.0)] == ["dear", "unknown"]
    assert not fits(other, COMPONENT)


def test_a_booking_reads_back_as_it_was_written() -> None:
    booking = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    assert Booking.model_validate(booking.document()) == booking


def test_nobody_works_at_weekends_and_on_holidays_but_who_is_on_stand_by() -> None:
    friday = datetime(2025, 6, 13, 14, 0, tzinfo=UTC)  # 16:00 in Johannesburg: too late for four hours
    rules = config.loss_function()

    def start(team: list[Crew]) -> tuple[str, str]:
        job = make_plan(
            [request(1)], team, now=friday, rules=rules, weights=rules.weights, catalogue=[]
        ).jobs[0]
        assert job.scheduled_start is not None
        return f"{job.scheduled_start:%Y-%m-%d}", job.reason

    day, why = start([crew(1)])
    assert day == "2025-06-17"
    assert "no work on 14 June (Saturday), 15 June (Sunday), 16 June (Youth Day)" in why
    week = list(WEEKDAYS)
    assert start([crew(1, working_days=week)])[0] == "2025-06-14"
    assert start([crew(1, working_days=["monday"], works_on_holidays=True)])[0] == "2025-06-16"
    leave = [{"first": "2025-06-14", "last": "2025-06-18", "why": "training"}]
    day, why = start([crew(1, working_days=week, away=leave)])
    assert day == "2025-06-19"
    assert "18 June (training)" in why
    assert start([crew(1), crew(2, working_days=week)])[0] == "2025-06-14", "who works is sent"


@pytest.mark.parametrize(
    ("zone", "country", "day", "name"),
    [
        ("America/New_York", "US", date(2026, 11, 26), "Thanksgiving"),
        ("Africa/Johannesburg", "ZA", date(2026, 9, 24), "Heritage Day"),
        ("Asia/Kolkata", "IN", date(2026, 1, 26), "Republic Day"),
        ("UTC", "", date(2026, 12, 25), ""),
        ("Nowhere/Else", "", date(2026, 12, 25), ""),
    ],
)
def test_holidays_are_those_of_the_zones_country(zone: str, country: str, day: date, name: str) -> None:
    hours = config.loss_function().constraints.working_hours
    assert country_of(zone) == country
    assert name in closed(day, zone, crew(1), hours)
    assert bool(closed(day, zone, crew(1), hours)) == bool(name)
    off = hours.model_copy(update={"public_holidays": False})
    assert closed(day, zone, crew(1), off) == ""


def test_a_country_that_the_library_does_not_know_has_no_holidays() -> None:
    assert _holidays("XX", 2026) == {}


def test_a_job_tells_what_a_day_of_waiting_costs() -> None:
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
