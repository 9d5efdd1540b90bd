"""The plans of all regions put together: each is looked at again; one that breaks a rule does not count.

Nothing is lost: the work of a region without a plan is deferred, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ona.documents.work_orders import Job
from ona.repairs.crews import Booking, Crew
from ona.runtime.words import listed
from ooda.documents.regions import Division, RegionPlan, RegionProblem, TimeOut
from ooda.documents.schedules import PlanSummary
from ooda.schedule.decisions import job_of
from ooda.schedule.eligibility import why_not
from ooda.schedule.plan import Plan
from ooda.schedule.rules import PlanningRules
from ooda.schedule.visits import why_not_kept

MOST_NAMED = 5
"""Faults of one region that a broken rule names (ours)."""
NOT_PLANNED = "its region could not be planned"
"""How the reason of a job begins that waits because its region has no plan."""


@dataclass(frozen=True)
class Joined:
    """The whole plan; `regions`: those whose plan counts, to be booked one by one; `refused`: the others,
    by number, and why."""

    plan: Plan
    regions: list[tuple[RegionProblem, RegionPlan]]
    refused: dict[int, str]


def joined(
    division: Division,
    problems: Sequence[RegionProblem],
    plans: Sequence[RegionPlan | None],
    crews: Sequence[Crew],
    rules: PlanningRules,
) -> Joined:
    """The whole plan of a division. `plans`: of each problem, None where it was not made; `crews`: those of
    the whole fleet."""
    fleet = _Fleet(division, plans, crews)
    good: list[tuple[RegionProblem, RegionPlan]] = []
    refused: dict[int, str] = {}
    jobs = list(division.jobs)
    for number, (problem, plan) in enumerate(zip(problems, plans, strict=True)):
        wrong = "no plan was made" if plan is None else _wrong(problem, plan, rules) or fleet.wrong(plan)
        if plan is None or wrong:
            refused[number] = wrong
            jobs += [_deferred(problem, n, wrong) for n in range(len(problem.works))]
            continue
        fleet.add(plan)
        good.append((problem, plan))
        jobs += plan.jobs
    whole = Plan(
        jobs,
        {crew: bookings for _, one in good for crew, bookings in one.bookings.items()},
        {key for _, one in good for key in one.lifted} | set(division.over),
        _summary([one.summary for _, one in good if one.summary]),
        [change for _, one in good for change in one.changes],
    )
    return Joined(whole, good, refused)


def is_booked(plan: RegionPlan, crews: Mapping[str, Crew]) -> bool:
    """Whether the crews have all of a plan in their calendars already: an earlier try booked it, or there
    is nothing to book."""
    held = {crew_id: {_visit(one) for one in crews[crew_id].bookings} for crew_id in plan.bookings}
    return all(_visit(one) in held[crew_id] for crew_id, added in plan.bookings.items() for one in added)


def _visit(booking: Booking) -> tuple[str, datetime, datetime]:
    return booking.finding_key, booking.leaves, booking.returns


def _wrong(problem: RegionProblem, plan: RegionPlan, rules: PlanningRules) -> str:
    """What is wrong with one region's plan; "" where nothing is."""
    crews = {crew.crew_id: crew for crew in problem.crews}
    strangers = sorted(set(plan.bookings) - set(crews))
    if strangers:
        return f"it books crews of other regions: {listed(strangers, MOST_NAMED)}"
    said = [job.finding_id for job in plan.jobs]
    lost = [work.finding_key for work in problem.works if said.count(work.finding_id) != 1]
    if lost:
        return f"these are not decided on once: {listed(lost, MOST_NAMED)}"
    added = [b.finding_key for bookings in plan.bookings.values() for b in bookings]
    if len(added) != len(set(added)):
        return "a fault has two visits"
    for crew_id, bookings in plan.bookings.items():
        wrong = _wrong_calendar(crews[crew_id], bookings, set(plan.lifted), problem.now, rules)
        if wrong:
            return f"{crew_id}: {wrong}"
    return ""


def _wrong_calendar(
    crew: Crew, added: Sequence[Booking], lifted: set[str], now: datetime, rules: PlanningRules
) -> str:
    """What is wrong with what is added to one crew's calendar; "" where nothing is."""
    for booking in added:
        if booking.work is None:
            return f"{booking.finding_key} has no work"
        why = why_not(booking.work, crew, rules) or why_not_kept(crew, booking, now, rules)
        if why:
            return f"{booking.finding_key}: {why}"
        if booking.start < booking.work.ready:
            return f"{booking.finding_key}: it begins before its part is there"
    staying = [booking for booking in crew.bookings if booking.finding_key not in lifted]
    times = sorted((t for b in [*staying, *added] for t in b.times), key=lambda t: (t.leaves, t.returns))
    mine = {id(time) for booking in added for time in booking.times}
    for one, other in pairwise(times):
        if one.returns > other.leaves and (id(one) in mine or id(other) in mine):
            return f"it is booked twice at {other.leaves:%Y-%m-%d %H:%M} UTC"
    return ""


class _Fleet:
    """The tours that are out in the whole fleet, where not all crews may be out at once."""

    def __init__(
        self, division: Division, plans: Sequence[RegionPlan | None], crews: Sequence[Crew]
    ) -> None:
        self.most = division.together
        self.binds = self.most < len(crews)
        made = [plan for plan in plans if plan]
        added = {one.finding_key for plan in made for of_crew in plan.bookings.values() for one in of_crew}
        changed = added.union(*(plan.lifted for plan in made))
        held = [one for crew in crews for one in crew.bookings if one.finding_key not in changed]
        self.out = [time for one in held for time in _times(one)]

    def wrong(self, plan: RegionPlan) -> str:
        """Whether too many tours would be out at once with a region's plan."""
        if not self.binds:
            return ""
        new = [t for bookings in plan.bookings.values() for one in bookings for t in _times(one)]
        everything = [*self.out, *new]
        for time in new:
            if sum(other.leaves <= time.leaves < other.returns for other in everything) > self.most:
                at = f"{time.leaves:%Y-%m-%d %H:%M} UTC"
                return f"too many tours would be out at {at}, more than {self.most}"
        return ""

    def add(self, plan: RegionPlan) -> None:
        """Count a region's tours from now on."""
        self.out += [t for bookings in plan.bookings.values() for one in bookings for t in _times(one)]


def _times(booking: Booking) -> list[TimeOut]:
    return [TimeOut(leaves=time.leaves, returns=time.returns) for time in booking.times]


def _deferred(problem: RegionProblem, number: int, why: str) -> Job:
    work = problem.works[number]
    reason = f"{NOT_PLANNED}: {why}; the next file of the asset, or the same put again, plans it anew"
    job = job_of(work, "deferred", reason)
    return job.model_copy(update={"learned": problem.learned.get(work.finding_id)})


def _summary(parts: Sequence[PlanSummary]) -> PlanSummary | None:
    """The regions' numbers added up. No bound is known: a region's own says nothing of what crews of other
    regions could do."""
    if not parts:
        return None
    rules = set.intersection(*(set(part.compared) for part in parts))
    return PlanSummary(
        jobs=sum(part.jobs for part in parts),
        loss_usd=round(sum(part.loss_usd for part in parts), 2),
        bound_usd=None,
        gap_percent=None,
        optimal=False,
        timed_out=any(part.timed_out for part in parts),
        compared={name: round(sum(part.compared[name] for part in parts), 2) for name in sorted(rules)},
        regions=len(parts),
    )
