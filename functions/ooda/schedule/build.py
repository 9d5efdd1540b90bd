"""From work, crews and calendars to the planning problem: places, shifts, and when each task may begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import asin, ceil, cos, floor, radians, sin, sqrt
from zoneinfo import ZoneInfo

from ona.documents.assets import Location
from ona.repairs.crews import Booking, Crew, Work
from ooda.config.loss_function import LossFunctionConfig, LossWeights
from ooda.schedule.calendars import closed
from ooda.schedule.tours import SLOT, Problem, Shift, Task, Window
from ooda.schedule.work import AFTER_ARRIVAL_DAYS, absence, horizon_days, light, prices

EARTH_RADIUS_KM = 6371.0088
ROAD_FACTOR = 1.25
"""Roads are this much longer than the great circle (planning assumption)."""
SHORTEST = 30
"""Minutes of free time that are not worth a shift."""
HELD = 1e6
"""USD for dropping a visit that is booked: nobody loses one."""
Leg = tuple[float, float]
"""Minutes and km."""
Legs = Mapping[tuple[str, str], Leg]
"""Measured ways by the names of their ends: sites and crews' ids (a crew's base)."""


def distance_km(a: Location, b: Location) -> float:
    """Great-circle distance (haversine) times the road factor, km."""
    lat1, lat2 = radians(a.latitude), radians(b.latitude)
    half = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half)) * ROAD_FACTOR


@dataclass(frozen=True)
class Built:
    """The problem and what its numbers stand for. `reasons`: for each task why crews cannot do it at
    all."""

    problem: Problem
    works: list[Work]
    crews: dict[str, Crew]
    origin: datetime
    reasons: list[list[str]]

    def moment(self, minutes: float) -> datetime:
        """The time at so many minutes."""
        return self.origin + timedelta(minutes=minutes)


def whole(moment: datetime) -> datetime:
    """The moment, or the next that people would write down: whole steps of five minutes."""
    floor = moment.replace(minute=moment.minute - moment.minute % SLOT, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=SLOT)


def build(
    works: Sequence[Work],
    crews: Sequence[Crew],
    frozen: Mapping[str, Sequence[Booking]],
    held: Mapping[str, tuple[str, Booking]],
    *,
    now: datetime,
    rules: LossFunctionConfig,
    weights: LossWeights,
    legs: Legs,
) -> Built:
    """The problem of doing the works beside what is frozen. `held`: the visits that may be moved, by
    fault."""
    origin = whole(now)
    offsets = _offsets(works, now, rules)
    slots = (offsets[-1] + 2) * 24 * 60 // SLOT
    able = [crew for crew in crews if crew.status == "available"]
    cannot = [{crew.crew_id: _cannot(work, crew, rules, legs) for crew in crews} for work in works]
    zones = sorted({work.zone for work in works})
    shifts: list[Shift] = []
    known: list[tuple[Crew, date, ZoneInfo]] = []
    for number, crew in enumerate(able):
        for name in zones:
            for day, opens, closes, longest in _free(crew, name, frozen, origin, rules, len(able), offsets):
                shifts.append(Shift(crew.crew_id, day.toordinal(), number, number, opens, closes, longest))
                known.append((crew, day, ZoneInfo(name)))
    minutes, km = _ways(works, able, rules, legs)
    windows: list[list[Window | None]] = []
    surcharge: dict[tuple[int, int], float] = {}
    for n, work in enumerate(works):
        row: list[Window | None] = []
        for s, (crew, day, zone) in enumerate(known):
            window = None
            if not cannot[n][crew.crew_id] and zone.key == work.zone:
                window = _window(work, shifts[s], day, origin)
            row.append(window)
            if work.finding_key in held:
                holder, booking = held[work.finding_key]
                if (crew.crew_id, day) != (holder, booking.leaves.astimezone(zone).date()):
                    surcharge[n, s] = rules.constraints.move_cost_usd
        windows.append(row)
    tasks = [
        Task(
            work.finding_key,
            len(able) + n,
            _minutes(work.hours * 60),
            absence(work, now, rules, weights) + (HELD if work.finding_key in held else 0.0),
            work.technicians,
            prices=prices(work, now, origin, slots, rules, weights),
        )
        for n, work in enumerate(works)
    ]
    taken = [
        (_since(booking.leaves, origin), _since(booking.returns, origin))
        for bookings in frozen.values()
        for booking in bookings
        if booking.returns > origin
    ]
    problem = Problem(
        tasks, shifts, minutes, km, windows,
        usd_per_minute=weights.w_cost * rules.crew.hourly_cost_usd / 60.0,
        usd_per_km=weights.w_cost * rules.crew.travel_cost_usd_per_km,
        together=rules.constraints.max_concurrent_jobs,
        surcharge=surcharge,
        taken=taken,
    )  # fmt: skip
    reasons = [[f"{name}: {why}" for name, why in told.items() if why] for told in cannot]
    return Built(problem, list(works), {crew.crew_id: crew for crew in crews}, origin, reasons)


def _offsets(works: Sequence[Work], now: datetime, rules: LossFunctionConfig) -> list[int]:
    """The days that are planned, counted from today: those of the horizon, and for work whose part arrives
    later the week after it does."""
    usual = rules.constraints.planning_horizon_days
    found = set(range(usual + 1))
    for work in works:
        last = horizon_days(work, now, rules)
        if last > usual:
            found |= set(range(last - AFTER_ARRIVAL_DAYS, last + 1))
    return sorted(found)


def _since(moment: datetime, origin: datetime) -> float:
    return (moment - origin).total_seconds() / 60.0


def _minutes(value: float) -> float:
    """Rounded up to whole steps: people read these times."""
    return float(SLOT * ceil(value / SLOT - 1e-9))


def _way(
    one: str, other: str, a: Location | None, b: Location | None, rules: LossFunctionConfig, legs: Legs
) -> Leg:
    """Minutes, in whole steps, and km between two places: as measured where somebody did, else computed."""
    leg = legs.get((one, other)) or legs.get((other, one))
    if leg is None:
        km = distance_km(a, b) if a and b else 0.0
        leg = (60.0 * km / rules.crew.travel_speed_km_h, km)
    return _minutes(leg[0]), leg[1]


def _ways(
    works: Sequence[Work], crews: Sequence[Crew], rules: LossFunctionConfig, legs: Legs
) -> tuple[list[list[float]], list[list[float]]]:
    """Minutes and km between all places: the crews' bases, then where the works are."""
    names = [crew.crew_id for crew in crews] + [work.site_id for work in works]
    places = [crew.base for crew in crews] + [work.location for work in works]
    ends = [
        (name, place, (place.latitude, place.longitude) if place else None)
        for name, place in zip(names, places, strict=True)
    ]
    remembered: dict[object, Leg] = {}
    minutes: list[list[float]] = []
    km: list[list[float]] = []
    for n, (name, place, where) in enumerate(ends):
        row = []
        for m, (other, there, elsewhere) in enumerate(ends):
            key = (name, where, other, elsewhere)
            if n != m and key not in remembered:
                remembered[key] = _way(name, other, place, there, rules, legs)
            row.append(remembered[key] if n != m else (0.0, 0.0))
        minutes.append([leg[0] for leg in row])
        km.append([leg[1] for leg in row])
    return minutes, km


SHORTEST_DAY_H = 2.0
"""Work over several days is not begun where the way leaves less than this of a day."""


def _cannot(work: Work, crew: Crew, rules: LossFunctionConfig, legs: Legs) -> str:
    """Why a crew can do the work on no day, "" when it can."""
    if crew.status != "available":
        return f"status is {crew.status}"
    if work.specialization not in crew.specialisations:
        return f"lacks {work.specialization}"
    if crew.size < work.technicians:
        return f"has {crew.size} technicians, {work.technicians} are needed"
    travel, km = _way(crew.crew_id, work.site_id, crew.base, work.location, rules, legs)
    if km > rules.crew.max_travel_distance_km:
        return f"{km:.0f} km away, more than {rules.crew.max_travel_distance_km:g}"
    needed = (_minutes(work.hours * 60) + 2 * travel) / 60.0
    if needed > _day_hours(rules):
        return f"needs {needed:.1f} h with travel, a day has fewer"
    return ""


def _day_hours(rules: LossFunctionConfig) -> float:
    """The most hours that a crew is out on one day, its way included."""
    hours = rules.constraints.working_hours
    opens, closes = (datetime.combine(date.min, at) for at in (hours.start, hours.end))
    return min(rules.crew.hours_per_day, (closes - opens).total_seconds() / 3600.0)


def first_day(work: Work, crews: Sequence[Crew], rules: LossFunctionConfig, legs: Legs) -> Work:
    """Work that takes longer than the nearest able crew has in a day as its first day; other work as it
    is."""
    able = [
        crew for crew in crews if not _cannot(work.model_copy(update={"hours": 0.0}), crew, rules, legs)
    ]
    travel = [_way(c.crew_id, work.site_id, c.base, work.location, rules, legs)[0] for c in able]
    if not travel:
        return work
    longest = floor((_day_hours(rules) * 60 - 2 * min(travel)) / SLOT) * SLOT / 60.0
    if longest >= work.hours or longest < SHORTEST_DAY_H:
        return work
    return work.model_copy(update={"hours": longest, "hours_in_all": work.hours})


def _free(
    crew: Crew,
    zone: str,
    frozen: Mapping[str, Sequence[Booking]],
    origin: datetime,
    rules: LossFunctionConfig,
    crews: int,
    offsets: Sequence[int],
) -> list[tuple[date, float, float, float]]:
    """A crew's free times at sites of a zone: day, from, to and the longest tour, minutes. Where more
    crews than may be out at once are there, also the second half of a day, for who leaves when others are
    back."""
    hours, tz = rules.constraints.working_hours, ZoneInfo(zone)
    own = sorted(frozen.get(crew.crew_id, ()), key=lambda booking: booking.leaves)
    first = origin.astimezone(tz).date()
    found = []
    for offset in offsets:
        day = first + timedelta(days=offset)
        if closed(day, zone, crew, hours):
            continue
        opens, closes = (_since(datetime.combine(day, at, tz), origin) for at in (hours.start, hours.end))
        used = sum(
            (booking.returns - booking.leaves).total_seconds() / 60.0
            for booking in own
            if booking.leaves.astimezone(tz).date() == day
        )
        longest = rules.crew.hours_per_day * 60.0 - used
        begin = max(opens, 0.0)
        pieces = []
        for booking in own:
            leaves, returns = _since(booking.leaves, origin), _since(booking.returns, origin)
            if returns <= begin or leaves >= closes:
                continue
            pieces.append((begin, leaves))
            begin = max(begin, returns)
        pieces.append((begin, closes))
        if crews > rules.constraints.max_concurrent_jobs:
            noon = (opens + closes) / 2.0
            noon -= noon % SLOT
            pieces += [(noon, end) for begin, end in pieces if begin < noon < end]
        found += [
            (day, begin, end, longest) for begin, end in pieces if min(end - begin, longest) >= SHORTEST
        ]
    return found


def _window(work: Work, shift: Shift, day: date, origin: datetime) -> Window | None:
    """When the work may begin in a shift; None when it may not."""
    length = _minutes(work.hours * 60)
    first = max(shift.opens, _since(whole(work.ready), origin))
    last = shift.closes - length
    if work.light != "any" and work.location is not None:
        known = light(work.location, day)
        dawn, dusk = _since(known.rises, origin), _since(known.sets, origin)
        if work.light == "day":
            first, last = max(first, _minutes(dawn)), min(last, dusk - length)
        elif last > dusk:  # after sunset, or before sunrise
            first = max(first, _minutes(dusk))
        else:
            last = min(last, dawn - length)
    return (first, last) if first <= last else None
