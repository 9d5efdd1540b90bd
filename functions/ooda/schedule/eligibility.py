"""Which crew can do which work at all, on whatever day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from ona.repairs.crews import Crew, Work
from ona.runtime.words import counted, number_above
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import rounded_up
from ooda.schedule.travel import measured_leg, way_to

SHORTEST_DAY_H = 2.0
"""Hours: work over several days is not begun where the way leaves less than this of a day (ours)."""


def why_not(work: Work, crew: Crew, rules: PlanningRules) -> str:
    """Why a crew can do the work on no day, however many it takes; "" when it can."""
    if crew.status != "available":
        return f"status is {crew.status}"
    if work.specialization not in crew.specialisations:
        return f"lacks {work.specialization}"
    lacking = [name for name in work.equipment if name not in crew.equipment]
    if lacking:
        return f"has no {', '.join(lacking)}"
    if crew.size < work.technicians:
        return f"has {counted(crew.size, 'technician')}, needed: {work.technicians}"
    if crew.base is None and measured_leg(crew.crew_id, work.site_id, rules) is None:
        return "has no base: enter its latitude and longitude in the crews table"
    travel, km = way_to(work, crew, rules)
    most = rules.crew.max_travel_distance_km
    if km > most:
        return f"{number_above(km, most)} km away, more than {most:g}"
    if not fits_a_day(work, crew, rules) and day_hours(rules) - 2 * travel / 60.0 < SHORTEST_DAY_H:
        left = max(day_hours(rules) - 2 * travel / 60.0, 0.0)
        return f"the way leaves {left:.1f} h of a day, too few for work of {work.hours:g} h"
    return ""


def fits_a_day(work: Work, crew: Crew, rules: PlanningRules) -> bool:
    """Whether a whole day of the crew holds the work and the way there and back."""
    return rounded_up(work.hours * 60) + 2 * way_to(work, crew, rules)[0] <= day_hours(rules) * 60 + 1e-9


def takes_days(work: Work, crews: Sequence[Crew], rules: PlanningRules) -> bool:
    """Whether the work is longer than a day of every crew that can do it."""
    able = False
    for crew in crews:
        if not why_not(work, crew, rules):
            if fits_a_day(work, crew, rules):
                return False
            able = True
    return able


def day_hours(rules: PlanningRules) -> float:
    """The most hours that a crew is out on one day, its way included."""
    hours = rules.constraints.working_hours
    opens, closes = (datetime.combine(date.min, at) for at in (hours.start, hours.end))
    return min(rules.crew.hours_per_day, (closes - opens).total_seconds() / 3600.0)
