"""Schedule by regions, step by step: divide, plan each region, join.

The steps hand each other pointers to documents in the output bucket. A region's step books nobody; the join
books each region's crews together, or none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ona.config import flags
from ona.repairs.crews import Crew
from ona.runtime.errors import CrewBookingConflict
from ona.runtime.observability import count, logger
from ona.runtime.words import counted
from ooda import notices
from ooda.documents.regions import RegionPlan, RegionProblem
from ooda.documents.schedules import Schedule
from ooda.payloads import DivisionResult, JoinRequest, RegionRequest, RegionResult, ScheduleResult
from ooda.schedule import divide as division
from ooda.schedule import fleet, monitoring, regions_store, store
from ooda.schedule.answer import answer
from ooda.schedule.arrange import Planner
from ooda.schedule.decisions import decide
from ooda.schedule.join import is_booked, joined
from ooda.schedule.plan import clock_of, plan_of, wanted_of
from ooda.schedule.requests import RepairRequest, unattended
from ooda.schedule.rules import PlanningRules
from ooda.schedule.visits import Calendars, Visit

SIZE = division.Size()
"""What one plan holds at most."""
UNDIVIDED = replace(SIZE, jobs=sys.maxsize)
"""The same with the flag `regions_planning` off: only crews divide, of whom a transaction books so many."""
REFUSED = "RegionsWithoutPlan"
"""Counts the regions whose plan was not made, or broke a rule."""


def divide(
    loaded: store.Loaded, crews: Sequence[Crew], unread: Sequence[str], now: datetime
) -> DivisionResult | None:
    """The regions, written down; None where one plan can hold all."""
    size = SIZE if flags.enabled("regions_planning") else UNDIVIDED
    if not division.is_large(len(loaded.requests), crews, size):
        return None
    wanted = wanted_of(loaded.requests, crews, loaded.rules, now)
    problems = division.divided(wanted, crews, loaded.rules, now=now, unread=unread, size=size)
    logger.info("planning by regions", regions=len(problems), works=len(wanted.works), crews=len(crews))
    return regions_store.save_division(loaded, wanted, problems, now)


def plan_one(request: RegionRequest, seed: int) -> RegionResult:
    """Plan one region and write its plan down."""
    whole = regions_store.load_division(request.division)
    problem = regions_store.load_problem(whole, request.region)
    plan = region_plan(problem, store.load_rules(), seed=seed, simply=request.simply)
    regions_store.save_plan(whole, request.region, plan)
    return RegionResult(region=request.region, jobs=len(plan.jobs))


def region_plan(
    problem: RegionProblem, rules: PlanningRules, *, seed: int, simply: bool = False
) -> RegionPlan:
    """The plan of one region; the same input gives the same plan where time does not run out. `simply`: the
    better one of the simple rules' plans, which takes least time and memory."""
    clock = clock_of(0.0 if simply else rules.config.solver.cpu_seconds, rules)
    own = division.rules_of(problem, rules)
    calendars = division.calendars_of(problem, own)
    planner = Planner(problem.crews, problem.now, own, seed, calendars.movable)
    arranged = planner.arranged(problem.works, calendars, clock)
    plan = plan_of(arranged, decide(arranged, calendars, problem.unread, problem.others), problem.learned)
    return RegionPlan(
        jobs=plan.jobs,
        bookings=plan.bookings,
        lifted=sorted(plan.lifted),
        summary=plan.summary,
        changes=plan.changes,
    )


def join(request: JoinRequest, now: datetime) -> ScheduleResult:
    """Check and book the plans of all regions; tell operators as after every plan. What an earlier try of
    this step booked stays booked. Raises CrewBookingConflict where another execution booked crews of a
    region meanwhile: the others are booked then, and what is left is to be divided anew."""
    whole = regions_store.load_division(request.join)
    numbers = range(len(whole.problems))
    problems = [regions_store.load_problem(whole, n) for n in numbers]
    plans = [regions_store.load_plan(whole, n) for n in numbers]
    tours = fleet.read()
    crews, _ = store.load_crews()
    rules = store.load_rules()
    result = joined(whole, problems, plans, crews, rules)
    for number, why in result.refused.items():
        count(REFUSED, 1)
        logger.error("a region has no plan", region=number, why=why)
    schedule = result.plan.schedule(whole.schedule_id, whole.now, rules, store.earlier(whole.schedule))
    regions_store.save_schedule(whole, schedule)
    by_id = {crew.crew_id: crew for crew in crews}
    busy = 0
    for problem, plan in result.regions:
        if is_booked(plan, by_id):
            continue
        count_up, after = fleet.counted(tours)
        together = [] if fleet.all_may_be_out(crews, rules) or not plan.bookings else [count_up]
        if not regions_store.book(problem, plan, whole.over, now, together):
            busy += 1
        elif together:
            tours = after
    if busy:
        raise CrewBookingConflict(f"crews of {counted(busy, 'region')} were booked while planning")
    left = [job.diagnostic for job in schedule.jobs if job.decision == "unschedulable"]
    requests = store.load_requests(list(dict.fromkeys(left)))
    told(schedule, requests, Calendars.of(crews, now, rules).stopped, now)
    return answer(schedule, whole.schedule)


def told(
    schedule: Schedule,
    requests: Sequence[RepairRequest],
    stopped: Sequence[tuple[Visit, str]],
    now: datetime,
) -> None:
    """Count a plan's jobs, and tell operators what it leaves undone. Raises DependencyBusy."""
    monitoring.jobs(schedule)
    notices.tell(unattended(schedule.jobs, requests), now)
    notices.tell_dropped(schedule, now)
    for visit, why in stopped:
        notices.tell_stopped(visit.crew_id, visit.booking, why, now)
