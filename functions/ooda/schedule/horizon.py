"""How many days ahead work is planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from ona.repairs.crews import Work
from ooda.schedule.rules import PlanningRules
from ooda.schedule.times import next_step

LONGEST_LEAD_DAYS = 90
"""Days: a part that takes longer is not planned for (ours)."""
AFTER_ARRIVAL_DAYS = 7
"""Days that are planned from the arrival of a part that comes after the planning horizon (ours)."""


def horizon_days(work: Work, now: datetime, rules: PlanningRules) -> int:
    """How many days ahead the work is planned: the planning horizon, or a week from the day on which its
    part arrives."""
    usual = rules.constraints.planning_horizon_days
    arrives = arrives_in_days(work, now)
    return usual if arrives > LONGEST_LEAD_DAYS else max(usual, ceil(arrives) + AFTER_ARRIVAL_DAYS)


def arrives_in_days(work: Work, now: datetime) -> float:
    """Days until the work's part is there, 0 where nothing has to come; both times in steps of five
    minutes, so that a part of 90 days takes 90 and not a minute more."""
    return max((work.ready - next_step(now)).total_seconds() / 86400.0, 0.0)


def planned_days(works: Sequence[Work], now: datetime, rules: PlanningRules) -> list[int]:
    """The days that are planned, counted from today: those of the horizon, and for work whose part arrives
    later the week after it does."""
    usual = rules.constraints.planning_horizon_days
    days = set(range(usual + 1))
    for work in works:
        last = horizon_days(work, now, rules)
        if last > usual:
            days |= set(range(last - AFTER_ARRIVAL_DAYS, last + 1))
    return sorted(days)
