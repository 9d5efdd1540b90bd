"""The findings that want a crew, and which of them need no plan: their order, visit or cause decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ona.config.causes import CauseRule
from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.documents.work_orders import Decision, Job, JobPriority, Learned, OrderStatus
from ona.repairs.crews import Crew, timed
from ooda.notices import CREWS_HINT, PARTS_HINT, Unattended
from ooda.schedule.visits import Visit, visits_by_finding

UNPLANNABLE = "no plan can compute with it"
"""How the reason of a finding begins whose numbers are no numbers of a work."""
KEPT = "time booked by an earlier run is kept"
"""The reason of a job whose visit stands in a calendar already."""
ARRIVES = " arrives in "
"""What the reason of a job says whose part comes too late to be planned for."""
PRIORITIES: Mapping[str, JobPriority] = {
    "critical": "critical",
    "major": "high",
    "minor": "medium",
    "negligible": "low",
}
"""A job's priority by its finding's risk class."""
PRIORITY_ORDER: Sequence[JobPriority] = ("critical", "high", "medium", "low")
"""Priorities, the most pressing first."""


@dataclass(frozen=True)
class RepairRequest:
    """A finding that wants a crew, with its asset, its cause's rule and the diagnostic that it is in.

    `open_order`: the id of the order that is open for its fault, "" where there is none; `ordered_as`: the
    key of the finding for which that order was opened; `status`: how the order stands. `learned`: what
    its customer's earlier repairs of the cause say of the hours, None where none was reported.
    """

    finding: Finding
    asset: Asset
    rule: CauseRule
    diagnostic: S3Pointer
    open_order: str = ""
    ordered_as: str = ""
    status: OrderStatus = "OPEN"
    learned: Learned | None = None

    @property
    def hours(self) -> float:
        """What the repair will take: as the cause's rule says, moved by what earlier ones took."""
        return self.learned.planned if self.learned else self.rule.duration_hours

    @property
    def priority(self) -> JobPriority:
        """The job's priority."""
        return PRIORITIES[self.finding.risk_class]

    def job(self, decision: Decision, reason: str, work_order_id: str = "") -> Job:
        """The job with a decision that needed no plan."""
        finding = self.finding
        return Job(
            finding_id=finding.finding_id,
            finding_key=finding.finding_key,
            asset_id=finding.asset_id,
            site_id=self.asset.site_id,
            diagnostic=self.diagnostic,
            decision=decision,
            reason=reason,
            priority=self.priority,
            duration_hours=self.hours,
            work_order_id=work_order_id,
            learned=self.learned,
        )


@dataclass
class Triage:
    """The `jobs` that need no plan, the requests that do (`to_plan`), and the faults whose earlier visit is
    `over` without a repair."""

    jobs: list[Job] = field(default_factory=list)
    to_plan: list[RepairRequest] = field(default_factory=list)
    over: set[str] = field(default_factory=set)


def triage(requests: Sequence[RepairRequest], crews: Sequence[Crew], now: datetime) -> Triage:
    """Decide what needs no plan, the most pressing request first."""
    result, visits, seen = Triage(), visits_by_finding(crews), set[str]()
    for request in sorted(requests, key=_pressing):
        key = request.finding.finding_key
        job = _decided(request, visits, key in seen, now)
        seen.add(key)
        if job is not None:
            result.jobs.append(job)
            continue
        result.to_plan.append(request)
        for name in {request.ordered_as, key} & set(visits):
            if visits[name].booking.returns <= now:
                result.over.add(name)
    return result


def unattended(jobs: Sequence[Job], requests: Sequence[RepairRequest]) -> list[Unattended]:
    """The faults that no crew can take, the most pressing first."""
    asked = {request.finding.finding_id: request for request in requests}
    left = [
        (job, asked[job.finding_id])
        for job in jobs
        if job.decision == "unschedulable" and job.finding_id in asked
    ]
    left.sort(key=lambda pair: _pressing(pair[1]))
    return [
        Unattended(one.finding, one.asset, job.priority, job.reason, _remedy(job), one.open_order)
        for job, one in left
    ]


def _remedy(job: Job) -> str:
    """What a person can do about a job that no crew takes; empty where its reason says it already."""
    if job.reason.startswith(UNPLANNABLE):
        return ""
    return PARTS_HINT if ARRIVES in job.reason else CREWS_HINT


def _pressing(request: RepairRequest) -> tuple[int, str]:
    return (PRIORITY_ORDER.index(request.priority), request.finding.finding_id)


def _decided(request: RepairRequest, visits: Mapping[str, Visit], seen: bool, now: datetime) -> Job | None:
    """The job of a request that needs no plan; None for one that does. `seen`: another request is the same
    fault."""
    key = request.finding.finding_key
    if request.open_order and not _wants_another_visit(request, visits, now):
        return _ordered(request)
    if seen:
        return request.job("already_ordered", "another finding of this file is the same fault")
    if key in visits and visits[key].booking.returns > now:
        job = request.job("scheduled", KEPT)
        return timed(job, visits[key].crew_id, visits[key].booking)
    if not request.rule.fault:
        return request.job("deferred", f"{request.finding.cause} explains it: nobody is sent")
    return None


def _wants_another_visit(request: RepairRequest, visits: Mapping[str, Visit], now: datetime) -> bool:
    """Whether the open order has no visit to come, and nobody is at work on it or holds it."""
    if request.status != "OPEN" or not request.ordered_as:
        return False
    visit = visits.get(request.ordered_as)
    return visit is None or visit.booking.returns <= now


def _ordered(request: RepairRequest) -> Job:
    """The job of a request whose order decides."""
    order = f"work order {request.open_order}"
    if request.status == "CANCELLED":
        return request.job("deferred", f"{order} for this incident was cancelled: it is left alone")
    why = f"{order} is open for this fault"
    if request.status == "COMPLETE":
        why = f"{order} is complete: telemetry since then will tell"
    if request.ordered_as and request.ordered_as != request.finding.finding_key:
        named = request.ordered_as.rpartition("#")[2]
        why += f", then named {named}, now {request.finding.cause}"
    return request.job("already_ordered", why, request.open_order)
