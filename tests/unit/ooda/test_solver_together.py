"""Fewer tours at once than crews: the relaxation knows the limit; plans stay whole, cheap and proven."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.columns import Columns
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.partition import Partition
from ooda.schedule.solver.pricing import Pricing
from ooda.schedule.solver.problem import Problem
from ooda.schedule.solver.relaxation import Relaxation
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import solve
from ooda.schedule.solver.together import OutAt, moments
from ooda.schedule.solver.tours import Tours
from tests.unit.ooda.test_solver import PLENTY, checked, problem
from tests.unit.ooda.test_solver_limits import Ticking, villages


def out_at_once(case: Problem, plan: Solution) -> int:
    """The most tours of a plan that are out at one time."""
    times = [(tour.leaves, tour.returns) for tour in plan.tours.values()]
    return max((sum(a <= at < b for a, b in times) for at, _ in times), default=0)


@pytest.mark.parametrize(("together", "wanted"), [(2, 2), (6, 6)])
def test_a_plan_for_few_at_once_is_proven_and_no_other_limit_is_kept(together: int, wanted: int) -> None:
    """Six crews that have work enough: as many are out as may be. The bound lies at the plan."""
    case = replace(villages(4, count=6, tasks=3, days=2), together=together)
    result = solve(case, seed=1, seconds=60.0)
    checked(case, result.solution)
    assert out_at_once(case, result.solution) == wanted
    assert result.bound is not None
    assert result.solution.cost - result.bound <= 0.005 * result.solution.cost


def test_the_relaxation_costs_more_where_few_may_be_out_and_its_dive_keeps_the_limit() -> None:
    values = []
    for together in (1, 3, 6):
        case = replace(villages(5, count=6, tasks=4, days=2), together=together)
        partition = Partition(case, 1)
        relaxation = Relaxation(Tours(case), partition)
        relaxation.relax(PLENTY)
        made = relaxation.dive(PLENTY)
        checked(case, made)
        assert out_at_once(case, made) <= together
        assert made.tours
        values.append(relaxation.value)
    assert values[0] > 1.1 * values[1] > 1.1 * values[2]


def test_moments_are_those_at_which_more_crews_could_be_out_than_may() -> None:
    case = villages(1, count=3, tasks=1, days=1)
    assert moments(replace(case, together=3)) == ([], [])
    at, room = moments(replace(case, together=2))
    assert at == [60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0]
    assert set(room) == {2}
    taken = moments(replace(case, together=3, taken=[(90.0, 150.0)]))
    assert taken == ([120.0], [2]), "who is out already takes a place, only while it is out"


@pytest.mark.parametrize("seed", range(20))
def test_pricing_counts_what_it_costs_to_be_out(seed: int) -> None:
    """Against each tour's own reduced cost; a tour that is back before the costly hour pays nothing."""
    case = problem(seed, tasks=4)
    rng, tours = random.Random(seed), Tours(case)
    costs = {120.0: rng.uniform(0, 60), 300.0: rng.uniform(0, 60), 1560.0: 0.0}
    out = OutAt(list(costs), list(costs.values()))
    groups = case.groups()
    duals, days = [rng.uniform(20.0, 200.0) for _ in case.tasks], [0.0] * (max(groups) + 1)
    priced = Pricing(tours).negative(duals, days, 20.0, PLENTY, None, out)
    free = Pricing(tours).negative(duals, days, 20.0, PLENTY, None)
    assert priced is not None
    assert free is not None
    names = {(tour.shift, tour.stops) for tour in priced.tours}
    for tour in free.tours:
        reduced = tour.cost - sum(duals[task] for task in tour.tasks)
        paid = sum(usd for at, usd in costs.items() if tour.leaves <= at < tour.returns)
        assert out.between(tour.leaves, tour.returns) == pytest.approx(paid)
        if abs(reduced + paid - 20.0) > 1e-6:
            assert ((tour.shift, tour.stops) in names) is (reduced + paid < 20.0)
    for number in range(len(case.shifts)):
        for reduced, stops in Columns(tours).under(number, np.asarray(duals, dtype=np.float32), 0.0, out):
            one = tours.tour(number, stops)
            if one is None:  # it lacks a tool: `Columns` leaves that to the tours
                continue
            own = one.cost - sum(duals[task] for task in stops) + out.between(one.leaves, one.returns)
            assert reduced == pytest.approx(own, abs=0.05)


def test_simple_rules_and_first_solutions_stop_when_time_is_up() -> None:
    """What has no place by then is left out; with time enough nothing is."""
    case = villages(6)
    for soonest in (True, False):
        source = Ticking()
        late = dispatched(
            case, range(len(case.tasks)), soonest, clock=Clock(11.0, 1e9, cpu=source, now=lambda: 0.0)
        )
        checked(case, late)
        assert 0 < len(case.tasks) - len(late.absent) <= 10
        assert not dispatched(case, range(len(case.tasks)), soonest, clock=PLENTY).absent
    source = Ticking()
    begun = Search.start(case, 1, clock=Clock(11.0, 1e9, cpu=source, now=lambda: 0.0))
    assert 0 < len(case.tasks) - len(begun.best.absent) <= 10
    again = Search(begun.tours, random.Random(1), begun.best)
    assert again.filled(Clock(-1.0)).absent == begun.best.absent
    assert not again.filled(PLENTY).absent
