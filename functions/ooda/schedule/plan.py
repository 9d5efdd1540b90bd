"""Decide on every finding: the cheapest feasible plan, and why each job is where it is.

The model, its symbols and the solvers are written down in docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.documents.work_orders import Job, OrderStatus
from ona.repairs.crews import Booking, Crew, Work, timed
from ona.repairs.parts import ranked
from ooda.config.loss_function import LossFunctionConfig, LossWeights
from ooda.documents.schedules import PlanSummary
from ooda.schedule.build import Built, Legs, build, distance_km, first_day, whole
from ooda.schedule.calendars import closed
from ooda.schedule.search import Solution
from ooda.schedule.solve import Result, dispatched, solve
from ooda.schedule.tours import Tour, Tours
from ooda.schedule.work import horizon_days, terms

SEED = 1
SECONDS = 20.0
"""When the best plan found so far is taken. The budget of rounds ends the search long before."""
Decision = Literal["scheduled", "deferred", "already_ordered", "unschedulable", "moved"]
PRIORITIES: dict[str, Literal["critical", "high", "medium", "low"]] = {
    "critical": "critical",
    "major": "high",
    "minor": "medium",
    "negligible": "low",
}
_ORDER = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Request:
    """A finding that wants a crew; the order that is open for its fault, its key and status."""

    finding: Finding
    asset: Asset
    rule: CauseRule
    diagnostic: S3Pointer
    open_order: str = ""
    ordered_as: str = ""
    status: OrderStatus = "OPEN"
    learned_hours: float | None = None

    @property
    def hours(self) -> float:
        """What the repair will take: as earlier ones did, else as the cause's rule says."""
        return self.learned_hours or self.rule.duration_hours


Calendars = dict[str, list[Booking]]
"""Bookings by crew."""
Visits = dict[str, tuple[str, Booking]]
"""Crew and booking by fault."""


@dataclass
class Plan:
    """Decisions on all requests and on visits that had to move; the bookings to add, by crew, and the
    faults whose earlier booking is `lifted`."""

    jobs: list[Job] = field(default_factory=list)
    bookings: Calendars = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    summary: PlanSummary | None = None


def make_plan(
    requests: Sequence[Request],
    crews: Sequence[Crew],
    *,
    now: datetime,
    rules: LossFunctionConfig,
    weights: LossWeights,
    catalogue: Sequence[Part],
    legs: Legs | None = None,
    seconds: float = SECONDS,
) -> Plan:
    """Decide on every request. Visits that leave within `freeze_hours` stay as they are; later ones may
    move where that saves more than `move_cost_usd`. The same input gives the same plan, in whatever
    order."""
    plan, wanted = _triage(requests, crews, now)
    if not wanted:
        return plan
    works = works_of(wanted, crews, now, rules, catalogue, legs)
    frozen, held = _calendar(crews, now, rules)
    movable = [booking.work for _, booking in held.values() if booking.work]

    def solved(every: list[Work], frozen: Calendars, held: Visits) -> tuple[Built, Result]:
        built = build(
            sorted(every, key=urgency), crews, frozen, held,
            now=now, rules=rules, weights=weights, legs=legs or {},
        )  # fmt: skip
        return built, solve(built.problem, seed=SEED, seconds=seconds)

    built, result = solved([*works, *movable], frozen, held)
    if any(built.works[task].finding_key in held for task in result.solution.absent):
        held = {}  # nobody loses a visit: the new work is fitted around all of them
        built, result = solved(works, {crew.crew_id: crew.bookings for crew in crews}, held)
    plan.summary = _summary(built, result)
    _Decided(built, result, plan, held, now, rules).all()
    return plan


def urgency(work: Work) -> tuple[int, float, str]:
    """For sorting: the more critical first, then what loses most an hour of work."""
    return (_ORDER.index(work.priority), -work.daily_usd / work.hours, work.finding_key)


# ------------------------------------------------------------------ what is to be done


def works_of(
    requests: Sequence[Request],
    crews: Sequence[Crew],
    now: datetime,
    rules: LossFunctionConfig,
    catalogue: Sequence[Part],
    legs: Legs | None = None,
) -> list[Work]:
    """The work of requests as it is planned: parts chosen, long work as its first day."""
    found = [_work(request, now, rules, catalogue) for request in requests]
    return [first_day(work, crews, rules, legs or {}) for work in found]


def _triage(
    requests: Sequence[Request], crews: Sequence[Crew], now: datetime
) -> tuple[Plan, list[Request]]:
    """What needs no planning is decided; the rest is work."""
    plan, wanted = Plan(), []
    held = {booking.finding_key: (crew, booking) for crew in crews for booking in crew.bookings}
    seen: set[str] = set()
    for request in sorted(requests, key=_class):
        finding = request.finding
        visit = held.get(request.ordered_as or finding.finding_key)
        waits = visit is None or visit[1].returns <= now
        if request.open_order and not (request.status == "OPEN" and waits and request.ordered_as):
            why = f"work order {request.open_order} is open for this fault"
            if request.status == "COMPLETE":
                why = f"work order {request.open_order} is complete: telemetry since then will tell"
            if request.status == "CANCELLED":
                why = f"work order {request.open_order} for this incident was cancelled: it is left alone"
                plan.jobs.append(_job(request, "deferred", why))
                seen.add(finding.finding_key)
                continue
            if request.ordered_as and request.ordered_as != finding.finding_key:
                why += f", then named {request.ordered_as.rpartition('#')[2]}, now {finding.cause}"
            plan.jobs.append(_job(request, "already_ordered", why, request.open_order))
        elif finding.finding_key in seen:
            plan.jobs.append(
                _job(request, "already_ordered", "another finding of this file is the same fault")
            )
        elif finding.finding_key in held and held[finding.finding_key][1].returns > now:
            crew, booking = held[finding.finding_key]
            job = _job(request, "scheduled", "time booked by an earlier run is kept")
            plan.jobs.append(timed(job, crew.crew_id, booking))
        elif not request.rule.fault:
            plan.jobs.append(_job(request, "deferred", f"{finding.cause} explains it: nobody is sent"))
        else:
            wanted.append(request)
            if visit and visit[1].returns <= now:
                plan.lifted.add(visit[1].finding_key)
        seen.add(finding.finding_key)
    return plan, wanted


def _class(request: Request) -> tuple[int, str]:
    finding = request.finding
    return (_ORDER.index(PRIORITIES[finding.risk_class]), finding.finding_id)


def _work(request: Request, now: datetime, rules: LossFunctionConfig, catalogue: Sequence[Part]) -> Work:
    finding, asset, rule = request.finding, request.asset, request.rule
    risk = finding.energy_at_risk
    best = (
        ranked(list(catalogue), rule.needs_part, finding.component, risk.daily_loss_usd)
        if rule.needs_part
        else []
    )
    part = best[0] if best else None
    lead = (part.wait_days or 0.0) if part else 0.0
    ready = whole(now + timedelta(days=lead))
    critical = finding.risk_class == "critical"
    limits = rules.constraints
    left = max(risk.daily_expected_kwh - risk.daily_loss_kwh, 0.0)
    return Work(
        finding_key=finding.finding_key,
        finding_id=finding.finding_id,
        asset_id=asset.id,
        site_id=asset.site_id,
        cause=finding.cause,
        diagnostic=request.diagnostic,
        priority=PRIORITIES[finding.risk_class],
        location=asset.location,
        zone=asset.timezone or limits.working_hours.timezone,
        specialization=rule.specialization,
        technicians=min(max(rule.crew_size, limits.min_crew_size), limits.max_crew_size),
        hours=request.hours,
        light=rule.light,
        sunny="wind" not in asset.type.lower(),
        known_since=finding.first_seen,
        ready=ready,
        due=max(now + timedelta(hours=limits.critical_within_hours), ready) if critical else None,
        must=critical or risk.daily_loss_usd >= rules.thresholds.ear_threshold_usd,
        severity=finding.severity,
        daily_usd=risk.daily_loss_usd,
        growth_percent=risk.growth_percent_per_day,
        standing_usd=left * asset.tariff_usd_per_kwh,
        part=part.sku if part else "",
        part_usd=(part.unit_price_usd or 0.0) if part else 0.0,
    )


def _calendar(crews: Sequence[Crew], now: datetime, rules: LossFunctionConfig) -> tuple[Calendars, Visits]:
    """What stays as it is by crew, and what may be moved by fault. A tour moves as a whole or not at
    all."""
    until = whole(now) + timedelta(hours=rules.constraints.freeze_hours)
    frozen: Calendars = {}
    held: Visits = {}
    for crew in crews:
        tours: list[list[Booking]] = []
        for booking in sorted(crew.bookings, key=lambda item: item.leaves):
            if tours and tours[-1][-1].returns == booking.leaves and booking.on_tour:
                tours[-1].append(booking)
            else:
                tours.append([booking])
        for tour in tours:
            if tour[0].leaves < until or any(booking.work is None for booking in tour):
                frozen.setdefault(crew.crew_id, []).extend(tour)
            else:
                held.update({booking.finding_key: (crew.crew_id, booking) for booking in tour})
    return frozen, held


# ------------------------------------------------------------------ what was decided


def by_simple_rules(built: Built) -> dict[str, Solution]:
    """The same work given out by two simple rules: as it arrived where it begins soonest, and the most
    urgent first where it costs least."""
    works = built.works
    arrived = sorted(range(len(works)), key=lambda n: (works[n].known_since, works[n].finding_key))
    urgent = sorted(range(len(works)), key=lambda n: urgency(works[n]))
    return {
        "first_come_first_served": dispatched(built.problem, arrived, soonest=True),
        "greedy": dispatched(built.problem, urgent, soonest=False),
    }


def _summary(built: Built, result: Result) -> PlanSummary:
    """The plan's cost beside that of two simple rules on the same work, weighted USD."""
    gap = result.gap
    return PlanSummary(
        jobs=len(built.works),
        loss_usd=round(result.solution.cost, 2),
        bound_usd=None if result.bound is None else round(min(result.bound, result.solution.cost), 2),
        gap_percent=None if gap is None else round(100 * gap, 3),
        optimal=result.optimal,
        timed_out=result.timed_out,
        compared={name: round(made.cost, 2) for name, made in by_simple_rules(built).items()},
    )


@dataclass
class _Decided:
    """The solution put into jobs and bookings."""

    built: Built
    result: Result
    plan: Plan
    held: Visits
    now: datetime
    rules: LossFunctionConfig

    def all(self) -> None:
        """Every work's decision, into the plan."""
        solution = self.result.solution
        self.tours = Tours(self.built.problem)
        booked: dict[int, tuple[Tour, Booking]] = {}
        for tour in solution.tours.values():
            for task, booking in self._bookings(tour):
                booked[task] = (tour, booking)
        new = {self.built.works[task].finding_key for task in booked} - set(self.held)
        for task, work in enumerate(self.built.works):
            if work.finding_key in self.held:
                self._held(task, work, *booked[task], new)
            elif task in booked:
                tour, booking = booked[task]
                self._add(tour, booking)
                self.plan.jobs.append(self._scheduled(task, tour, booking))
            else:
                self.plan.jobs.append(self._absent(task, work))

    def _bookings(self, tour: Tour) -> list[tuple[int, Booking]]:
        """A tour as bookings that touch each other: each with the way to it, the last with the way home."""
        problem, built = self.built.problem, self.built
        shift = problem.shifts[tour.shift]
        here, leaves, found = shift.start, tour.leaves, []
        for n, task in enumerate(tour.tasks):
            work, known = built.works[task], problem.tasks[task]
            ends = tour.begins[n] + known.minutes
            far = problem.km[here][known.place]
            last = n == len(tour.tasks) - 1
            if last:
                far += problem.km[known.place][shift.end]
            found.append(
                (
                    task,
                    Booking(
                        finding_key=work.finding_key,
                        finding_id=work.finding_id,
                        asset_id=work.asset_id,
                        site_id=work.site_id,
                        leaves=built.moment(leaves),
                        start=built.moment(tour.begins[n]),
                        end=built.moment(ends),
                        returns=built.moment(tour.returns if last else ends),
                        technicians=tour.people,
                        specialization=work.specialization,
                        travel_km=round(far, 1),
                        on_tour=n > 0,
                        work=work,
                    ),
                )
            )
            here, leaves = known.place, ends
        return found

    def _add(self, tour: Tour, booking: Booking) -> None:
        crew = self.built.problem.shifts[tour.shift].crew
        self.plan.bookings.setdefault(crew, []).append(booking)

    def _held(self, task: int, work: Work, tour: Tour, booking: Booking, new: set[str]) -> None:
        """A visit that might have been moved: told only if it was."""
        crew, before = self.held[work.finding_key]
        holder = self.built.problem.shifts[tour.shift].crew
        same = ("leaves", "start", "end", "returns", "technicians", "travel_km", "on_tour")
        if holder == crew and all(getattr(before, name) == getattr(booking, name) for name in same):
            return
        self.plan.lifted.add(work.finding_key)
        self._add(tour, booking)
        if (holder, before.start, before.technicians) == (crew, booking.start, booking.technicians):
            return  # only the way there changed
        change = f"moved from {_day(before.start, work)} ({crew}) to {_day(booking.start, work)} ({holder})"
        if (holder, before.start) == (crew, booking.start):
            change = f"{booking.technicians} technicians go, not {before.technicians}: others are on it"
        job = self._scheduled(task, tour, booking)
        self.plan.jobs.append(
            job.model_copy(
                update={
                    "decision": "moved",
                    "reason": f"{change}: with {_names(new)} the whole plan costs less; {job.reason}",
                }
            )
        )

    def _absent(self, task: int, work: Work) -> Job:
        problem = self.built.problem
        if not work.must:
            left = problem.tasks[task].absence
            why = (
                f"{work.daily_usd:.2f} USD a day is below the threshold of "
                f"{self.rules.thresholds.ear_threshold_usd:g}, it is not critical, and sending a crew "
                f"costs more than leaving it for {horizon_days(work, self.now, self.rules)} days "
                f"({left:.0f} USD weighted)"
            )
            if any(problem.windows[task]):
                return _of_work(work, "deferred", why)
        return _of_work(work, "unschedulable", self._binding(task, work))

    def _binding(self, task: int, work: Work) -> str:
        """The constraints that leave no place for a job."""
        reasons = list(self.built.reasons[task])
        if not self.built.crews:
            return "no crew is registered in the crews table"
        days = horizon_days(work, self.now, self.rules)
        alone = [
            n for n, window in enumerate(self.built.problem.windows[task]) if window
            and self.tours.tour(n, (task,))
        ]  # fmt: skip
        rest = len(self.built.crews) - len(reasons)
        if rest > 0 and not alone:
            why = f"no time within {days} days: no free working day is long enough"
            if work.ready > self.now + timedelta(days=days):
                why = f"{work.part} arrives after {days} days"
            elif work.light != "any":
                why += f" while it is {'light' if work.light == 'day' else 'dark'}"
            reasons.append(why)
        elif alone:
            reasons.append(
                f"no time within {days} days: every place that fits is taken by work that costs more to "
                f"leave, or {self.rules.constraints.max_concurrent_jobs} crews are out already"
            )
        return "; ".join(reasons)

    def _scheduled(self, task: int, tour: Tour, booking: Booking) -> Job:
        problem, work = self.built.problem, self.built.works[task]
        crew = problem.shifts[tour.shift].crew
        found = terms(work, booking.start, self.now)
        later = terms(work, booking.start + timedelta(days=1), self.now)
        waiting = sum(later[name] - found[name] for name in ("energy", "risk"))
        hours = (booking.returns - booking.leaves).total_seconds() / 3600.0
        found["cost"] = (
            booking.technicians * hours * self.rules.crew.hourly_cost_usd
            + booking.travel_km * self.rules.crew.travel_cost_usd_per_km
            + work.part_usd
        )
        return timed(
            _of_work(work, "scheduled", self._why(task, tour, booking, waiting)), crew, booking
        ).model_copy(
            update={
                "parts_arrive": work.ready,
                "due": work.due,
                "loss_terms": {name: round(value, 2) for name, value in found.items()},
                "waiting_a_day_usd": round(waiting, 2),
            }
        )

    def _why(self, task: int, tour: Tour, booking: Booking, waiting: float) -> str:
        work, problem = self.built.works[task], self.built.problem
        parts = ["the cheapest plan of all" if self.result.optimal else "the cheapest plan found"]
        count = len(tour.tasks)
        if count > 1:
            parts.append(f"visit {tour.tasks.index(task) + 1} of {count} on one tour")
        parts.append(f"a day later costs {waiting:.0f} USD more of production")
        if work.part and work.ready > whole(self.now):
            lead = (work.ready - self.now).total_seconds() / 86400.0
            parts.append(f"waits for {work.part} ({lead:.3g} days)")
        if work.hours_in_all:
            parts.append(f"takes {work.hours_in_all:g} h, more than a day: this is the first")
        shut = self._closures(tour, work, booking)
        if shut:
            parts.append(f"no work on {', '.join(shut)}")
        if work.due is not None and booking.start > work.due:
            parts.append(f"late: it was due by {_day(work.due, work)}")
        other = self._next_best(task, tour)
        if other is not None:
            crew, more = other
            parts.append(f"{crew}, the next best crew, costs {more:.0f} USD more")
        elif len({s.crew for s, w in zip(problem.shifts, problem.windows[task], strict=True) if w}) == 1:
            parts.append("no other crew can do it")
        return "; ".join(parts)

    def _closures(self, tour: Tour, work: Work, booking: Booking) -> list[str]:
        """The days between a job's readiness and its start on which the crew does not work, and why."""
        crew = self.built.crews[self.built.problem.shifts[tour.shift].crew]
        zone = ZoneInfo(work.zone)
        day, last = work.ready.astimezone(zone).date(), booking.start.astimezone(zone).date()
        found = []
        while day < last:
            why = closed(day, zone.key, crew, self.rules.constraints.working_hours)
            if why:
                found.append(f"{day:%-d %B} ({why})")
            day += timedelta(days=1)
        return found

    def _next_best(self, task: int, tour: Tour) -> tuple[str, float] | None:
        """The other crew that could do it at least cost with all other tours as they are, and its cost
        more."""
        problem, used = self.built.problem, self.result.solution.tours
        without = self.tours.tour(tour.shift, tuple(stop for stop in tour.stops if stop != task))
        if without is None:
            return None
        saved = tour.cost - without.cost
        mine = problem.shifts[tour.shift].crew
        groups = problem.groups()
        busy = {groups[number] for number in used}
        best: tuple[str, float] | None = None
        for number, shift in enumerate(problem.shifts):
            if shift.crew == mine or problem.windows[task][number] is None:
                continue
            if number not in used and groups[number] in busy:
                continue
            base = self.tours.tour(number, used[number].stops if number in used else ())
            made = self.tours.insert(base, task) if base else None
            if base and made and (best is None or made.cost - base.cost - saved < best[1]):
                best = (shift.crew, made.cost - base.cost - saved)
        return best


def _names(keys: set[str]) -> str:
    return ", ".join(sorted(key.partition("#")[0] for key in keys)) or "the rest"


def _day(moment: datetime, work: Work) -> str:
    return f"{moment.astimezone(ZoneInfo(work.zone)):%A %-d %B %H:%M}"


def _job(request: Request, decision: Decision, reason: str, work_order_id: str = "") -> Job:
    finding = request.finding
    return Job(
        finding_id=finding.finding_id,
        finding_key=finding.finding_key,
        asset_id=finding.asset_id,
        site_id=request.asset.site_id,
        diagnostic=request.diagnostic,
        decision=decision,
        reason=reason,
        priority=PRIORITIES[finding.risk_class],
        duration_hours=request.hours,
        work_order_id=work_order_id,
    )


def _of_work(work: Work, decision: Decision, reason: str) -> Job:
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


__all__ = ["Plan", "Request", "distance_km", "make_plan"]
