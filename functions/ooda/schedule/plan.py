"""Decide on every request: the cheapest feasible plan for the crews' weeks.

The model, its symbols and the solvers are written down in docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ona.documents.work_orders import Job, Learned
from ona.repairs.crews import Booking, Crew, Work
from ooda.documents.schedules import PlanChange, PlanSummary, Schedule
from ooda.schedule.arrange import Planner
from ooda.schedule.arrangement import Arrangement
from ooda.schedule.decisions import Decisions, decide
from ooda.schedule.requests import KEPT, RepairRequest, triage
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
        self, schedule_id: str, created_at: datetime, rules: PlanningRules, earlier: Sequence[Job]
    ) -> Schedule:
        """The plan as a document. `earlier`: the visits that an earlier try of the same execution made or
        moved. One that was moved stays in the document, because nobody may have moved its order yet; of one
        that was made and is booked the reason stays."""
        planned = {job.finding_key for job in self.jobs}
        made = {job.finding_id: job for job in earlier if job.decision == "scheduled"}
        return Schedule(
            schedule_id=schedule_id,
            created_at=created_at,
            weights=rules.weights.model_dump(),
            jobs=[
                *(_as_made(job, made.get(job.finding_id)) for job in self.jobs),
                *(job for job in earlier if job.decision == "moved" and job.finding_key not in planned),
            ],
            summary=self.summary,
            changes=self.changes,
        )


def _as_made(job: Job, earlier: Job | None) -> Job:
    """A job as an earlier try made it, where its visit is booked so."""
    if earlier is None or job.reason != KEPT:
        return job
    same = (job.scheduled_start, job.crew_assignment) == (earlier.scheduled_start, earlier.crew_assignment)
    return earlier if same else job


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
    clock = clock_of(seconds, rules)
    wanted = wanted_of(requests, crews, rules, now)
    calendars = Calendars.of(crews, now, rules)
    if not wanted.works and not calendars.broken:
        return Plan(wanted.jobs, {}, wanted.over, stopped=calendars.stopped)
    planner = Planner(crews, now, rules, seed, calendars.movable)
    arranged = planner.arranged(wanted.works, calendars, clock)
    made = plan_of(arranged, decide(arranged, calendars, unread), wanted.learned)
    return replace(
        made,
        jobs=[*wanted.jobs, *made.jobs],
        lifted=wanted.over | made.lifted,
        stopped=calendars.stopped,
    )


@dataclass(frozen=True)
class Wanted:
    """What requests want: work to plan, the jobs of those that need no plan or that none can compute with,
    the faults whose visit is `over`, and what earlier repairs say, by finding id."""

    works: list[Work]
    jobs: list[Job]
    over: set[str]
    learned: dict[str, Learned]


def wanted_of(
    requests: Sequence[RepairRequest], crews: Sequence[Crew], rules: PlanningRules, now: datetime
) -> Wanted:
    """What the requests want."""
    triaged = triage(requests, crews, now)
    works, refused = works_of(triaged.to_plan, now, rules)
    learned = {one.finding.finding_id: one.learned for one in triaged.to_plan if one.learned}
    return Wanted(works, [*triaged.jobs, *refused], triaged.over, learned)


def plan_of(arranged: Arrangement, decided: Decisions, learned: Mapping[str, Learned]) -> Plan:
    """The plan of an arrangement that was decided on."""
    jobs = [job.model_copy(update={"learned": learned.get(job.finding_id)}) for job in decided.jobs]
    return Plan(jobs, decided.bookings, decided.lifted, summary(arranged), decided.changes)


def clock_of(seconds: float, rules: PlanningRules) -> Clock:
    """The clock of a plan that may take so many CPU seconds."""
    solver = rules.config.solver
    return Clock(seconds, seconds * solver.wall_seconds / solver.cpu_seconds)
