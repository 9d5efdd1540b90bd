"""How good a plan is, in its document: its loss beside the bound, and beside what two simple rules do."""

from __future__ import annotations

from ooda.documents.schedules import PlanSummary
from ooda.schedule.arrangement import Arrangement


def summary(plan: Arrangement) -> PlanSummary:
    """The plan's loss beside its bound and that of two simple rules on the same work, weighted USD; the gap
    from the two numbers as they are printed."""
    loss = round(plan.usd, 2)
    bound = None if plan.bound is None else round(min(plan.bound, plan.usd), 2)
    gap = None
    if bound is not None:
        gap = 0.0 if plan.optimal or loss == bound else round(100 * (loss - bound) / abs(loss), 3)
    return PlanSummary(
        jobs=len(plan.built.works) + len(plan.stays) + len(plan.without),
        kept=plan.kept,
        loss_usd=loss,
        bound_usd=bound,
        gap_percent=gap,
        optimal=plan.optimal,
        timed_out=plan.result.timed_out and not plan.optimal,
        compared={name: round(other.usd, 2) for name, other in plan.compared.items()},
    )
