"""What a plan reckons with: holidays, daylight, distances, measured ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from ona.documents.assets import Location
from ona.repairs.crews import Crew, Work
from ona.runtime.clock import WEEKDAYS
from ona.runtime.errors import InvalidConfiguration
from ooda.config import loss_function
from ooda.schedule.calendars import _holidays, country_of, why_closed
from ooda.schedule.daylight import sun
from ooda.schedule.rules import PlanningRules
from ooda.schedule.travel import distance_km, leg, parse_legs, ways
from tests.builders.plans import crew, part, plan, request


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
    assert name in why_closed(day, zone, crew(1), hours)
    assert bool(why_closed(day, zone, crew(1), hours)) == bool(name)
    off = hours.model_copy(update={"public_holidays": False})
    assert why_closed(day, zone, crew(1), off) == ""


def test_a_country_that_the_library_lacks_has_no_holidays() -> None:
    assert _holidays("XX", 2026) == {}


def test_distance_is_the_great_circle_with_the_road_factor() -> None:
    london, paris = (
        Location(latitude=51.5074, longitude=-0.1278),
        Location(latitude=48.8566, longitude=2.3522),
    )
    assert distance_km(london, paris) == pytest.approx(343.6 * 1.25, rel=0.01)


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
    solar_day = sun(Location(latitude=place[0], longitude=place[1]), day)
    for moment, listed in ((solar_day.rises, rises), (solar_day.sets, sets)):
        wanted = datetime.combine(moment.date(), time.fromisoformat(listed), UTC)
        assert abs(moment - wanted) < timedelta(minutes=5)
    assert solar_day.produced(solar_day.rises) == 0.0
    assert solar_day.produced(solar_day.rises + (solar_day.sets - solar_day.rises) / 2) == pytest.approx(
        0.5
    )
    assert solar_day.produced(solar_day.sets) == pytest.approx(1.0)


def test_only_crews_on_stand_by_work_at_weekends_and_on_holidays() -> None:
    friday = datetime(2025, 6, 13, 14, 0, tzinfo=UTC)  # 16:00 in Johannesburg: too late for four hours

    def start(team: list[Crew]) -> tuple[str, str]:
        stocked = part("PM", 900.0, 0).model_copy(update={"component_type": "power_module"})
        job = plan([request(1)], team, now=friday, catalogue=[stocked]).jobs[0]
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


def test_a_measured_way_counts_for_both_directions_and_for_the_distance_limit() -> None:
    legs = parse_legs(b"from,to,minutes,km\ncrew-001,site,50,30\n")
    result = plan([request(1, cause="grid_outage")], [crew(1)], catalogue=[], legs=legs)
    booking = result.bookings["crew-001"][0]
    assert booking.start - booking.leaves == timedelta(minutes=50) == booking.returns - booking.end
    assert booking.travel_km == 60
    far = parse_legs(b"from,to,minutes,km\nsite,crew-001,50,130\n")
    refused = plan([request(1)], [crew(1)], catalogue=[], legs=far)
    assert "130 km away" in refused.jobs[0].reason


def test_work_that_wants_light_ends_before_sunset_and_work_that_wants_dark_waits_for_it() -> None:
    north = Location(latitude=65.0, longitude=28.0)  # in December: four hours of light
    december = datetime(2025, 12, 15, 5, 0, tzinfo=UTC)
    base = crew(1, base=north)

    def starts(light: str) -> datetime | None:
        wanted = request(1, cause="grid_outage", location=north)
        wanted = replace(wanted, rule=wanted.rule.model_copy(update={"light": light}))
        return plan([wanted], [base], now=december, catalogue=[]).jobs[0].scheduled_start

    day = sun(north, date(2025, 12, 15))
    free, lit, dark = starts("any"), starts("day"), starts("dark")
    assert free is not None
    assert lit is not None
    assert dark is not None
    assert free < day.rises <= lit <= day.sets - timedelta(hours=2)
    assert dark >= day.sets or dark + timedelta(hours=2) <= day.rises


def test_ways_between_all_places_are_those_of_each_pair() -> None:
    """Two crews, one without base, and six works at four sites, of which one is unknown and one was moved;
    a way that is measured once, and one that takes longer back."""
    config = loss_function.loss_function_config()
    legs = {("a", "b"): (50.0, 30.0), ("b", "crew-001"): (20.0, 9.0), ("crew-001", "b"): (35.0, 12.0)}
    rules = PlanningRules(config, config.weights, [], legs)
    crews = [crew(1), crew(2, base=None)]
    at = [
        ("a", (-26.0, 28.0)),
        ("b", (-26.3, 28.4)),
        ("a", (-26.0, 28.0)),
        ("c", None),
        ("a", (-25.0, 28.0)),
    ]
    works = [
        Work.model_construct(site_id=name, location=Location(latitude=w[0], longitude=w[1]) if w else None)
        for name, w in [*at, at[3]]
    ]
    minutes, km = ways(works, crews, rules)
    places = [(c.crew_id, c.base) for c in crews] + [(w.site_id, w.location) for w in works]
    for n, (name, place) in enumerate(places):
        for m, (other, there) in enumerate(places):
            wanted = leg(name, other, place, there, rules) if n != m else (0.0, 0.0)
            assert (minutes[n][m], km[n][m]) == wanted, (n, m)
    assert (minutes[3][0], minutes[0][3]) == (20.0, 35.0), "there and back are measured apart"
