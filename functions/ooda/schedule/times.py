"""The steps of five minutes in which plans are written down, and minutes since a plan's origin.

>>> from datetime import UTC
>>> origin = datetime(2025, 6, 11, 9, 0, tzinfo=UTC)
>>> next_step(datetime(2025, 6, 11, 9, 3, tzinfo=UTC)).isoformat()
'2025-06-11T09:05:00+00:00'
>>> minutes_since(datetime(2025, 6, 11, 10, 30, tzinfo=UTC), origin), rounded_up(61.0)
(90.0, 65.0)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from ooda.schedule.solver.problem import SLOT


def next_step(moment: datetime) -> datetime:
    """The moment, or the next that people would write down: whole steps of five minutes."""
    floor = moment.replace(minute=moment.minute - moment.minute % SLOT, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=SLOT)


def minutes_since(moment: datetime, origin: datetime) -> float:
    """Minutes from the origin to the moment, negative before it."""
    return (moment - origin).total_seconds() / 60.0


def rounded_up(minutes: float) -> float:
    """Minutes, rounded up to whole steps."""
    return float(SLOT * ceil(minutes / SLOT - 1e-9))
