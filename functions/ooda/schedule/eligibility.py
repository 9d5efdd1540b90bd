"""Which crew can do which work at all, on whatever day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import floor

from ona.repairs.crews import Crew, Work
from ona.runtime.words import counted
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.problem import SLOT
from ooda.schedule.times import rounded_up
from ooda.schedule.travel import way_to

SHORTEST_DAY_H = 2.0
"""Hours: work over several days is not begun where the way leaves less than this of a day (ours)."""


def why_not(work: Work, crew: Crew, rules: PlanningRules) -> str:
    """Why a crew can do the work on no day, "" when it can."""
    if crew.status != "available":
        return f"status is {crew.status}"
    if work.specialization not in crew.specialisations:
        return f"lacks {work.specialization}"
    if crew.size < work.technicians:
        return f"has {counted(crew.size, 'technician')}, needed: {work.technicians}"
    travel, km = way_to(work, crew, rules)
    if km > rules.crew.max_travel_distance_km:
        return f"{km:.0f} km away, more than {rules.crew.max_travel_distance_km:g}"
    needed = (rounded_up(work.hours * 60) + 2 * travel) / 60.0
    if needed > _day_hours(rules):
        return f"needs {needed:.1f} h with travel, a day has fewer"
    return ""


def first_day(work: Work, crews: Sequence[Crew], rules: PlanningRules) -> Work:
    """Work that takes longer than the nearest able crew has in a day as its first day; other work as it
    is."""
    able = [crew for crew in crews if not why_not(work.model_copy(update={"hours": 0.0}), crew, rules)]
    travel = [way_to(work, crew, rules)[0] for crew in able]
    if not travel:
        return work
    longest = floor((_day_hours(rules) * 60 - 2 * min(travel)) / SLOT) * SLOT / 60.0
    if longest >= work.hours or longest < SHORTEST_DAY_H:
        return work
    return work.model_copy(update={"hours": longest, "hours_in_all": work.hours})


def _day_hours(rules: PlanningRules) -> float:
    """The most hours that a crew is out on one day, its way included."""
    hours = rules.constraints.working_hours
    opens, closes = (datetime.combine(date.min, at) for at in (hours.start, hours.end))
    return min(rules.crew.hours_per_day, (closes - opens).total_seconds() / 3600.0)
