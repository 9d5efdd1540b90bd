"""How good a plan is: its loss beside the bound, and beside what two simple rules would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ona.repairs.crews import Work
from ooda.documents.schedules import PlanSummary
from ooda.schedule.arrange import Arrangement
from ooda.schedule.build import Built, build
from ooda.schedule.loss import absence
from ooda.schedule.several_days import Ground, Stay, stays
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.solution import Solution
from ooda.schedule.work import urgency


def by_simple_rules(built: Built) -> dict[str, Solution]:
    """The same work given out by two simple rules: as it arrived where it begins soonest, and the most
    urgent first where it costs least."""
    return {
        "first_come_first_served": dispatched(built.problem, _arrived(built.works), soonest=True),
        "greedy": dispatched(built.problem, _urgent(built.works), soonest=False),
    }


def summary(plan: Arrangement, before: Ground) -> PlanSummary:
    """The plan's loss beside its bound and that of two simple rules on the same work, weighted USD.
    `before`: the calendars without the work of several days, which both rules give out first."""
    loss = round(plan.usd, 2)
    bound = None if plan.bound is None else round(min(plan.bound, plan.usd), 2)
    gap = None if bound is None else 0.0 if loss == bound else round(100 * (loss - bound) / abs(loss), 3)
    if plan.optimal:
        gap = 0.0
    return PlanSummary(
        jobs=len(plan.built.works) + len(plan.stays) + len(plan.without),
        loss_usd=loss,
        bound_usd=bound,
        gap_percent=gap,
        optimal=plan.optimal,
        timed_out=plan.result.timed_out and not plan.optimal,
        compared={name: round(usd, 2) for name, usd in _compared(plan, before).items()},
    )


def _compared(plan: Arrangement, before: Ground) -> dict[str, float]:
    """The loss of the simple rules by their names."""
    long = [*(stay.work for stay in plan.stays), *(work for work, _ in plan.without)]
    if not long:
        return {name: other.cost for name, other in by_simple_rules(plan.built).items()}
    soonest = _with_stays(plan, before, long, _arrived(long), lambda stay: stay.booking.start)
    cheapest = _with_stays(plan, before, long, _urgent(long), lambda stay: stay.usd)
    return {
        "first_come_first_served": soonest[0] + _rest(soonest[1])["first_come_first_served"].cost,
        "greedy": cheapest[0] + _rest(cheapest[1])["greedy"].cost,
    }


def _rest(built: Built) -> dict[str, Solution]:
    return by_simple_rules(built)


def _with_stays(
    plan: Arrangement,
    ground: Ground,
    long: Sequence[Work],
    order: Sequence[int],
    rank: Callable[[Stay], object],
) -> tuple[float, Built]:
    """Work of several days in an order, each at its first stay by a rank; what that costs, and the problem
    of the rest around it."""
    usd = 0.0
    for work in (long[n] for n in order):
        free, left = stays(work, ground), absence(work, ground.now, ground.rules)
        best = min(free, key=rank, default=None)  # type: ignore[arg-type]
        if best is None or best.usd > left:
            usd += left
        else:
            usd, ground = usd + best.usd, ground.beside(best)
    works, calendars = plan.built.works, ground.calendars
    return usd, build(works, ground.crews, calendars, now=ground.now, rules=ground.rules)


def _arrived(works: Sequence[Work]) -> list[int]:
    return sorted(range(len(works)), key=lambda n: (works[n].known_since, works[n].finding_key))


def _urgent(works: Sequence[Work]) -> list[int]:
    return sorted(range(len(works)), key=lambda n: urgency(works[n]))
