"""From work, crews and calendars to the solver's problem: places, shifts, and when each task may begin.

A visit that is promised and may still move has a shift of its own beside that crew's ordinary one of the
day: in it the visit begins when it was promised. In every other shift it costs what moving it costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ona.repairs.crews import Crew, Work
from ooda.schedule.eligibility import why_not
from ooda.schedule.horizon import planned_days
from ooda.schedule.loss import absence, prices
from ooda.schedule.rules import PlanningRules
from ooda.schedule.shifts import CrewShift, Days, crew_shifts, window
from ooda.schedule.solver.problem import SLOT, OpenShifts, Problem, Task, Window
from ooda.schedule.times import minutes_since, next_step, rounded_up
from ooda.schedule.travel import ways
from ooda.schedule.visits import Calendars, move_price

DROPPED_VISIT_USD = 1e6
"""USD for dropping a visit that is booked (ours): ten times that of leaving out work that must be done, so
that nobody loses one."""


@dataclass(frozen=True)
class Built:
    """The problem and what its numbers stand for. `obstacles`: for each task why crews cannot do it at
    all; `promised`: the shift in which a movable visit begins as it was promised, by task."""

    problem: Problem
    works: list[Work]
    crews: dict[str, Crew]
    origin: datetime
    obstacles: list[list[str]]
    promised: Mapping[int, int] = field(default_factory=dict)

    def moment(self, minutes: float) -> datetime:
        """The time at so many minutes from the origin."""
        return self.origin + timedelta(minutes=minutes)

    def kept(self) -> Built:
        """The same problem, in which every promised visit stays as it is."""
        windows = list(self.problem.windows)
        for n, s in self.promised.items():
            promised = windows[n][s]
            windows[n] = OpenShifts({} if promised is None else {s: promised}, len(windows[n]))
        return replace(self, problem=replace(self.problem, windows=windows))


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
    shifts, promised = _with_promised(works, shifts, calendars, origin)
    minutes, km = ways(works, able, rules)
    windows = [_windows(work, shifts, why, origin) for work, why in zip(works, obstacles, strict=True)]
    for n, s in promised.items():
        begin = minutes_since(calendars.movable[works[n].finding_key].booking.start, origin)
        windows[n][s] = (begin, begin)
    problem = Problem(
        tasks=[
            _task(work, len(able) + n, origin, slots, calendars, now, rules, not all(obstacles[n].values()))
            for n, work in enumerate(works)
        ],
        shifts=[item.shift for item in shifts],
        minutes=minutes,
        km=km,
        windows=[OpenShifts(row, len(shifts)) for row in windows],
        usd_per_minute=rules.weights.w_cost * rules.crew.hourly_cost_usd / 60.0,
        usd_per_km=rules.weights.w_cost * rules.crew.travel_cost_usd_per_km,
        together=rules.constraints.max_concurrent_jobs,
        surcharge=_surcharge(works, shifts, calendars, promised, now, rules),
        taken=taken(calendars, origin),
    )
    return Built(
        problem,
        list(works),
        {crew.crew_id: crew for crew in crews},
        origin,
        [[f"{name}: {why}" for name, why in by_crew.items() if why] for by_crew in obstacles],
        promised,
    )


def taken(calendars: Calendars, origin: datetime) -> list[Window]:
    """When crews are out for what is fixed, those of other regions that count here too, minutes."""
    own = [
        (time.leaves, time.returns)
        for bookings in calendars.fixed.values()
        for booking in bookings
        for time in booking.times
    ]
    return [
        (minutes_since(leaves, origin), minutes_since(returns, origin))
        for leaves, returns in [*own, *calendars.elsewhere]
        if returns > origin
    ]


def _task(
    work: Work,
    place: int,
    origin: datetime,
    slots: int,
    calendars: Calendars,
    now: datetime,
    rules: PlanningRules,
    can_be_done: bool,
) -> Task:
    """A work as the solver sees it. `can_be_done`: some crew can, on some day."""
    key = work.finding_key
    dropped = DROPPED_VISIT_USD if key in calendars.movable and key not in calendars.broken else 0.0
    return Task(
        key,
        place,
        rounded_up(work.hours * 60),
        absence(work, now, rules, can_be_done) + dropped,
        work.technicians,
        prices=prices(work, now, origin, slots, rules),
    )


def _windows(
    work: Work, shifts: Sequence[CrewShift], obstacles: dict[str, str], origin: datetime
) -> dict[int, Window]:
    """When the work may begin, by shift; not where the crew cannot, or the site has another zone."""
    ready = minutes_since(next_step(work.ready), origin)
    able = {name for name, why in obstacles.items() if not why}
    return {
        number: found
        for number, item in enumerate(shifts)
        if item.crew.crew_id in able
        and item.zone == work.zone
        and (found := window(work, item, origin, ready)) is not None
    }


def _with_promised(
    works: Sequence[Work], shifts: Sequence[CrewShift], calendars: Calendars, origin: datetime
) -> tuple[list[CrewShift], dict[int, int]]:
    """The shifts, each that has promised visits a second time for them; and which one that is, by task."""
    result, twins, promised = list(shifts), dict[int, int](), dict[int, int]()
    for n, work in enumerate(works):
        visit = calendars.movable.get(work.finding_key)
        if visit is None or work.finding_key in calendars.broken:
            continue
        leaves = minutes_since(visit.booking.leaves, origin)
        returns = minutes_since(visit.booking.returns, origin)
        day = visit.booking.leaves.astimezone(ZoneInfo(work.zone)).date()
        for s, item in enumerate(shifts):
            here = (item.crew.crew_id, item.zone, item.day) == (visit.crew_id, work.zone, day)
            if here and item.shift.opens <= leaves and returns <= item.shift.closes:
                if s not in twins:
                    twins[s] = len(result)
                    result.append(item)
                promised[n] = twins[s]
                break
    return result, promised


def _surcharge(
    works: Sequence[Work],
    shifts: Sequence[CrewShift],
    calendars: Calendars,
    promised: Mapping[int, int],
    now: datetime,
    rules: PlanningRules,
) -> dict[tuple[int, int], float]:
    """USD for each movable visit that its crew can keep, in a shift where it would not be as promised."""
    surcharge: dict[tuple[int, int], float] = {}
    for n, work in enumerate(works):
        visit = calendars.movable.get(work.finding_key)
        if visit is None or work.finding_key in calendars.broken:
            continue
        price = move_price(visit.booking, now, rules)
        for s, item in enumerate(shifts):
            if s != promised.get(n):
                surcharge[n, s] = price if item.crew.crew_id == visit.crew_id else 2.0 * price
    return surcharge
