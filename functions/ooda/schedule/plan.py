"""Decide on every request: the cheapest feasible plan for the crews' weeks.

The model, its symbols and the solvers are written down in docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ona.documents.work_orders import Job
from ona.repairs.crews import Booking, Crew
from ooda.documents.schedules import PlanChange, PlanSummary, Schedule
from ooda.schedule.arrange import Planner
from ooda.schedule.decisions import decide
from ooda.schedule.requests import RepairRequest, triage
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.clock import Clock
from ooda.schedule.summary import summary
from ooda.schedule.visits import Calendars, Visit
from ooda.schedule.work import works_of


@dataclass(frozen=True)
class Plan:
    """Decisions on all requests and on visits that had to move; the bookings to add, by crew; the faults
    whose earlier booking is `lifted`; and what is otherwise than in the plan before. `summary`: None where
    nothing was to be planned. `stopped`: visits that no plan can move although their crew cannot come."""

    jobs: list[Job] = field(default_factory=list)
    bookings: dict[str, list[Booking]] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    summary: PlanSummary | None = None
    changes: list[PlanChange] = field(default_factory=list)
    stopped: list[tuple[Visit, str]] = field(default_factory=list)

    def schedule(
        self, schedule_id: str, created_at: datetime, rules: PlanningRules, earlier_moves: Sequence[Job]
    ) -> Schedule:
        """The plan as a document. `earlier_moves`: the visits that an earlier try of the same execution
        moved; they stay in the document, because nobody may have moved their orders yet."""
        planned = {job.finding_key for job in self.jobs}
        return Schedule(
            schedule_id=schedule_id,
            created_at=created_at,
            weights=rules.weights.model_dump(),
            jobs=[*self.jobs, *(job for job in earlier_moves if job.finding_key not in planned)],
            summary=self.summary,
            changes=self.changes,
        )


def make_plan(
    requests: Sequence[RepairRequest],
    crews: Sequence[Crew],
    rules: PlanningRules,
    *,
    now: datetime,
    seed: int,
    seconds: float,
    unread: Sequence[str] = (),
) -> Plan:
    """Decide on every request, on the crews' calendars as they are.

    Visits that leave within `freeze_hours` stay as they are; later ones may move where that saves more than
    moving them costs. `seed`: of the search's random numbers; the same input gives the same plan, in
    whatever order. `seconds`: CPU s; when time is up the best plan met is taken, and its summary says so.
    `unread`: crews whose items nobody can read, in words for reasons.
    """
    solver = rules.config.solver
    clock = Clock(seconds, seconds * solver.wall_seconds / solver.cpu_seconds)
    triaged = triage(requests, crews, now)
    works, refused = works_of(triaged.to_plan, now, rules)
    calendars = Calendars.of(crews, now, rules)
    if not works and not calendars.broken:
        return Plan([*triaged.jobs, *refused], {}, triaged.over, stopped=calendars.stopped)
    planner = Planner(crews, now, rules, seed, calendars.movable)
    arranged = planner.arranged(works, calendars, clock)
    decided = decide(arranged, calendars, unread)
    learned = {request.finding.finding_id: request.learned for request in triaged.to_plan}
    jobs = [job.model_copy(update={"learned": learned.get(job.finding_id)}) for job in decided.jobs]
    return Plan(
        [*triaged.jobs, *refused, *jobs],
        decided.bookings,
        triaged.over | decided.lifted,
        summary(arranged),
        decided.changes,
        calendars.stopped,
    )
