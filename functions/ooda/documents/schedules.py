"""What Schedule writes: the plan."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document
from ona.documents.work_orders import Job


class PlanSummary(Document):
    """How good a plan is: its weighted loss in USD, the bound that no plan can be below (None where none
    was sought), and what two simple rules would cost on the same work."""

    jobs: int = Field(description="planned together, with visits that might have moved")
    kept: int = Field(
        default=0, description="visits that might have moved and were not asked: it could not pay"
    )
    loss_usd: float
    bound_usd: float | None
    gap_percent: float | None = Field(description="(loss − bound) ÷ loss")
    optimal: bool
    timed_out: bool = Field(description="time ran out: the best plan found by then")
    compared: dict[str, float] = Field(default={}, description="weighted loss in USD by simple rule")
    regions: int = Field(default=1, description="planned one by one; of more than one no bound is known")


class PlanChange(Document):
    """What of a visit is otherwise than in the plan before, and why. *new*: nothing was planned; *moved*:
    the same crew at another time, or of another size; *other_crew*; *dropped*: its crew cannot come and
    nobody else can, so that a person has to decide."""

    finding_key: str
    asset_id: str
    change: Literal["new", "moved", "other_crew", "dropped"]
    crew_before: str = ""
    start_before: datetime | None = None
    crew_after: str = ""
    start_after: datetime | None = None
    why: str


class Schedule(Document):
    """Output of Schedule: `schedules/YYYY/MM/DD/sched-….json`. `weights`: those of the loss."""

    schedule_id: str
    created_at: datetime
    weights: dict[str, float]
    jobs: list[Job]
    summary: PlanSummary | None = Field(default=None, description="None where nothing was to be planned")
    changes: list[PlanChange] = Field(default=[], description="what is otherwise than in the plan before")
