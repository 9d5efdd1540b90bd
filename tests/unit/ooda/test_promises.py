"""What people were told stays so: a visit moves only for what is worth more than moving it costs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from random import Random

import pytest

from ona.repairs.crews import Away, Crew
from ooda.config import loss_function
from ooda.schedule.plan import Plan
from ooda.schedule.visits import move_price
from tests.builders.plans import NOW, booked, check, crew, part, plan, request

RULES = loss_function.loss_function_config()


def visits(crews: list[Crew]) -> dict[str, tuple[str, str]]:
    """Crew and start of each visit, by finding."""
    return {b.finding_key: (c.crew_id, b.start.isoformat()) for c in crews for b in c.bookings}


def promised(daily: float = 60.0, jobs: int = 6) -> list[Crew]:
    """Two crews with visits in the coming week."""
    team = [crew(1), crew(2)]
    pm = part("PM", 900.0, 2).model_copy(update={"component_type": "power_module"})
    made = plan([request(n, daily=daily + n) for n in range(jobs)], team, catalogue=[pm])
    return booked(made, team)


def moved(result: Plan) -> list[str]:
    """The findings whose visit is told to have moved."""
    return [c.finding_key for c in result.changes if c.change in ("moved", "other_crew")]


@pytest.mark.parametrize("seed", range(3))
def test_noise_moves_no_visit(seed: int) -> None:
    """Small faults come, at other minutes, with losses that tremble: the promised visits stay."""
    rng = Random(f"noise {seed}")
    team = promised()
    before = visits(team)
    for n in range(3):
        now = NOW + timedelta(minutes=rng.randint(0, 60))
        small = [
            request(100 + 10 * n + k, cause="grid_outage", daily=rng.uniform(5, 70), risk="minor")
            for k in range(rng.randint(1, 3))
        ]
        result = plan(small, team, now=now)
        assert moved(result) == []
        team = booked(result, team)
    assert {key: at for key, at in visits(team).items() if key in before} == before


def test_an_emergency_moves_a_visit_and_says_what_that_saves() -> None:
    team = promised()
    before = visits(team)
    urgent = request(99, daily=20_000.0)
    pm = part("PM", 900.0, 2).model_copy(update={"component_type": "power_module"})
    result = plan([urgent], team, catalogue=[pm])
    check(result, [urgent], team)
    [change, *_] = [c for c in result.changes if c.change != "new"]
    assert change.finding_key in before
    assert (change.crew_before, change.start_before and change.start_before.isoformat()) == before[
        change.finding_key
    ]
    assert [c.finding_key for c in result.changes if c.change == "new"] == ["INV-99#x#inverter_failure"]
    m = re.search(
        r"with INV-99 the whole plan costs less, (\d+) USD less than the best found with each visit as it "
        r"was, (\d+) USD for moving this one counted",
        change.why,
    )
    assert m
    assert float(m[1]) > 0
    one = next(b for c in team for b in c.bookings if b.finding_key == change.finding_key)
    price = move_price(one, NOW, _rules())
    times = 1 if change.crew_after == change.crew_before else 2
    assert float(m[2]) == pytest.approx(times * price, abs=0.51)


def _rules():  # type: ignore[no-untyped-def]
    from ooda.schedule.rules import PlanningRules

    return PlanningRules(RULES, RULES.weights)


def test_moving_costs_more_the_nearer_the_visit_is() -> None:
    visit = promised()[0].bookings[0]
    prices = [
        move_price(visit, visit.leaves - timedelta(days=days), _rules()) for days in (30, 7, 3.5, 1, 0)
    ]
    assert prices == sorted(prices)
    far, near = RULES.constraints.move_cost_usd, RULES.constraints.move_cost_near_usd
    assert prices == pytest.approx([far, far, (far + near) / 2, far + (near - far) * 6 / 7, near])


def test_a_visit_under_way_is_never_moved() -> None:
    team = promised()
    first = min((b for c in team for b in c.bookings), key=lambda b: b.leaves)
    under_way = first.start + timedelta(minutes=30)
    ill = [c.model_copy(update={"status": "ill"}) if first in c.bookings else c for c in team]
    for crews in (team, ill):
        result = plan([request(99, daily=50_000.0)], crews, now=under_way)
        assert first.finding_key not in result.lifted


def test_a_crew_that_cannot_come_is_replaced_however_near_its_visit_is() -> None:
    team = promised(jobs=1)
    [mine] = [c for c in team if c.bookings]
    day = mine.bookings[0].leaves.date()
    gone = mine.model_copy(update={"away": [Away(first=day, last=day, why="flu")]})
    crews = [gone if c.crew_id == gone.crew_id else c for c in team]
    late = mine.bookings[0].leaves - timedelta(hours=20)
    result = plan([], crews, now=late)
    [change] = result.changes
    assert change.change in ("moved", "other_crew")
    assert f"{mine.crew_id} cannot come at its time ({day:%-d %B}: flu)" in change.why
    assert result.lifted == {mine.bookings[0].finding_key}


def test_a_visit_that_nobody_can_make_is_dropped_in_words_and_kept_in_the_calendar() -> None:
    team = [crew(1)]
    after = booked(plan([request(1, cause="grid_outage")], team), team)
    ill = [after[0].model_copy(update={"status": "ill"})]
    result = plan([], ill, now=NOW)
    if after[0].bookings[0].leaves <= NOW:
        return
    [change] = result.changes
    assert change.change == "dropped"
    assert "crew-001 cannot come at its time (status is ill), and nobody else is free" in change.why
    assert not result.lifted
    assert [job.decision for job in result.jobs] == ["unschedulable"]


def test_the_weeks_first_plan_is_all_new_and_the_same_again_changes_nothing() -> None:
    team = [crew(1), crew(2)]
    wanted = [request(n, cause="wrong_setpoint", daily=70.0 + n) for n in range(4)]
    first = plan(wanted, team)
    assert [c.change for c in first.changes] == ["new"] * 4
    assert all(c.why for c in first.changes)
    assert plan(wanted, booked(first, team)).changes == []


def test_leave_of_one_day_does_not_touch_the_visits_of_others() -> None:
    team = promised()
    nobody = [
        c.model_copy(update={"away": [Away(first=date(2025, 7, 20), last=date(2025, 7, 21))]}) for c in team
    ]
    result = plan([request(50, cause="grid_outage", daily=20.0, risk="minor")], nobody)
    assert moved(result) == []
