"""How good a plan is: its loss beside the bound, and beside what two simple rules would do."""

from __future__ import annotations

from collections.abc import Mapping

from ooda.documents.schedules import PlanSummary
from ooda.schedule.build import Built
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import Result
from ooda.schedule.work import urgency


def by_simple_rules(built: Built) -> dict[str, Solution]:
    """The same work given out by two simple rules: as it arrived where it begins soonest, and the most
    urgent first where it costs least."""
    works = built.works
    arrived = sorted(range(len(works)), key=lambda n: (works[n].known_since, works[n].finding_key))
    urgent = sorted(range(len(works)), key=lambda n: urgency(works[n]))
    return {
        "first_come_first_served": dispatched(built.problem, arrived, soonest=True),
        "greedy": dispatched(built.problem, urgent, soonest=False),
    }


def summary(built: Built, result: Result, simple: Mapping[str, Solution]) -> PlanSummary:
    """The plan's loss beside its bound and that of the simple rules on the same work, weighted USD."""
    gap = result.gap
    return PlanSummary(
        jobs=len(built.works),
        loss_usd=round(result.solution.cost, 2),
        bound_usd=None if result.bound is None else round(min(result.bound, result.solution.cost), 2),
        gap_percent=None if gap is None else round(100 * gap, 3),
        optimal=result.optimal,
        timed_out=result.timed_out,
        compared={name: round(other.cost, 2) for name, other in simple.items()},
    )
