"""From work, crews and calendars to the solver's problem: places, shifts, and when each task may begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ona.repairs.crews import Crew, Work
from ooda.schedule.eligibility import why_not
from ooda.schedule.horizon import planned_days
from ooda.schedule.loss import absence, prices
from ooda.schedule.rules import PlanningRules
from ooda.schedule.shifts import CrewShift, Days, crew_shifts, window
from ooda.schedule.solver.problem import SLOT, OpenShifts, Problem, Task
from ooda.schedule.times import minutes_since, next_step, rounded_up
from ooda.schedule.travel import ways
from ooda.schedule.visits import Calendars

DROPPED_VISIT_USD = 1e6
"""USD for dropping a visit that is booked (ours): ten times that of leaving out work that must be done, so
that nobody loses one."""


@dataclass(frozen=True)
class Built:
    """The problem and what its numbers stand for. `obstacles`: for each task why crews cannot do it at
    all."""

    problem: Problem
    works: list[Work]
    crews: dict[str, Crew]
    origin: datetime
    obstacles: list[list[str]]

    def moment(self, minutes: float) -> datetime:
        """The time at so many minutes from the origin."""
        return self.origin + timedelta(minutes=minutes)


def build(
    works: Sequence[Work],
    crews: Sequence[Crew],
    calendars: Calendars,
    *,
    now: datetime,
    rules: PlanningRules,
) -> Built:
    """The problem of doing the works beside what is booked; `works` contain those of movable visits."""
    origin = next_step(now)
    offsets = planned_days(works, now, rules)
    slots = (offsets[-1] + 2) * 24 * 60 // SLOT
    able = [crew for crew in crews if crew.status == "available"]
    obstacles = [{crew.crew_id: why_not(work, crew, rules) for crew in crews} for work in works]
    days = Days(origin, offsets, len(able))
    shifts = [
        shift
        for number, crew in enumerate(able)
        for zone in sorted({work.zone for work in works})
        for shift in crew_shifts(number, crew, zone, calendars.fixed.get(crew.crew_id, ()), days, rules)
    ]
    minutes, km = ways(works, able, rules)
    problem = Problem(
        tasks=[
            _task(work, len(able) + n, origin, slots, calendars, now, rules) for n, work in enumerate(works)
        ],
        shifts=[item.shift for item in shifts],
        minutes=minutes,
        km=km,
        windows=[_windows(work, shifts, why, origin) for work, why in zip(works, obstacles, strict=True)],
        usd_per_minute=rules.weights.w_cost * rules.crew.hourly_cost_usd / 60.0,
        usd_per_km=rules.weights.w_cost * rules.crew.travel_cost_usd_per_km,
        together=rules.constraints.max_concurrent_jobs,
        surcharge=_surcharge(works, shifts, calendars, rules),
        taken=[
            (minutes_since(booking.leaves, origin), minutes_since(booking.returns, origin))
            for bookings in calendars.fixed.values()
            for booking in bookings
            if booking.returns > origin
        ],
    )
    return Built(
        problem,
        list(works),
        {crew.crew_id: crew for crew in crews},
        origin,
        [[f"{name}: {why}" for name, why in by_crew.items() if why] for by_crew in obstacles],
    )


def _task(
    work: Work,
    place: int,
    origin: datetime,
    slots: int,
    calendars: Calendars,
    now: datetime,
    rules: PlanningRules,
) -> Task:
    """A work as the solver sees it."""
    dropped = DROPPED_VISIT_USD if work.finding_key in calendars.movable else 0.0
    return Task(
        work.finding_key,
        place,
        rounded_up(work.hours * 60),
        absence(work, now, rules) + dropped,
        work.technicians,
        prices=prices(work, now, origin, slots, rules),
    )


def _windows(
    work: Work, shifts: Sequence[CrewShift], obstacles: dict[str, str], origin: datetime
) -> OpenShifts:
    """When the work may begin in each shift; not where the crew cannot, or the site has another zone."""
    possible = {
        number: found
        for number, item in enumerate(shifts)
        if not obstacles[item.crew.crew_id]
        and item.zone == work.zone
        and (found := window(work, item, origin)) is not None
    }
    return OpenShifts(possible, len(shifts))


def _surcharge(
    works: Sequence[Work], shifts: Sequence[CrewShift], calendars: Calendars, rules: PlanningRules
) -> dict[tuple[int, int], float]:
    """USD for each movable visit in a shift of another crew or day than it is booked for."""
    surcharge: dict[tuple[int, int], float] = {}
    for n, work in enumerate(works):
        visit = calendars.movable.get(work.finding_key)
        if visit is None:
            continue
        for s, item in enumerate(shifts):
            day = visit.booking.leaves.astimezone(ZoneInfo(item.zone)).date()
            if (item.crew.crew_id, item.day) != (visit.crew_id, day):
                surcharge[n, s] = rules.constraints.move_cost_usd
    return surcharge
