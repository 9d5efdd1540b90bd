"""Plans keep every constraint, whatever the case; parts follow the user's rule."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.config import causes, parts
from ona.config.parts import Consumable, Part, PartsCatalogue
from ona.documents.assets import Location
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding, FindingComponent
from ona.documents.work_orders import BomLine
from ona.repairs.crews import Away, Booking, Crew, without
from ona.repairs.parts import fits, ranked, score
from ona.runtime.clock import WEEKDAYS
from ona.runtime.errors import InvalidConfiguration
from ooda.config import loss_function
from ooda.order.bom import bill_of_materials
from ooda.schedule.calendars import _holidays, closed, country_of
from ooda.schedule.daylight import sun
from ooda.schedule.legs import parse_legs
from ooda.schedule.plan import Plan, Request, distance_km, make_plan
from tests.conftest import ROOT, SITE, make_asset, sunny_day
from tests.unit.ooda.test_detect import between
from tests.unit.ooda.test_diagnose import diagnose

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
    rule = causes.cause_rules()[cause]
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
    rules = loss_function.loss_function_config()
    return make_plan(
        requests,
        crews,
        now=NOW,
        rules=rules,
        weights=rules.weights,
        catalogue=parts.parts_catalogue().parts,
    )


def after(result: Plan, crews: list[Crew]) -> dict[str, list[Booking]]:
    """The calendars with the plan in them."""
    return {
        item.crew_id: [
            *(b for b in item.bookings if b.finding_key not in result.lifted),
            *result.bookings.get(item.crew_id, []),
        ]
        for item in crews
    }


def check(result: Plan, requests: list[Request], crews: list[Crew]) -> None:
    """Every constraint that a plan must obey."""
    rules = loss_function.loss_function_config()
    decided = [job for job in result.jobs if job.decision != "moved"]
    assert sorted(job.finding_id for job in decided) == sorted(r.finding.finding_id for r in requests)
    before = {b.finding_key: b for item in crews for b in item.bookings}
    frozen = NOW + timedelta(hours=rules.constraints.freeze_hours)
    assert all(before[key].leaves >= frozen for key in result.lifted), "what is near is not moved"
    placed = [b.finding_key for bookings in result.bookings.values() for b in bookings]
    assert result.lifted <= set(placed), "nobody loses a visit"
    assert len(placed) == len(set(placed))
    assert {job.finding_key for job in result.jobs if job.decision == "moved"} <= result.lifted
    by_crew = after(result, crews)
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
@pytest.mark.timeout(900)
@settings(max_examples=700, deadline=None)
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
    booked = [item.model_copy(update={"bookings": after(first, team)[item.crew_id]}) for item in team]
    more = [request(100 + n, daily=90, location=SITE) for n in range(3)]
    second = plan(more, booked)
    check(second, more, booked)
    if second.summary and second.summary.optimal:
        assert min(second.summary.compared.values()) >= second.summary.loss_usd * 0.999
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
    """Its deferral costs the production of the horizon; a visit on the way costs less than one of its
    own."""
    far = Location(latitude=-26.1, longitude=28.85)

    def cheap(risk: str = "minor") -> Request:
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


def test_a_fault_with_an_open_order_books_nobody() -> None:
    result = plan([request(1, open_order="wo-7")], [crew(1)])
    assert (result.jobs[0].decision, result.jobs[0].work_order_id) == ("already_ordered", "wo-7")
    assert not result.bookings
    visit = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    named = "INV-1#inverter#unknown_pattern"
    team = [crew(1, bookings=[visit.model_copy(update={"finding_key": named})])]
    known = replace(request(1, open_order="wo-7"), ordered_as=named)
    job = plan([known], team).jobs[0]
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


def test_what_lies_on_the_own_shelf_is_there_at_once() -> None:
    slow = part("slow", 100, 10)
    shelf = slow.model_copy(update={"sku": "shelf", "unit_price_usd": 120.0, "stock": 2})
    empty = shelf.model_copy(update={"sku": "empty", "stock": 0})
    assert [p.sku for p in ranked([slow, shelf, empty], "fan", COMPONENT, 10.0)] == [
        "shelf",
        "slow",
        "empty",
    ]
    assert (shelf.wait_days, empty.wait_days) == (0.0, 10.0)


def _bill(**changes: Any) -> list[BomLine]:
    wanted = request(1)
    paste = part("paste", 6.5, 0).model_copy(update={"component_type": "consumable"})
    module = Part(
        sku="module", description="", component_type="power_module", oem="*", model="*",
        unit_price_usd=900.0, lead_time_days=1.0, consumables=[Consumable(sku="paste", quantity=2)],
    )  # fmt: skip
    component = {"installation_date": datetime(2023, 1, 31, tzinfo=UTC), "warranty_months": 25, **changes}
    inverter = wanted.asset.components[0].model_copy(update=component)
    asset = wanted.asset.model_copy(update={"components": [inverter]})
    lines, _ = bill_of_materials(
        wanted.finding, wanted.rule, [module, paste], asset=asset, day=date(2025, 2, 27)
    )
    return lines


def test_a_part_brings_what_is_used_up_with_it() -> None:
    module, paste = _bill(warranty_months=None)
    assert (module.sku, module.recommended, module.total_price_usd) == ("module", True, 900.0)
    assert (paste.sku, paste.quantity, paste.total_price_usd, paste.consumable) == ("paste", 2, 13.0, True)
    assert not module.under_warranty


def test_a_part_under_warranty_is_claimed_not_bought() -> None:
    module, paste = _bill()  # until 28 February: 25 months after 31 January 2023
    assert (module.under_warranty, module.total_price_usd, module.unit_price_usd) == (True, 0.0, 900.0)
    assert paste.total_price_usd == 13.0
    assert not _bill(warranty_months=24)[0].under_warranty
    assert not _bill(installation_date=None)[0].under_warranty


def test_a_catalogue_names_its_consumables_and_its_version() -> None:
    line = part("a", 1, 1).model_dump()
    lost = {**line, "consumables": [{"sku": "nothing"}]}
    with pytest.raises(ValueError, match="not in the catalogue: nothing"):
        PartsCatalogue.model_validate({"version": 2, "parts": [lost]})
    with pytest.raises(ValueError, match="version"):
        PartsCatalogue.model_validate({"version": 3, "parts": [line]})
    assert PartsCatalogue.model_validate({"version": 1, "parts": [line]}).parts[0].stock is None
    schema = json.loads((ROOT / "docs" / "parts.schema.json").read_text())
    assert schema == PartsCatalogue.model_json_schema(), "run `make openapi`"


def test_a_booking_reads_back_as_it_was_written() -> None:
    booking = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    assert Booking.model_validate(booking.document()) == booking


def test_nobody_works_at_weekends_and_on_holidays_but_who_is_on_stand_by() -> None:
    friday = datetime(2025, 6, 13, 14, 0, tzinfo=UTC)  # 16:00 in Johannesburg: too late for four hours
    rules = loss_function.loss_function_config()

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
    hours = loss_function.loss_function_config().constraints.working_hours
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


# ------------------------------------------------------------------ plans that live


def _booked(result: Plan, team: list[Crew]) -> list[Crew]:
    return [item.model_copy(update={"bookings": after(result, team)[item.crew_id]}) for item in team]


def test_what_nobody_is_bound_to_yet_gives_way_to_what_costs_more_and_says_so() -> None:
    """Three half-days' work of little worth is planned; then a machine stops that loses a hundred times as
    much. It takes the first day on which its part is there, and the visit of that day is moved."""
    team = [crew(1)]
    first = [request(n, cause="inverter_failure", daily=55) for n in (1, 2, 3)]
    before = plan(first, team)
    booked = _booked(before, team)
    urgent = request(9, cause="inverter_failure", daily=5000)
    second = plan([urgent], booked)
    jobs = {job.finding_id: job for job in second.jobs}
    placed = jobs["find-9"].scheduled_start
    assert placed is not None
    moved = [job for job in second.jobs if job.decision == "moved"]
    assert moved
    assert placed in [booking.start for item in booked for booking in item.bookings]
    for job in moved:
        told = r"moved from \w+day .* to \w+day .*: with INV-9 the whole plan costs less"
        assert re.match(told, job.reason)
        assert job.scheduled_start is not None
        assert job.scheduled_start > placed
    assert second.summary is not None
    assert second.summary.jobs == 3, "one visit is near and stays"
    check(second, [urgent], booked)


def test_a_visit_that_is_near_is_not_moved() -> None:
    team = [crew(1)]
    near = plan([request(1, cause="grid_outage", daily=60)], team)
    booked = _booked(near, team)
    start = near.bookings["crew-001"][0].leaves
    assert start < NOW + timedelta(hours=loss_function.loss_function_config().constraints.freeze_hours)
    second = plan([request(9, cause="grid_outage", daily=9000)], booked)
    assert not second.lifted
    assert [job.decision for job in second.jobs] == ["scheduled"]


def test_a_visit_is_not_moved_for_less_than_moving_costs() -> None:
    """Whoever loses a dollar a day more would be first, by some dollars in all: not worth a phone call."""
    team = [crew(1)]
    booked = _booked(plan([request(n, daily=60) for n in (1, 2)], team), team)
    for daily, moves in ((61, 0), (90, 1)):
        second = plan([request(9, daily=daily)], booked)
        assert len([job for job in second.jobs if job.decision == "moved"]) == moves


def test_a_plan_tells_how_good_it_is() -> None:
    requests = [request(n, daily=60 + 40 * n, risk="major") for n in range(6)]
    summary = plan(requests, [crew(1), crew(2)]).summary
    assert summary is not None
    assert summary.optimal
    assert not summary.timed_out
    assert summary.gap_percent == 0.0
    assert summary.bound_usd == pytest.approx(summary.loss_usd, rel=1e-4)
    assert set(summary.compared) == {"first_come_first_served", "greedy"}
    assert all(cost >= summary.loss_usd - 0.01 for cost in summary.compared.values())


def test_when_time_runs_out_the_best_plan_found_is_taken_and_says_so() -> None:
    requests = [request(n, daily=60 + n) for n in range(12)]
    rules = loss_function.loss_function_config()
    result = make_plan(
        requests, [crew(1), crew(2)], now=NOW, rules=rules, weights=rules.weights, catalogue=[], seconds=0.0
    )
    assert result.summary is not None
    assert result.summary.timed_out
    assert not result.summary.optimal
    check(result, requests, [crew(1), crew(2)])
    assert {job.decision for job in result.jobs} <= {"scheduled", "unschedulable"}
    assert any("the cheapest plan found" in job.reason for job in result.jobs)


# ------------------------------------------------------------------ ways, light


def test_a_measured_way_counts_for_both_directions_and_for_the_distance_limit() -> None:
    rules = loss_function.loss_function_config()
    legs = parse_legs(b"from,to,minutes,km\ncrew-001,site,50,30\n")
    job = make_plan(
        [request(1, cause="grid_outage")], [crew(1)], now=NOW, rules=rules, weights=rules.weights,
        catalogue=[], legs=legs,
    )  # fmt: skip
    booking = job.bookings["crew-001"][0]
    assert booking.start - booking.leaves == timedelta(minutes=50) == booking.returns - booking.end
    assert booking.travel_km == 60
    far = parse_legs(b"from,to,minutes,km\nsite,crew-001,50,130\n")
    refused = make_plan(
        [request(1)], [crew(1)], now=NOW, rules=rules, weights=rules.weights, catalogue=[], legs=far
    )
    assert "130 km away" in refused.jobs[0].reason


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"from,to,minutes\n", "no column km"),
        (b"from,to,minutes,km\na,b,x,1\n", "line 2"),
        (b"from,to,minutes,km\na,b,1,1\na,c,-1,1\n", "line 3"),
        (b"from,to,minutes,km\na,b,nan,1\n", "line 2"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_wrong_travel_file_says_where(body: bytes, wrong: str) -> None:
    with pytest.raises(InvalidConfiguration, match=wrong):
        parse_legs(body)


@pytest.mark.parametrize(
    ("place", "day", "rises", "sets"),
    [  # timeanddate.com, rounded: London and Johannesburg at their solstices, Denver in winter
        ((51.5, -0.1), date(2025, 6, 21), "03:43", "20:21"),
        ((-26.2, 28.0), date(2025, 6, 21), "04:54", "15:24"),
        ((39.7, -105.0), date(2025, 12, 21), "14:17", "23:38"),
    ],
)
def test_the_sun_rises_when_it_does(place: tuple[float, float], day: date, rises: str, sets: str) -> None:
    known = sun(Location(latitude=place[0], longitude=place[1]), day)
    for moment, told in ((known.rises, rises), (known.sets, sets)):
        wanted = datetime.combine(moment.date(), time.fromisoformat(told), UTC)
        assert abs(moment - wanted) < timedelta(minutes=5)
    assert known.produced(known.rises) == 0.0
    assert known.produced(known.rises + (known.sets - known.rises) / 2) == pytest.approx(0.5)
    assert known.produced(known.sets) == pytest.approx(1.0)


def test_work_that_wants_light_ends_before_sunset_and_work_that_wants_dark_waits_for_it() -> None:
    north = Location(latitude=65.0, longitude=28.0)  # in December: four hours of light
    rules = loss_function.loss_function_config()
    december = datetime(2025, 12, 15, 5, 0, tzinfo=UTC)
    base = crew(1, base=north)

    def starts(light: str) -> datetime | None:
        wanted = request(1, cause="grid_outage", location=north)
        wanted = replace(wanted, rule=wanted.rule.model_copy(update={"light": light}))
        return make_plan(
            [wanted], [base], now=december, rules=rules, weights=rules.weights, catalogue=[]
        ).jobs[0].scheduled_start  # fmt: skip

    day = sun(north, date(2025, 12, 15))
    free, lit, dark = starts("any"), starts("day"), starts("dark")
    assert free is not None
    assert lit is not None
    assert dark is not None
    assert free < day.rises <= lit <= day.sets - timedelta(hours=2)
    assert dark >= day.sets or dark + timedelta(hours=2) <= day.rises


def test_a_visit_taken_off_a_tour_leaves_its_way_to_the_others() -> None:
    """Who goes on to the next site, or home, still has to get there."""
    requests = [request(n, cause="wrong_setpoint", daily=300 - n) for n in (1, 2, 3)]
    tour = plan(requests, [crew(1)]).bookings["crew-001"]
    assert [booking.on_tour for booking in tour] == [False, True, True]
    for gone in range(3):
        rest = without([tour[2], tour[0], tour[1]], tour[gone].finding_key)
        assert [booking.finding_key for booking in rest] == [
            booking.finding_key for n, booking in enumerate(tour) if n != gone
        ]
        assert (rest[0].leaves, rest[-1].returns) == (tour[0].leaves, tour[2].returns)
        assert rest[0].returns == rest[1].leaves
        assert not rest[0].on_tour
    assert without(tour, "another") == tour
    alone = tour[0].model_copy(update={"returns": tour[0].end})
    assert without([alone, tour[2]], alone.finding_key) == [tour[2]], (
        "two tours of a day have no part in each other"
    )


@pytest.mark.parametrize("cause", ["flood_damage", "bearing_wear"])
def test_work_longer_than_a_day_is_begun_and_says_so(cause: str) -> None:
    rules, team = loss_function.loss_function_config(), [crew(1)]
    wanted = request(1, cause=cause)
    made = plan([wanted], team)
    check(made, [wanted], team)
    [job] = made.jobs
    assert job.decision == "scheduled"
    assert "takes 8 h, more than a day: this is the first" in job.reason
    assert job.duration_hours == wanted.rule.duration_hours
    [booking] = made.bookings["crew-001"]
    out = (booking.returns - booking.leaves).total_seconds() / 3600.0
    assert rules.crew.hours_per_day - 0.2 < out <= rules.crew.hours_per_day, "a whole day is used"


def test_work_whose_part_takes_weeks_is_planned_for_the_week_it_arrives() -> None:
    """Without an order nobody would order the part."""
    rules = loss_function.loss_function_config()
    part = Part(sku="SLOW", description="x", component_type="power_module", oem="*", model="*",
                unit_price_usd=1.0, lead_time_days=40)  # fmt: skip
    wanted, soon = request(1, daily=300), request(2, cause="wrong_setpoint")
    made = make_plan(
        [wanted, soon], [crew(1)], now=NOW, rules=rules, weights=rules.weights, catalogue=[part]
    )
    found = {job.asset_id: job for job in made.jobs}
    start = found["INV-1"].scheduled_start
    assert start is not None
    assert timedelta(days=40) <= start - NOW <= timedelta(days=47)
    assert found["INV-2"].scheduled_start is not None
    assert found["INV-2"].scheduled_start - NOW < timedelta(days=7)
    never = part.model_copy(update={"lead_time_days": 200})
    [job] = make_plan(
        [wanted], [crew(1)], now=NOW, rules=rules, weights=rules.weights, catalogue=[never]
    ).jobs
    assert (job.decision, job.reason) == ("unschedulable", "SLOW arrives after 14 days")
