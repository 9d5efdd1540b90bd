"""What Schedule answers: which jobs are to be ordered, and how many wait and why not."""

from __future__ import annotations

from collections.abc import Sequence

from ona.documents.base import S3Pointer
from ona.documents.work_orders import Job
from ooda import listing
from ooda.documents.schedules import Schedule
from ooda.payloads import JobReference, ScheduleResult


def answer(schedule: Schedule, pointer: S3Pointer) -> ScheduleResult:
    """The answer for a schedule that lies there: jobs with a visit are to be ordered, or moved. Raises
    DependencyBusy."""
    decisions = [job.decision for job in schedule.jobs]
    wanted = [job for job in schedule.jobs if job.decision in ("scheduled", "moved")]
    return ScheduleResult(
        schedule=pointer,
        jobs=listing.passed(
            _references(wanted, schedule.schedule_id, pointer), schedule.schedule_id, "jobs"
        ),
        scheduled=decisions.count("scheduled"),
        deferred=decisions.count("deferred"),
        already_ordered=decisions.count("already_ordered"),
        unschedulable=decisions.count("unschedulable"),
    )


def _references(jobs: Sequence[Job], schedule_id: str, pointer: S3Pointer) -> list[JobReference]:
    """Where each job lies. Each is read by an Order of its own: of many jobs, a part of the schedule with
    `MOST_LISTED` of them is read then, and not the whole. Raises DependencyBusy."""
    most = listing.MOST_LISTED
    if len(jobs) <= most:
        return [JobReference(schedule=pointer, finding_id=job.finding_id) for job in jobs]
    references = []
    for first in range(0, len(jobs), most):
        part = jobs[first : first + most]
        document = {"jobs": [job.document() for job in part]}
        place = listing.written(document, schedule_id, f"jobs-{first // most + 1}")
        references += [JobReference(schedule=place, finding_id=job.finding_id) for job in part]
    return references
