"""Decide on every request: the cheapest feasible plan for the crews' weeks.

The model, its symbols and the solvers are written down in docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ona.documents.work_orders import Job
from ona.repairs.crews import Booking, Crew
from ooda.documents.schedules import PlanSummary, Schedule
from ooda.schedule.build import Built, build
from ooda.schedule.comparison import by_simple_rules, summary
from ooda.schedule.decisions import decide
from ooda.schedule.requests import RepairRequest, triage
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import Result, solve
from ooda.schedule.visits import Calendars
from ooda.schedule.work import urgency, works_of


@dataclass(frozen=True)
class Plan:
    """Decisions on all requests and on visits that had to move; the bookings to add, by crew; and the
    faults whose earlier booking is `lifted`. `summary`: None where nothing was to be planned."""

    jobs: list[Job] = field(default_factory=list)
    bookings: dict[str, list[Booking]] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    summary: PlanSummary | None = None

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
        )


def make_plan(
    requests: Sequence[RepairRequest],
    crews: Sequence[Crew],
    rules: PlanningRules,
    *,
    now: datetime,
    seed: int,
    seconds: float,
) -> Plan:
    """Decide on every request, on the crews' calendars as they are.

    Visits that leave within `freeze_hours` stay as they are; later ones may move where that saves more than
    `move_cost_usd`. `seed`: of the search's random numbers; the same input gives the same plan, in whatever
    order. `seconds`: CPU s; when time is up the best plan met is taken, and its summary says so.
    """
    triaged = triage(requests, crews, now)
    if not triaged.to_plan:
        return Plan(triaged.jobs, {}, triaged.over)
    clock = _clock(rules, seconds)
    works = works_of(triaged.to_plan, crews, now, rules)
    calendars = Calendars.of(crews, now, rules)
    movable = [visit.booking.work for visit in calendars.movable.values() if visit.booking.work]
    built = build(sorted([*works, *movable], key=urgency), crews, calendars, now=now, rules=rules)
    simple, result = _solved(built, rules, seed, clock)
    if any(built.works[task].finding_key in calendars.movable for task in result.solution.absent):
        # nobody loses a visit: the new work is fitted around all of them
        clock = _clock(rules, seconds / 2.0)
        calendars = Calendars.all_fixed(crews)
        built = build(sorted(works, key=urgency), crews, calendars, now=now, rules=rules)
        simple, result = _solved(built, rules, seed, clock)
    decided = decide(built, result, calendars.movable, now, rules)
    learned = {request.finding.finding_id: request.learned for request in triaged.to_plan}
    return Plan(
        [
            *triaged.jobs,
            *(job.model_copy(update={"learned": learned.get(job.finding_id)}) for job in decided.jobs),
        ],
        decided.bookings,
        triaged.over | decided.lifted,
        summary(built, result, simple),
    )


def _clock(rules: PlanningRules, seconds: float) -> Clock:
    """The clock of one plan, from building it on."""
    return Clock(seconds, seconds * rules.config.solver.wall_seconds / rules.config.solver.cpu_seconds)


def _solved(
    built: Built, rules: PlanningRules, seed: int, clock: Clock
) -> tuple[dict[str, Solution], Result]:
    """The simple rules' plans, and the best plan until time is up, which begins from theirs."""
    simple = by_simple_rules(built)
    starts = list(simple.values())
    return simple, solve(
        built.problem, seed=seed, clock=clock, searches=rules.config.solver.processes, starts=starts
    )
