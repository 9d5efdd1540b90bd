"""A feasible plan: jobs placed one after the other, the most urgent first, each where it costs least.

Every job is tried on every crew that can do it, at the earliest time that breaks no rule: working
days and hours of the site, 8 h a day with travel, no overlap with another booking, at most three jobs
at once in the fleet, 100 km, crew size, and the arrival of its part. Among the crews the one with the
smallest weighted loss gets it. All terms of the loss are in USD:

=========  ==================================================================================
energy     daily loss × days until the work is done
cost       technicians × hours × rate + travel + part
mttr       daily loss × (work hours / 8)
risk       what the fault's growth adds to the loss while it waits
urgency    severity × daily loss × days of waiting
=========  ==================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import asin, ceil, cos, radians, sin, sqrt
from typing import Literal
from zoneinfo import ZoneInfo

from ona.assets import Asset, Location
from ona.config import CauseRule, LossFunctionConfig, LossWeights, Part
from ona.crews import Booking, Crew
from ona.parts import ranked
from ona.payloads import S3Pointer
from ona.records import CrewAssignment, Finding, Job
from schedule.calendars import closed

EARTH_RADIUS_KM = 6371.0088
ROAD_FACTOR = 1.25
"""Roads are this much longer than the great circle (planning assumption)."""
PRIORITIES: dict[str, Literal["critical", "high", "medium", "low"]] = {
    "critical": "critical",
    "major": "high",
    "minor": "medium",
    "negligible": "low",
}
_ORDER = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Request:
    """A finding that wants a crew."""

    finding: Finding
    asset: Asset
    rule: CauseRule
    diagnostic: S3Pointer
    open_order: str = ""
    ordered_as: str = ""


@dataclass
class Plan:
    """Decisions on all requests, and the bookings to add, by crew."""

    jobs: list[Job] = field(default_factory=list)
    bookings: dict[str, list[Booking]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Slot:
    crew: Crew
    booking: Booking
    terms: dict[str, float]
    loss: float
    waiting_a_day_usd: float


def distance_km(a: Location, b: Location) -> float:
    """Great-circle distance (haversine) times the road factor, km."""
    lat1, lat2 = radians(a.latitude), radians(b.latitude)
    half = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half)) * ROAD_FACTOR


def make_plan(
    requests: list[Request],
    crews: list[Crew],
    *,
    now: datetime,
    rules: LossFunctionConfig,
    weights: LossWeights,
    catalogue: list[Part],
) -> Plan:
    """Decide on every request; deterministic. Existing bookings are never moved."""
    plan = Plan()
    calendar = {crew.crew_id: list(crew.bookings) for crew in crews}
    held = {booking.finding_key: (crew, booking) for crew in crews for booking in crew.bookings}
    waiting: list[Request] = []
    seen: set[str] = set()
    for request in sorted(requests, key=_urgency):
        finding = request.finding
        daily = finding.energy_at_risk.daily_loss_usd
        if request.open_order:
            why = f"work order {request.open_order} is open for this fault"
            if request.ordered_as and request.ordered_as != finding.finding_key:
                why += f", then named {request.ordered_as.rpartition('#')[2]}, now {finding.cause}"
            plan.jobs.append(
                _job(
                    request,
                    "already_ordered",
                    why,
                    work_order_id=request.open_order,
                )
            )
        elif finding.finding_key in seen:
            plan.jobs.append(
                _job(request, "already_ordered", "another finding of this file is the same fault")
            )
        elif finding.finding_key in held and held[finding.finding_key][1].returns > now:
            crew, booking = held[finding.finding_key]
            plan.jobs.append(_booked(request, crew, booking, "time booked by an earlier run is kept", {}))
        elif not request.rule.fault:
            plan.jobs.append(_job(request, "deferred", f"{finding.cause} explains it: nobody is sent"))
        elif finding.risk_class != "critical" and daily < rules.thresholds.ear_threshold_usd:
            waiting.append(request)
            continue
        else:
            _place(request, crews, calendar, plan, now, rules, weights, catalogue)
        seen.add(finding.finding_key)
    sites = {
        booking.site_id for bookings in calendar.values() for booking in bookings if booking.leaves > now
    }
    for request in waiting:
        if request.asset.site_id in sites and request.finding.finding_key not in seen:
            seen.add(request.finding.finding_key)
            _place(request, crews, calendar, plan, now, rules, weights, catalogue)
            continue
        plan.jobs.append(
            _job(
                request,
                "deferred",
                f"{request.finding.energy_at_risk.daily_loss_usd:.2f} USD a day is below the "
                f"threshold of {rules.thresholds.ear_threshold_usd:g}, it is not critical, and no crew "
                "goes to the site",
            )
        )
    return plan


def _urgency(request: Request) -> tuple[int, float, str]:
    finding = request.finding
    rate = finding.energy_at_risk.daily_loss_usd / request.rule.duration_hours
    return (_ORDER.index(PRIORITIES[finding.risk_class]), -rate, finding.finding_id)


def _place(
    request: Request,
    crews: list[Crew],
    calendar: dict[str, list[Booking]],
    plan: Plan,
    now: datetime,
    rules: LossFunctionConfig,
    weights: LossWeights,
    catalogue: list[Part],
) -> None:
    part = _part(request, catalogue)
    lead = part.lead_time_days if part and part.lead_time_days is not None else 0.0
    ready = _next_five_minutes(now + timedelta(days=lead))
    slots, reasons = [], []
    for crew in crews:
        slot = _slot_of(request, crew, calendar, now, ready, rules, weights, part)
        if isinstance(slot, str):
            reasons.append(f"{crew.crew_id}: {slot}")
        else:
            slots.append(slot)
    if not slots:
        why = "; ".join(reasons) or "no crew is registered in the crews table"
        plan.jobs.append(_job(request, "unschedulable", why))
        return
    best = min(slots, key=lambda slot: (slot.loss, slot.booking.start, slot.crew.crew_id))
    calendar[best.crew.crew_id].append(best.booking)
    plan.bookings.setdefault(best.crew.crew_id, []).append(best.booking)
    others = sorted(slot.loss - best.loss for slot in slots if slot is not best)
    why = f"earliest time that fits, weighted loss {best.loss:.0f} USD"
    why += f"; a day later costs {best.waiting_a_day_usd:.0f} USD more of production"
    if lead > 0 and part:
        why += f"; waits for {part.sku} ({lead:g} days)"
    shut = _closures(best, request, ready, rules)
    if shut:
        why += f"; no work on {', '.join(shut)}"
    if others:
        why += f"; the next best crew costs {others[0]:.0f} USD more"
    job = _booked(request, best.crew, best.booking, why, best.terms, ready)
    plan.jobs.append(job.model_copy(update={"waiting_a_day_usd": best.waiting_a_day_usd}))


def _closures(slot: _Slot, request: Request, ready: datetime, rules: LossFunctionConfig) -> list[str]:
    """The days between a job's readiness and its start on which the crew does not work, with the reason."""
    hours = rules.constraints.working_hours
    zone = ZoneInfo(request.asset.timezone or hours.timezone)
    day, last = ready.astimezone(zone).date(), slot.booking.start.astimezone(zone).date()
    found = []
    while day < last:
        why = closed(day, zone.key, slot.crew, hours)
        if why:
            found.append(f"{day:%-d %B} ({why})")
        day += timedelta(days=1)
    return found


def _next_five_minutes(moment: datetime) -> datetime:
    floor = moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=5)


def _slot_of(
    request: Request,
    crew: Crew,
    calendar: dict[str, list[Booking]],
    now: datetime,
    ready: datetime,
    rules: LossFunctionConfig,
    weights: LossWeights,
    part: Part | None,
) -> _Slot | str:
    """The crew's earliest slot, or the constraint that binds."""
    rule, asset = request.rule, request.asset
    if crew.status != "available":
        return f"status is {crew.status}"
    if rule.specialization not in crew.specialisations:
        return f"lacks {rule.specialization}"
    size = min(max(rule.crew_size, rules.constraints.min_crew_size), rules.constraints.max_crew_size)
    if crew.size < size:
        return f"has {crew.size} technicians, {size} are needed"
    km = distance_km(crew.base, asset.location) if asset.location else 0.0
    if km > rules.crew.max_travel_distance_km:
        return f"{km:.0f} km away, more than {rules.crew.max_travel_distance_km:g}"
    travel = _whole_minutes(km / rules.crew.travel_speed_km_h)
    work = timedelta(hours=rule.duration_hours)
    block = work + 2 * travel
    if block > timedelta(hours=rules.crew.hours_per_day):
        return f"needs {block.total_seconds() / 3600:.1f} h with travel, a day has fewer"
    leaves = _earliest(crew, asset, calendar, ready, block, rules)
    if leaves is None:
        return f"no time within {rules.constraints.planning_horizon_days} days"
    booking = Booking(
        finding_key=request.finding.finding_key,
        finding_id=request.finding.finding_id,
        asset_id=asset.id,
        site_id=asset.site_id,
        leaves=leaves,
        start=leaves + travel,
        end=leaves + travel + work,
        returns=leaves + block,
        technicians=size,
        specialization=rule.specialization,
        travel_km=round(2 * km, 1),
    )
    terms = _terms(request, booking, now, rules, part)
    day = timedelta(days=1)
    later = _terms(
        request,
        booking.model_copy(update={"start": booking.start + day, "end": booking.end + day}),
        now,
        rules,
        part,
    )
    waiting = sum(later[name] - terms[name] for name in ("energy", "risk"))
    factors = weights.model_dump()
    loss = sum(factors[f"w_{name}"] * value for name, value in terms.items())
    told = {name: round(value, 2) for name, value in terms.items()}
    return _Slot(crew, booking, told, loss, round(waiting, 2))


def _whole_minutes(hours: float, step: int = 5) -> timedelta:
    """A duration rounded up to whole steps of minutes: people read these times."""
    return timedelta(minutes=step * ceil(hours * 60 / step))


def _terms(
    request: Request,
    booking: Booking,
    now: datetime,
    rules: LossFunctionConfig,
    part: Part | None,
) -> dict[str, float]:
    risk = request.finding.energy_at_risk
    daily = risk.daily_loss_usd
    days = max((booking.end - now).total_seconds() / 86400.0, 0.0)
    wait = max((booking.start - now).total_seconds() / 86400.0, 0.0)
    growth = risk.growth_percent_per_day / 100.0
    grown = ((1 + growth) ** days - 1) / growth if growth > 0 else days
    hours = (booking.returns - booking.leaves).total_seconds() / 3600.0
    return {
        "energy": daily * days,
        "cost": booking.technicians * hours * rules.crew.hourly_cost_usd
        + booking.travel_km * rules.crew.travel_cost_usd_per_km
        + ((part.unit_price_usd or 0.0) if part else 0.0),
        "mttr": daily * request.rule.duration_hours / 8.0,
        "risk": daily * max(grown - days, 0.0),
        "urgency": request.finding.severity * daily * wait,
    }


def _earliest(
    crew: Crew,
    asset: Asset,
    calendar: dict[str, list[Booking]],
    ready: datetime,
    block: timedelta,
    rules: LossFunctionConfig,
) -> datetime | None:
    """When the crew can leave its base first, or None within the planning horizon."""
    hours = rules.constraints.working_hours
    zone = ZoneInfo(asset.timezone or hours.timezone)
    everyone = [booking for bookings in calendar.values() for booking in bookings]
    own = sorted(calendar[crew.crew_id], key=lambda booking: booking.leaves)
    first = ready.astimezone(zone).date()
    for offset in range(rules.constraints.planning_horizon_days + 1):
        day = first + timedelta(days=offset)
        if closed(day, zone.key, crew, hours):
            continue
        opens = datetime.combine(day, hours.start, zone).astimezone(ready.tzinfo)
        closes = datetime.combine(day, hours.end, zone).astimezone(ready.tzinfo)
        candidates = sorted(
            {
                max(opens, ready),
                *(b.returns for b in everyone if opens <= b.returns < closes and b.returns >= ready),
            }
        )
        for leaves in candidates:
            if leaves < opens or leaves + block > closes:
                continue
            if any(b.leaves < leaves + block and leaves < b.returns for b in own):
                continue
            if _hours_on(own, day, zone) + block.total_seconds() / 3600.0 > rules.crew.hours_per_day:
                continue
            if _busiest(everyone, leaves, leaves + block) >= rules.constraints.max_concurrent_jobs:
                continue
            return leaves
    return None


def _hours_on(bookings: list[Booking], day: date, zone: ZoneInfo) -> float:
    return sum(
        (booking.returns - booking.leaves).total_seconds() / 3600.0
        for booking in bookings
        if booking.leaves.astimezone(zone).date() == day
    )


def _busiest(bookings: list[Booking], start: datetime, end: datetime) -> int:
    """The largest number of bookings at one instant within [start, end)."""
    inside = [b for b in bookings if b.leaves < end and start < b.returns]
    instants = [start, *(max(b.leaves, start) for b in inside)]
    return max(sum(b.leaves <= at < b.returns for b in inside) for at in instants)


def _part(request: Request, catalogue: list[Part]) -> Part | None:
    if not request.rule.needs_part:
        return None
    best = ranked(
        catalogue,
        request.rule.needs_part,
        request.finding.component,
        request.finding.energy_at_risk.daily_loss_usd,
    )
    return best[0] if best else None


def _job(
    request: Request,
    decision: Literal["scheduled", "deferred", "already_ordered", "unschedulable"],
    reason: str,
    *,
    work_order_id: str = "",
) -> Job:
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
        duration_hours=request.rule.duration_hours,
        work_order_id=work_order_id,
    )


def _booked(
    request: Request,
    crew: Crew,
    booking: Booking,
    reason: str,
    terms: dict[str, float],
    parts_arrive: datetime | None = None,
) -> Job:
    return _job(request, "scheduled", reason).model_copy(
        update={
            "scheduled_start": booking.start,
            "scheduled_end": booking.end,
            "crew_assignment": CrewAssignment(
                crew_id=crew.crew_id,
                technician_count=booking.technicians,
                specialization=booking.specialization,
            ),
            "travel_km": booking.travel_km,
            "parts_arrive": parts_arrive,
            "loss_terms": terms,
        }
    )
