"""The solution put into jobs and bookings: what happens to each work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ona.documents.work_orders import Decision, Job
from ona.repairs.crews import Booking, Work, timed
from ooda.schedule.build import Built
from ooda.schedule.loss import terms
from ooda.schedule.placements import Placement, placements
from ooda.schedule.reasons import Reasons, why_moved
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.solve import Result
from ooda.schedule.visits import Visit

COMPARED = ("leaves", "start", "end", "returns", "technicians", "travel_km", "on_tour")
"""The fields of a booking that a plan may change."""


@dataclass
class Decisions:
    """The jobs; the bookings to add, by crew; and the faults whose earlier booking is `lifted`."""

    jobs: list[Job] = field(default_factory=list)
    bookings: dict[str, list[Booking]] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)

    def book(self, placed: Placement) -> None:
        """Add a booking."""
        self.bookings.setdefault(placed.crew_id, []).append(placed.booking)


def decide(
    built: Built, result: Result, movable: Mapping[str, Visit], now: datetime, rules: PlanningRules
) -> Decisions:
    """What the solution says of each work. A movable visit is a job only where it moves."""
    decisions, reasons = Decisions(), Reasons(built, result, now, rules)
    placed = placements(built, result.solution)
    new = {item.work.finding_key for item in placed.values()} - set(movable)
    for task, work in enumerate(built.works):
        before = movable.get(work.finding_key)
        if task not in placed:
            decisions.jobs.append(_job(work, *reasons.why_left_out(task, work)))
        elif before is None:
            decisions.book(placed[task])
            decisions.jobs.append(_scheduled(placed[task], reasons))
        elif not _same(before, placed[task]):
            decisions.lifted.add(work.finding_key)
            decisions.book(placed[task])
            if _matters(before, placed[task]):
                job = _scheduled(placed[task], reasons)
                reason = f"{why_moved(before, placed[task], new)}; {job.reason}"
                decisions.jobs.append(job.model_copy(update={"decision": "moved", "reason": reason}))
    return decisions


def _same(before: Visit, placed: Placement) -> bool:
    """Whether a visit is exactly as it was booked."""
    return placed.crew_id == before.crew_id and all(
        getattr(before.booking, name) == getattr(placed.booking, name) for name in COMPARED
    )


def _matters(before: Visit, placed: Placement) -> bool:
    """Whether people must know of a change; not where only the way there changed."""
    visit, booking = before.booking, placed.booking
    return (placed.crew_id, booking.start, booking.technicians) != (
        before.crew_id,
        visit.start,
        visit.technicians,
    )


def _scheduled(placed: Placement, reasons: Reasons) -> Job:
    """The job of a work that is done, with its visit and what it costs."""
    work, booking, rules, now = placed.work, placed.booking, reasons.rules, reasons.now
    loss = terms(work, booking.start, now)
    a_day_later = terms(work, booking.start + timedelta(days=1), now)
    waiting = sum(a_day_later[name] - loss[name] for name in ("energy", "risk"))
    hours = (booking.returns - booking.leaves).total_seconds() / 3600.0
    loss["cost"] = (
        booking.technicians * hours * rules.crew.hourly_cost_usd
        + booking.travel_km * rules.crew.travel_cost_usd_per_km
        + work.part_usd
    )
    job = timed(_job(work, "scheduled", reasons.why_here(placed, waiting)), placed.crew_id, booking)
    return job.model_copy(
        update={
            "parts_arrive": work.ready,
            "due": work.due,
            "loss_terms": {name: round(value, 2) for name, value in loss.items()},
            "waiting_a_day_usd": round(waiting, 2),
        }
    )


def _job(work: Work, decision: Decision, reason: str) -> Job:
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
