"""Little new work in a large fleet: visits stay, those that give way where it pays do, nobody is worse off.

The cost of a calendar is reckoned here once more, from the bookings, with a formula of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

import pytest
import yaml

from ona.documents.assets import Location
from ona.repairs.crews import Booking, Crew
from ooda.config import loss_function
from ooda.schedule import around
from ooda.schedule.plan import Plan
from ooda.schedule.requests import RepairRequest
from ooda.schedule.rules import PlanningRules
from ooda.schedule.visits import Calendars, Visit
from ooda.schedule.work import works_of
from tests.builders.plans import NOW, booked, check, crew, plan, request
from tests.paths import ROOT

SITES = {f"site-{n}": Location(latitude=-26.1 + 0.7 * n, longitude=28.1) for n in range(4)}
"""About 100 km from one to the next: nobody takes the next one along."""
RULES: dict[str, Any] = yaml.safe_load((ROOT / "configs/ooda/loss_function.yaml").read_text())


def fleet(count: int) -> list[Crew]:
    """So many crews, the same number near each site."""
    return [crew(n, base=SITES[f"site-{n % 4}"], size=2 + n % 2) for n in range(count)]


def work(number: int, daily: float, site: int) -> RepairRequest:
    """A dead inverter of a site."""
    name = f"site-{site}"
    return request(number, daily=daily, site=name, location=SITES[name])


def promised(random: Random, count: int, crews: Sequence[Crew]) -> list[Crew]:
    """The crews with so many visits, booked in two plans."""
    first = [work(n, random.uniform(40, 400), random.randrange(4)) for n in range(count)]
    for some in (first[: count // 2], first[count // 2 :]):
        crews = booked(plan(some, crews), crews)
    return list(crews)


def bookings(crews: Sequence[Crew]) -> dict[str, tuple[str, Booking]]:
    return {b.finding_key: (item.crew_id, b) for item in crews for b in item.bookings}


def days(until: datetime) -> float:
    return max((until - NOW).total_seconds() / 86400.0, 0.0)


def cost(before: Sequence[Crew], after: Sequence[Crew]) -> float:
    """Weighted USD of all bookings, and of what was moved (docs/scheduling.md, by hand)."""
    weights, limits, crews = RULES["weights"], RULES["constraints"], RULES["crew"]
    then, total = bookings(before), 0.0
    for key, (crew_id, booking) in bookings(after).items():
        fault = booking.work
        assert fault is not None
        hours = sum((t.returns - t.leaves).total_seconds() for t in booking.times) / 3600.0
        total += weights["w_energy"] * fault.daily_usd * days(booking.end)
        total += weights["w_urgency"] * fault.severity * fault.daily_usd * days(booking.start)
        total += weights["w_cost"] * (
            booking.technicians * hours * crews["hourly_cost_usd"]
            + booking.travel_km * crews["travel_cost_usd_per_km"]
        )
        if fault.due is not None and booking.start > fault.due:
            total += limits["late_critical_usd"]
        if key in then and (crew_id, booking.start) != (then[key][0], then[key][1].start):
            near = max(1.0 - days(then[key][1].leaves) / limits["move_near_days"], 0.0)
            price = limits["move_cost_usd"] + near * (
                limits["move_cost_near_usd"] - limits["move_cost_usd"]
            )
            total += price * (1 + (crew_id != then[key][0]))
    return total


def whole(
    monkeypatch: pytest.MonkeyPatch, requests: Sequence[RepairRequest], crews: Sequence[Crew]
) -> Plan:
    """The plan that looks at everything again, as in a small fleet."""
    with monkeypatch.context() as patched:
        patched.setattr(around, "LARGE", 10**9)
        return plan(requests, crews)


def moved(result: Plan) -> list[str]:
    return [job.finding_id for job in result.jobs if job.decision == "moved"]


def test_ordinary_work_moves_nobody_and_says_that_the_others_were_not_asked() -> None:
    crews = promised(Random(1), 9, fleet(12))
    result = plan([work(90, 80.0, 1)], crews)
    assert [job.decision for job in result.jobs] == ["scheduled"]
    assert not result.lifted
    assert result.summary is not None
    assert result.summary.kept + result.summary.jobs - 1 <= 9
    assert result.summary.kept > 0
    assert "stay as promised" in result.jobs[0].reason
    check(result, [work(90, 80.0, 1)], crews)


def test_a_visit_gives_way_to_work_that_loses_a_hundred_times_as_much() -> None:
    """As many crews are out at once as may be. The distractor loses as much as the visits do: it waits."""
    crews = promised(Random(2), 14, fleet(12))
    urgent = work(90, 9000.0, 1)
    result = plan([urgent], crews)
    assert moved(result)
    check(result, [urgent], crews)
    alike = request(
        91, cause="inverter_failure", daily=100.0, risk="minor", site="site-1", location=SITES["site-1"]
    )
    assert not moved(plan([alike], crews))


def test_only_tours_near_the_work_are_asked_to_take_it_along() -> None:
    """A visit of several days takes nothing along, and 100 km are too far."""
    crews = booked(plan([work(n, 100.0 + n, n % 4) for n in range(8)], fleet(8)), fleet(8))
    rules = PlanningRules(
        loss_function.loss_function_config(), loss_function.loss_function_config().weights
    )
    calendars = Calendars.of(crews, NOW, rules)
    [new] = works_of([work(9, 100.0, 2)], NOW, rules)[0]
    found = around.near([new], calendars, rules)
    visits = {key: visit.booking for key, visit in calendars.movable.items()}
    assert found == {
        key for key, booking in visits.items() if booking.site_id == "site-2" and not booking.days
    }
    assert any(booking.site_id != "site-2" for booking in visits.values())
    days = {
        key: booking.model_copy(update={"days": [booking.times[0]] * 2}) for key, booking in visits.items()
    }
    long = {key: Visit(calendars.movable[key].crew_id, booking) for key, booking in days.items()}
    assert not around.near([new], Calendars(movable=long), rules)


def compared(seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """What the calendar costs after little new work, and after a plan of everything, USD."""
    random = Random(seed)
    crews = promised(random, 10, fleet(8))
    new = [
        work(90 + n, random.choice([50, 150, 600, 3000]), random.randrange(4)) for n in range(1 + seed % 3)
    ]
    few, everything = plan(new, crews), whole(monkeypatch, new, crews)
    check(few, new, crews)
    return cost(crews, booked(few, crews)), cost(crews, booked(everything, crews))


def test_it_costs_hardly_more_than_planning_everything_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    few, everything = compared(3, monkeypatch)
    assert few <= 1.001 * everything


@pytest.mark.soak
def test_the_same_of_more_fleets(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [compared(seed, monkeypatch) for seed in range(20)]
    for seed, (few, everything) in enumerate(both):
        print(f"{seed}: {few:.0f} USD, {everything:.0f} of everything anew: {few / everything - 1:+.2%}")
    assert sum(few for few, _ in both) <= 1.002 * sum(everything for _, everything in both)
