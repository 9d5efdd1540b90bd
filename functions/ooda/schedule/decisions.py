"""The arrangement put into jobs, bookings, and what changed: what happens to each work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ona.documents.work_orders import Decision, Job
from ona.repairs.crews import Booking, Work, timed
from ooda.documents.schedules import PlanChange
from ooda.schedule.arrangement import Arrangement
from ooda.schedule.loss import terms
from ooda.schedule.placements import Placement, as_promised, placements
from ooda.schedule.reasons import Reasons
from ooda.schedule.several_days import Stay, money
from ooda.schedule.visits import Calendars, Visit

COMPARED = ("leaves", "start", "end", "returns", "technicians", "travel_km", "on_tour", "days")
"""The fields of a booking that a plan may change."""


@dataclass
class Decisions:
    """The jobs; the bookings to add, by crew; the faults whose earlier booking is `lifted`; and what is
    otherwise than in the plan before."""

    jobs: list[Job] = field(default_factory=list)
    bookings: dict[str, list[Booking]] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    changes: list[PlanChange] = field(default_factory=list)

    def book(self, crew_id: str, booking: Booking) -> None:
        """Add a booking."""
        self.bookings.setdefault(crew_id, []).append(booking)


def decide(
    plan: Arrangement, before: Calendars, unread: Sequence[str], others: Mapping[str, int] | None = None
) -> Decisions:
    """What the arrangement says of each work. A movable visit is a job only where it moves, or where its
    crew cannot come and nobody else can. `before`: the calendars as they were; `unread`: crews that nobody
    can read, in words; `others`: of a plan by regions, how many crews of other regions could do a work."""
    decisions, placed = Decisions(), placements(plan.built, plan.solution)
    done = [item.work.finding_key for item in placed.values()]
    done += [stay.work.finding_key for stay in plan.stays]
    new = set(done) - set(before.movable)
    reasons = Reasons(plan, before, sorted(new), unread, others)
    for task, work in enumerate(plan.built.works):
        if task in placed:
            _put(decisions, placed[task], before, reasons)
        else:
            _leave(decisions, work, before, *reasons.why_left_out(task, work))
    for stay in plan.stays:
        _put(decisions, stay, before, reasons)
    for work, dearer in plan.without:
        _leave(decisions, work, before, *reasons.why_no_stay(work, dearer))
    return decisions


def _put(decisions: Decisions, placed: Placement | Stay, before: Calendars, reasons: Reasons) -> None:
    """A work that somebody does: a new visit, one that moves, or one that stays."""
    work, booking, key = placed.work, placed.booking, placed.work.finding_key
    visit = before.movable.get(key)
    if visit is None:
        job = _scheduled(placed, reasons)
        decisions.book(placed.crew_id, booking)
        decisions.jobs.append(job)
        decisions.changes.append(_change(work, "new", None, placed, job.reason))
        return
    if _same(visit, placed):
        return
    decisions.lifted.add(key)
    decisions.book(placed.crew_id, booking)
    if not _matters(visit, placed):
        return
    why = reasons.why_moved(visit, placed)
    job = _scheduled(placed, reasons)
    decisions.jobs.append(job.model_copy(update={"decision": "moved", "reason": f"{why}; {job.reason}"}))
    kind = "moved" if placed.crew_id == visit.crew_id else "other_crew"
    decisions.changes.append(_change(work, kind, visit, placed, why))


def _leave(decisions: Decisions, work: Work, before: Calendars, decision: Decision, why: str) -> None:
    """A work that nobody does. A visit stays in the calendar, so that the next plan looks for somebody
    again."""
    key = work.finding_key
    visit = before.movable.get(key)
    if visit is not None:
        if key not in before.broken:
            return
        cannot = f"{visit.crew_id} cannot come at its time ({before.broken[key]})"
        why = f"{cannot}, and nobody else is free: {why}"
        decision = "unschedulable"
        decisions.changes.append(_change(work, "dropped", visit, None, why))
    decisions.jobs.append(job_of(work, decision, why))


def _change(
    work: Work, kind: str, before: Visit | None, placed: Placement | Stay | None, why: str
) -> PlanChange:
    return PlanChange.model_validate(
        {
            "finding_key": work.finding_key,
            "asset_id": work.asset_id,
            "change": kind,
            "crew_before": before.crew_id if before else "",
            "start_before": before.booking.start if before else None,
            "crew_after": placed.crew_id if placed else "",
            "start_after": placed.booking.start if placed else None,
            "why": why,
        }
    )


def _same(before: Visit, placed: Placement | Stay) -> bool:
    """Whether a visit is exactly as it was booked."""
    return placed.crew_id == before.crew_id and all(
        getattr(before.booking, name) == getattr(placed.booking, name) for name in COMPARED
    )


def _matters(before: Visit, placed: Placement | Stay) -> bool:
    """Whether people must know of a change; not where only the way there changed."""
    then, now = before.booking, placed.booking
    return not as_promised(before, placed.crew_id, now) or (then.technicians, then.days) != (
        now.technicians,
        now.days,
    )


def _scheduled(placed: Placement | Stay, reasons: Reasons) -> Job:
    """The job of a work that is done, with its visit and what it costs."""
    work, booking, rules, now = placed.work, placed.booking, reasons.rules, reasons.now
    waiting = waiting_a_day(work, booking, now)
    loss = terms(work, booking.start, now, booking.end)
    loss["cost"] = money(booking, rules, work.part_usd)
    job = timed(job_of(work, "scheduled", reasons.why_here(placed, waiting)), placed.crew_id, booking)
    return job.model_copy(
        update={
            "parts_arrive": work.ready,
            "due": work.due,
            "loss_terms": {name: round(value, 2) for name, value in loss.items()},
            "waiting_a_day_usd": round(waiting, 2),
            "assumed": reasons.assumed(work, placed.crew_id),
        }
    )


def waiting_a_day(work: Work, booking: Booking, now: datetime) -> float:
    """What a day later costs of production, with the fault's growth, USD."""
    day = timedelta(days=1)
    loss = terms(work, booking.start, now, booking.end)
    later = terms(work, booking.start + day, now, booking.end + day)
    return sum(later[name] - loss[name] for name in ("energy", "risk"))


def job_of(work: Work, decision: Decision, reason: str) -> Job:
    """The job of a work, before it has a crew and a time."""
    return Job(
        finding_id=work.finding_id,
        finding_key=work.finding_key,
        asset_id=work.asset_id,
        site_id=work.site_id,
        diagnostic=work.diagnostic,
        decision=decision,
        reason=reason,
        priority=work.priority,
        duration_hours=work.hours_in_all or work.hours,
    )
