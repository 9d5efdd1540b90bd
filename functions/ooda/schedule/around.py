"""Which booked visits a plan looks at again when little is new, in a large fleet.

A plan of everything takes seconds where many crews have many visits that may still move. Most new work
changes nothing of them: it finds a free time, or joins a tour to its own neighbourhood. So little new work
is planned with the visits as they were promised. Then those visits are looked for which would have to give
way where that pays: their time is worth more to the new work than it is to theirs, by more than moving
costs. Where there are some, the plan is made again with these free to move; all others stay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ona.repairs.crews import Work
from ooda.schedule.build import Built
from ooda.schedule.loss import absence, loss_of
from ooda.schedule.options import Options
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import Result
from ooda.schedule.solver.tours import Tour, Tours
from ooda.schedule.travel import leg
from ooda.schedule.visits import Calendars, Visit, move_price

FEW = 5
"""New works up to which visits stay where moving them cannot pay (ours)."""
LARGE = 60
"""Works and movable visits, times crews, from which planning all of them anew takes seconds (ours; measured
in docs/scheduling-measured.md)."""
NEAR_MINUTES = 30.0
"""Minutes on the way from new work, within which a visit's tour may take it along (ours)."""
MOST_NEAR, MOST_MOVED = 3, 6
"""Tours near each new work, and visits that might give way, at most (ours)."""


def is_little(works: Sequence[Work], calendars: Calendars, crews: int) -> bool:
    """Whether so little is new, in so large a fleet, that not everything is planned anew. A visit that its
    crew cannot keep has to be planned with all others."""
    size = (len(works) + len(calendars.movable)) * crews
    return bool(works) and len(works) <= FEW and not calendars.broken and size > LARGE


def near(works: Sequence[Work], calendars: Calendars, rules: PlanningRules) -> set[str]:
    """The movable visits, by their fault, of the tours that may take new work along: nearest first, then
    those that leave first."""
    found, tours = set[str](), calendars.tours
    for work in works:
        ways = sorted(
            (min(_minutes(work, visit, rules) for visit in tour), tour[0].booking.leaves, n)
            for n, tour in enumerate(tours)
            if not any(visit.booking.days for visit in tour)
        )
        for minutes, _, n in ways[:MOST_NEAR]:
            if minutes <= NEAR_MINUTES:
                found |= {visit.booking.finding_key for visit in tours[n]}
    return found


def giving_way(
    works: Sequence[Work],
    starts: Mapping[str, datetime],
    calendars: Calendars,
    now: datetime,
    rules: PlanningRules,
) -> set[str]:
    """The movable visits, by their fault, that might give way to new work. `starts`: when each new work
    begins with all visits as promised, by its fault; nobody does a work that is missing there.

    A visit and a new work change their times here: what the work loses less must be more than what the
    visit's fault loses more, and the price of moving a visit. Where nobody does the work, the visit is
    a day later.
    """
    gains: dict[str, float] = {}
    for work in works:
        start = starts.get(work.finding_key)
        for key, visit in calendars.movable.items():
            mine, at = visit.booking.work, visit.booking.start
            if mine is None or (start is not None and at >= start):
                continue
            if start is None:
                least, later = absence(work, now, rules) - _labour(work, rules), at + timedelta(days=1)
            else:
                least, later = loss_of(work, start, now, rules), start
            gain = least - loss_of(work, max(at, work.ready), now, rules)
            gain -= loss_of(mine, later, now, rules) - loss_of(mine, at, now, rules)
            gain -= move_price(visit.booking, now, rules)
            if gain > 0.0:
                gains[key] = max(gain, gains.get(key, 0.0))
    return set(sorted(gains, key=lambda key: (-gains[key], key))[:MOST_MOVED])


def inserted(built: Built) -> Result | None:
    """The best plan of one new work at most, beside visits that stay: it has its own tour, or joins one of
    theirs, or is left out. None where more is new, or a visit cannot be as promised."""
    begun, problem, tours = time.process_time(), built.problem, Tours(built.problem)
    free = [task for task in range(len(problem.tasks)) if task not in built.promised]
    if len(free) > 1:
        return None
    used: dict[int, Tour] = {}
    for shift in set(built.promised.values()):
        tasks = [task for task, promised in built.promised.items() if promised == shift]
        tour = tours.tour(shift, tuple(sorted(tasks, key=lambda task: tours.open[task][shift])))
        if tour is None:
            return None
        used[shift] = tour
    stays_out = Solution.of(problem, used)
    best = Options(problem, used).best(free[0]) if free else None
    goes = Solution.of(problem, {**used, best.tour.shift: best.tour}) if best else stays_out
    solution = min(goes, stays_out, key=lambda one: one.cost)
    return Result(solution, solution.cost, True, False, time.process_time() - begun)


def _labour(work: Work, rules: PlanningRules) -> float:
    """What its people and its part cost, without the way, weighted USD."""
    people = work.technicians * work.hours * rules.crew.hourly_cost_usd
    return rules.weights.w_cost * (people + work.part_usd)


def _minutes(work: Work, visit: Visit, rules: PlanningRules) -> float:
    """Minutes from a work's site to that of a visit; endless where the visit's is not known."""
    other = visit.booking.work
    if other is None:
        return float("inf")
    return leg(work.site_id, other.site_id, work.location, other.location, rules)[0]
