"""A plan that is too large for one function, divided by regions: which crew and which work is in which.

A work goes to the region of the nearest crew that is able to do it; a visit that may move stays with its
crew. Only regions with something to plan are planned. Parts are chosen before, for each work by itself, and
equipment is a crew's own, so regions share neither. What they share are the tours that may be out at once:
each region has its share, and a booked tour uses up one of its own region's share where that has room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ona.documents.assets import Location
from ona.repairs.crews import MOST_AT_ONCE, Crew, Work
from ooda.documents.regions import RegionProblem, TimeOut
from ooda.schedule.eligibility import why_not
from ooda.schedule.plan import Wanted
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.regions import MOST_JOBS, Region, regions
from ooda.schedule.travel import way_to
from ooda.schedule.visits import Calendars

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a place is free that no tour used yet."""


@dataclass(frozen=True)
class Size:
    """What one plan holds at most: `jobs` for the solver's time and memory (measured), `crews` for one
    transaction."""

    jobs: int = MOST_JOBS
    crews: int = MOST_AT_ONCE


def is_large(works: int, crews: Sequence[Crew], size: Size) -> bool:
    """Whether so many new works beside the crews' visits may be too much for one plan."""
    return bool(crews) and (
        len(crews) > size.crews or works + sum(len(crew.bookings) for crew in crews) > size.jobs
    )


def divided(
    wanted: Wanted,
    crews: Sequence[Crew],
    rules: PlanningRules,
    *,
    now: datetime,
    unread: Sequence[str] = (),
    size: Size,
) -> list[RegionProblem]:
    """The regions that have new work, or a visit whose crew cannot come. `unread`: crews that nobody can
    read, in words."""
    calendars = Calendars.of(crews, now, rules)
    most = rules.constraints.max_concurrent_jobs
    binds = most < len(crews)  # else each crew may be out at any time
    if binds:
        calendars = calendars.keeping_promises()
    able = [_able(work, crews, rules) for work in wanted.works]
    number = {crew.crew_id: n for n, crew in enumerate(crews)}
    visits = [(number[visit.crew_id], visit.booking) for visit in calendars.movable.values()]
    owners = [of_work[0] for of_work in able] + [crew for crew, _ in visits]
    parts = regions(_bases(crews), owners, size.jobs, most_crews=size.crews)
    shares = [most] * len(parts)
    elsewhere: list[list[TimeOut]] = [[] for _ in parts]
    if binds:
        shares = _shares(parts, wanted.works, most)
        elsewhere = _elsewhere(parts, crews, calendars, shares)
    problems = []
    for part, share, busy in zip(parts, shares, elsewhere, strict=True):
        mine = set(part.crews)
        new = [n for n in part.jobs if n < len(wanted.works)]
        if not new and not any(crew in mine and b.finding_key in calendars.broken for crew, b in visits):
            continue
        works = [wanted.works[n] for n in new]
        others = {wanted.works[n].finding_key: len(set(able[n][1]) - mine) for n in new}
        ids = {work.finding_id for work in works}
        problems.append(
            RegionProblem(
                now=now,
                crews=[crews[n] for n in part.crews],
                works=works,
                together=share,
                elsewhere=busy,
                promises_stay=binds,
                others={key: count for key, count in others.items() if count},
                learned={key: said for key, said in wanted.learned.items() if key in ids},
                unread=list(unread),
            )
        )
    return problems


def _able(work: Work, crews: Sequence[Crew], rules: PlanningRules) -> tuple[int, list[int]]:
    """The crew that a work belongs to, by its number, and all that are able to do it: the nearest of them,
    or the nearest of all where none is."""
    able = [n for n, crew in enumerate(crews) if not why_not(work, crew, rules)]
    nearest = min(able or range(len(crews)), key=lambda n: (way_to(work, crews[n], rules), n))
    return nearest, able


def _bases(crews: Sequence[Crew]) -> list[tuple[float, float]]:
    """Where crews lie: their base, else where they were booked last, else with the others."""
    places = [crew.base or _last_place(crew) for crew in crews]
    known = [place for place in places if place]
    middle = (
        sum(place.latitude for place in known) / max(len(known), 1),
        sum(place.longitude for place in known) / max(len(known), 1),
    )
    return [(place.latitude, place.longitude) if place else middle for place in places]


def _last_place(crew: Crew) -> Location | None:
    placed = [b for b in crew.bookings if b.work is not None and b.work.location is not None]
    last = max(placed, key=lambda booking: booking.leaves, default=None)
    return last.work.location if last and last.work else None


def _shares(parts: Sequence[Region], works: Sequence[Work], most: int) -> list[int]:
    """The tours at once that each region may have; together they are `most`. By hours of new work, the
    largest remainders get what is left."""
    hours = [sum(works[n].hours for n in part.jobs if n < len(works)) for part in parts]
    total = sum(hours) or 1.0
    exact = [most * one / total for one in hours]
    shares = [int(one) for one in exact]
    by_remainder = sorted(range(len(parts)), key=lambda n: (shares[n] - exact[n], n))
    for n in by_remainder[: most - sum(shares)]:
        shares[n] += 1
    return shares


def _elsewhere(
    parts: Sequence[Region], crews: Sequence[Crew], calendars: Calendars, shares: Sequence[int]
) -> list[list[TimeOut]]:
    """For each region the times for which a booked tour of another region uses one of its share.

    A region's share is so many places, each with one tour at a time. Booked tours, in order of leaving,
    take a place of their own region, else any that is free. So many places are enough whenever no more
    tours than places are out (an interval graph needs as many colours as intervals overlap).
    """
    region_of = {crews[n].crew_id: r for r, part in enumerate(parts) for n in part.crews}
    out = sorted(
        (time.leaves, time.returns, region_of[crew_id])
        for crew_id, bookings in calendars.fixed.items()
        for booking in bookings
        for time in booking.times
    )
    free = [[LONG_AGO] * share for share in shares]
    elsewhere: list[list[TimeOut]] = [[] for _ in parts]
    for leaves, returns, own in out:
        first = {r: min(range(len(slots)), key=slots.__getitem__) for r, slots in enumerate(free) if slots}
        if own in first and free[own][first[own]] <= leaves:
            payer = own
        else:
            payer = min(first, key=lambda r: (free[r][first[r]], r))
        slots = free[payer]
        slots[first[payer]] = max(slots[first[payer]], returns)
        if payer != own:
            elsewhere[payer].append(TimeOut(leaves=leaves, returns=returns))
    return elsewhere


def rules_of(problem: RegionProblem, rules: PlanningRules) -> PlanningRules:
    """The rules with the region's share of tours at once, which may be none."""
    limits = rules.constraints.model_copy(update={"max_concurrent_jobs": problem.together})
    config = rules.config.model_copy(update={"constraints": limits})
    return PlanningRules(config, rules.weights, rules.catalogue, rules.legs)


def calendars_of(problem: RegionProblem, rules: PlanningRules) -> Calendars:
    """The region's calendars, with what others use of its share."""
    calendars = Calendars.of(problem.crews, problem.now, rules)
    if problem.promises_stay:
        calendars = calendars.keeping_promises()
    return replace(calendars, elsewhere=[(time.leaves, time.returns) for time in problem.elsewhere])
