"""What the steps of a plan by regions hand each other: the division, each region's problem, each region's
plan. They lie in the output bucket for a month; the schedule has all that lasts."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from ona.documents.base import Document, S3Pointer
from ona.documents.work_orders import Job, Learned
from ona.repairs.crews import Booking, Crew, Work
from ooda.documents.schedules import PlanChange, PlanSummary


class TimeOut(Document):
    """From when to when a tour is out."""

    leaves: AwareDatetime
    returns: AwareDatetime


class RegionProblem(Document):
    """What is to be planned in one region, by its crews as they were read. It names all that its plan
    depends on beside the settings, so that the same step made twice gives the same plan.

    `works`: the new work; the visits that may move stand in the crews' calendars. `together`: tours that
    may be out at once in this region; `elsewhere`: times for which another region's booked tour uses one of
    them. `promises_stay`: no visit moves that its crew can keep. `others`: how many crews of other regions
    could do a work, by finding, where there are any. `learned`: what earlier repairs say, by finding id.
    """

    now: AwareDatetime
    crews: list[Crew]
    works: list[Work]
    together: int = Field(ge=0)
    elsewhere: list[TimeOut] = []
    promises_stay: bool = False
    others: dict[str, int] = {}
    learned: dict[str, Learned] = {}
    unread: list[str] = []


class RegionPlan(Document):
    """What a region's plan says: jobs, bookings to add by crew, faults whose earlier booking is lifted, and
    what is otherwise than before. `summary`: None where the region has no plan."""

    jobs: list[Job]
    bookings: dict[str, list[Booking]] = {}
    lifted: list[str] = []
    summary: PlanSummary | None = None
    changes: list[PlanChange] = []


class Division(Document):
    """A plan's work as it was divided: what needed no plan (`jobs`), the faults whose visit is `over`
    without a repair, the tours that may be out at once in the fleet (`together`), and where each region's
    problem and plan lie."""

    schedule_id: str
    schedule: S3Pointer
    now: AwareDatetime
    jobs: list[Job]
    over: list[str]
    together: int
    problems: list[S3Pointer]
    plans: list[S3Pointer]
