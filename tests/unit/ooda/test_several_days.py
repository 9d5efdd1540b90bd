"""Work of several days: one crew, one calendar, one visit, until it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ona.documents.assets import Location
from ona.repairs import crews as table
from ona.repairs.crews import Away, Booking
from ona.store import tables
from ooda.config import loss_function
from ooda.schedule.requests import RepairRequest
from tests.builders.plans import NOW, YOUTH_DAY, ZONE, booked, check, crew, part, plan, request

RULES = loss_function.loss_function_config()


def long(number: int = 1, hours: float = 20.0, **changes: Any) -> RepairRequest:
    """A repair of so many hours that needs no part."""
    wanted = request(number, cause="wrong_setpoint", **changes)
    return replace(wanted, rule=wanted.rule.model_copy(update={"duration_hours": hours}))


def days_of(booking: Booking) -> list[date]:
    """The days of a visit, in Johannesburg."""
    return [time.leaves.astimezone(ZONE).date() for time in booking.times]


def only(result: Any) -> Booking:
    """The one visit of a plan."""
    [booking] = [b for bookings in result.bookings.values() for b in bookings]
    return booking


def hours_of(booking: Booking) -> float:
    """Hours of work, all days together."""
    return sum((time.end - time.start).total_seconds() for time in booking.times) / 3600.0


def test_it_goes_on_the_next_day_with_the_same_crew_until_it_is_done() -> None:
    wanted, team = long(hours=19.0), [crew(1), crew(2)]
    result = plan([wanted], team)
    check(result, [wanted], team)
    booking = only(result)
    assert hours_of(booking) == 19.0
    assert days_of(booking) == [date(2025, 6, 11), date(2025, 6, 12), date(2025, 6, 13)], "from today on"
    assert (booking.start, booking.end) == (booking.days[0].start, booking.days[-1].end)
    [job] = result.jobs
    assert (job.scheduled_start, job.scheduled_end) == (booking.start, booking.end)
    assert [(day.start, day.end) for day in job.visit_days] == [(d.start, d.end) for d in booking.days]
    assert job.loss_terms["energy"] == pytest.approx(
        80.0 * (booking.end - NOW).total_seconds() / 86400, abs=0.01
    )
    travel = booking.days[0].start - booking.days[0].leaves
    out = 19.0 + 2 * 3 * travel.total_seconds() / 3600.0
    paid = booking.technicians * out * RULES.crew.hourly_cost_usd
    paid += booking.travel_km * RULES.crew.travel_cost_usd_per_km
    assert job.loss_terms["cost"] == pytest.approx(paid, abs=0.1)
    assert result.summary is not None
    assert result.summary.optimal
    assert all(usd >= result.summary.loss_usd - 0.01 for usd in result.summary.compared.values())


def test_work_that_just_fits_a_day_is_not_split() -> None:
    near = Location(latitude=-26.1, longitude=28.1)
    day = RULES.crew.hours_per_day
    fits = long(1, hours=day, location=near, risk="major")
    wider = long(1, hours=day + 5 / 60, location=near, risk="major")
    booking = only(plan([fits], [crew(1)]))
    assert booking.days == []
    assert hours_of(booking) == day
    assert len(only(plan([wider], [crew(1)])).days) == 2


@pytest.mark.parametrize(
    ("latitude", "risk", "begun_today"),
    [(-26.1, "critical", True), (-26.1, "major", False), (-25.6, "critical", False)],
)
def test_critical_work_is_begun_in_what_is_left_of_today(
    latitude: float, risk: str, begun_today: bool
) -> None:
    """At 13:30 no four hours are left of today. Critical work is finished tomorrow at 08:30 instead of
    12:00; other work waits for a day of its own, and so does work to which a second way costs more."""
    now = datetime(2025, 6, 11, 11, 30, tzinfo=UTC)
    where = Location(latitude=latitude, longitude=28.1)
    wanted = long(hours=4.0, location=where, daily=80.0, risk=risk)
    cheap = long(2, hours=1.0, daily=60.0)
    team = [crew(1), crew(2)]
    result = plan([wanted, cheap], team, now=now)
    check(result, [wanted, cheap], team)
    made = [b for bookings in result.bookings.values() for b in bookings]
    booking = next(b for b in made if b.finding_key == wanted.finding.finding_key)
    assert hours_of(booking) == 4.0
    assert (booking.days != []) == begun_today
    assert (days_of(booking)[0] == date(2025, 6, 11)) == begun_today
    assert result.summary is not None
    assert all(usd >= result.summary.loss_usd - 0.01 for usd in result.summary.compared.values())


def test_one_crew_more_never_makes_a_plan_dearer() -> None:
    """Six hours do not fit in the far crew's day: it needs two. With a near crew too it is no dearer."""
    part_later = part("PM", 900.0, 6).model_copy(update={"component_type": "power_module"})
    wanted = request(1)
    wanted = replace(wanted, rule=wanted.rule.model_copy(update={"duration_hours": 6.0}))
    near, far = crew(1), crew(2, base=Location(latitude=-26.5, longitude=28.4))
    loss = []
    for team in ([far], [near, far]):
        result = plan([wanted], team, catalogue=[part_later])
        check(result, [wanted], team)
        assert result.summary is not None
        loss.append(result.summary.loss_usd)
    assert loss[1] <= loss[0]


def test_other_days_of_a_visit_that_begins_as_promised_are_said() -> None:
    team = booked(plan([long(1, 20.0)], [crew(1)]), [crew(1)])
    before = days_of(team[0].bookings[0])
    team = [team[0].model_copy(update={"away": [Away(first=before[1], last=before[1], why="ill")]})]
    result = plan([], team, now=NOW + timedelta(minutes=1))
    [change] = [one for one in result.changes if one.change == "moved"]
    assert change.why.startswith("begins as promised, then goes on: 13 June, ")
    assert ", not 12 June, 13 June" in change.why


def test_what_is_left_of_each_day_is_used_where_no_day_is_free_for_so_long() -> None:
    """Each morning of the crew is booked: six hours are done on two afternoons."""
    team = [crew(1)]

    def morning(n: int) -> Booking:
        at = datetime(2025, 6, 11, 8, tzinfo=ZONE) + timedelta(days=n)
        return Booking(
            finding_key=f"X-{n}#x#y",
            finding_id=f"find-x{n}",
            asset_id=f"X-{n}",
            site_id="x",
            leaves=at,
            start=at,
            end=at + timedelta(hours=4),
            returns=at + timedelta(hours=4),
            technicians=1,
            specialization="inverter_maintenance",
            travel_km=0.0,
        )

    full = [crew(1, bookings=[morning(n) for n in range(20)])]
    split = only(plan([long(1, hours=6.0)], full))
    assert len(split.days) == 2
    assert hours_of(split) == 6.0
    assert all(time.leaves.astimezone(ZONE).hour >= 12 for time in split.times)
    free = only(plan([long(1, hours=6.0, risk="major")], team))
    assert free.days == [], "with a free day it is done in one"


def test_days_off_and_holidays_and_weekends_lie_in_between() -> None:
    thursday = NOW + timedelta(days=1)
    booking = only(plan([long(1, 19.0, daily=900.0)], [crew(1)], now=thursday))
    assert days_of(booking) == [date(2025, 6, 12), date(2025, 6, 13), date(2025, 6, 17)]
    assert YOUTH_DAY not in days_of(booking)
    away = [Away(first=date(2025, 6, 12), last=date(2025, 6, 12), why="training")]
    result = plan([long(1, 14.0, daily=900.0)], [crew(1, away=away)])
    assert date(2025, 6, 12) not in days_of(only(result))
    assert "12 June (training)" in result.jobs[0].reason


def test_no_other_visit_is_planned_over_its_later_days_and_the_afternoon_is_free() -> None:
    team = [crew(1)]
    after = booked(plan([long(1, 16.0, daily=900.0)], team), team)
    stay = after[0].bookings[0]
    assert len(stay.days) == 3
    last = stay.days[-1]
    assert last.returns.astimezone(ZONE).hour < 13, "it ends about noon"
    more = [request(n, cause="grid_outage", daily=400.0 - n) for n in range(2, 6)]
    result = plan(more, after)
    check(result, more, after)
    times = [b.leaves for b in result.bookings["crew-001"]]
    assert min(times) >= last.returns
    assert min(times).astimezone(ZONE).date() == last.returns.astimezone(ZONE).date(), "the same afternoon"


def test_while_it_is_under_way_nothing_moves_it_and_it_is_not_planned_anew() -> None:
    wanted, team = long(1, 20.0), [crew(1)]
    after = booked(plan([wanted], team), team)
    second_day = NOW + timedelta(days=1, hours=1)
    again = plan([wanted, request(9, cause="grid_outage", daily=90_000.0)], after, now=second_day)
    by_asset = {job.asset_id: job for job in again.jobs}
    assert "time booked by an earlier run is kept" in by_asset["INV-1"].reason
    assert by_asset["INV-1"].scheduled_end == after[0].bookings[0].end
    assert not again.lifted
    assert [b.asset_id for b in again.bookings["crew-001"]] == ["INV-9"]
    assert again.bookings["crew-001"][0].leaves >= after[0].bookings[0].days[1].returns


def test_the_crew_brings_its_lift_on_each_day() -> None:
    wanted = long(1, 20.0)
    wanted = replace(wanted, rule=wanted.rule.model_copy(update={"equipment": ["lift"]}))
    without, having = crew(1), crew(2, equipment=["lift"])
    result = plan([wanted], [without, having])
    assert list(result.bookings) == ["crew-002"]
    assert "no other crew can do it" in result.jobs[0].reason
    refused = plan([wanted], [without]).jobs[0]
    assert refused.reason == "crew-001: has no lift"


def test_two_of_them_and_short_work_keep_every_constraint() -> None:
    team = [crew(1), crew(2, away=[Away(first=date(2025, 6, 12), last=date(2025, 6, 13))])]
    wanted = [long(1, 30.0, daily=300.0), long(2, 12.0, daily=200.0)]
    wanted += [request(n, daily=60.0 + n, risk="major") for n in range(3, 7)]
    result = plan(wanted, team)
    check(result, wanted, team)
    assert {job.decision for job in result.jobs} == {"scheduled"}
    assert result.summary is not None
    assert result.summary.bound_usd is not None
    assert result.summary.bound_usd <= result.summary.loss_usd
    assert plan(list(reversed(wanted)), team).jobs == result.jobs


def test_a_part_is_waited_for_and_cheap_work_of_several_days_is_left() -> None:
    slow = part("SLOW", 10.0, 5).model_copy(update={"component_type": "power_module"})
    wanted = request(1, cause="inverter_failure", daily=300.0)
    wanted = replace(wanted, rule=wanted.rule.model_copy(update={"duration_hours": 12.0}))
    booking = only(plan([wanted], [crew(1)], catalogue=[slow]))
    assert booking.start >= NOW + timedelta(days=5)
    assert len(booking.days) == 2
    cheap = plan([long(1, 20.0, daily=1.0, risk="minor")], [crew(1)]).jobs[0]
    assert cheap.decision == "deferred"
    assert "sending a crew costs more" in cheap.reason


def test_a_calendar_with_several_days_is_stored_and_given_back_as_one_visit(cloud: None) -> None:
    team = [crew(1)]
    made = plan([long(1, 20.0)], team)
    tables.put("crews", team[0].item())
    table.book(table.load(), made.bookings, NOW)

    def calendar() -> list[Booking]:
        return next(one.bookings for one in table.load() if one.crew_id == "crew-001")

    [visit] = calendar()
    assert [day.start for day in visit.days] == [day.start for day in only(made).days]
    assert table.release(visit.finding_key)
    assert calendar() == []
