"""What Schedule writes: the plan."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ona.documents.base import Document
from ona.documents.work_orders import Job


class PlanSummary(Document):
    """How good a plan is: its weighted loss in USD, the bound that no plan can be below (None where none
    was sought), and what two simple rules would cost on the same work."""

    jobs: int = Field(description="planned together, with visits that might have moved")
    loss_usd: float
    bound_usd: float | None
    gap_percent: float | None = Field(description="(loss − bound) ÷ loss")
    optimal: bool
    timed_out: bool = Field(description="time ran out: the best plan found by then")
    compared: dict[str, float] = Field(default={}, description="weighted loss in USD by simple rule")


class Schedule(Document):
    """Output of Schedule: `schedules/YYYY/MM/DD/sched-….json`. `weights`: those of the loss."""

    schedule_id: str
    created_at: datetime
    weights: dict[str, float]
    jobs: list[Job]
    summary: PlanSummary | None = Field(default=None, description="None where nothing was to be planned")
