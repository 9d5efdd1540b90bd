"""What a plan by regions reads and writes: the division, each region's problem and plan, the bookings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ona.documents.base import S3Pointer
from ona.repairs import crews
from ona.runtime.errors import CrewBookingConflict, ObjectMissing
from ona.store import s3
from ona.store.tables import Write
from ooda.documents.regions import Division, RegionPlan, RegionProblem
from ooda.documents.schedules import Schedule
from ooda.layout import DIVISION
from ooda.payloads import DivisionResult
from ooda.schedule.plan import Wanted
from ooda.schedule.store import Loaded


def save_division(
    loaded: Loaded, wanted: Wanted, problems: Sequence[RegionProblem], now: datetime
) -> DivisionResult:
    """Write each region's problem, then the division that names them, in a folder of this moment: what an
    earlier try of the execution left is not mixed with it."""
    bucket, at = loaded.pointer.bucket, f"{now:%Y%m%dT%H%M%S%f}"

    def pointer(name: str) -> S3Pointer:
        key = DIVISION.build(schedule_id=loaded.schedule_id, at=at, name=name)
        return S3Pointer(bucket=bucket, key=key)

    written = [pointer(f"problem-{n}") for n in range(len(problems))]
    for place, problem in zip(written, problems, strict=True):
        s3.write_json(place.bucket, place.key, problem.document())
    division = Division(
        schedule_id=loaded.schedule_id,
        schedule=loaded.pointer,
        now=now,
        jobs=wanted.jobs,
        over=sorted(wanted.over),
        together=loaded.rules.constraints.max_concurrent_jobs,
        problems=written,
        plans=[pointer(f"plan-{n}") for n in range(len(problems))],
    )
    whole = pointer("division")
    s3.write_json(whole.bucket, whole.key, division.document())
    return DivisionResult(division=whole, regions=list(range(len(problems))))


def load_division(pointer: S3Pointer) -> Division:
    """The division. Raises ObjectMissing, InvalidPayload, DependencyBusy."""
    return Division.read(s3.read_json(pointer), pointer.key)


def load_problem(division: Division, region: int) -> RegionProblem:
    """A region's problem. Raises ObjectMissing, InvalidPayload, DependencyBusy."""
    pointer = division.problems[region]
    return RegionProblem.read(s3.read_json(pointer), pointer.key)


def load_plan(division: Division, region: int) -> RegionPlan | None:
    """A region's plan; None where its step failed. Raises InvalidPayload, DependencyBusy."""
    pointer = division.plans[region]
    try:
        return RegionPlan.read(s3.read_json(pointer), pointer.key)
    except ObjectMissing:
        return None


def save_plan(division: Division, region: int, plan: RegionPlan) -> None:
    """Write a region's plan; the same step made again writes it over."""
    pointer = division.plans[region]
    s3.write_json(pointer.bucket, pointer.key, plan.document())


def save_schedule(division: Division, schedule: Schedule) -> None:
    """Write the schedule down, before anybody is booked."""
    s3.write_json(division.schedule.bucket, division.schedule.key, schedule.document())


def book(
    problem: RegionProblem,
    plan: RegionPlan,
    over: Sequence[str],
    now: datetime,
    together: Sequence[Write] = (),
) -> bool:
    """Book a region's crews as its plan says; False where another execution booked one of them since they
    were read. `over`: faults whose earlier visit is over; `together`: what is written with it."""
    try:
        crews.book(problem.crews, plan.bookings, now, {*plan.lifted, *over}, together=together)
    except CrewBookingConflict:
        return False
    return True
