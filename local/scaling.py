"""Target tracking, as arithmetic: when a policy acts, and which capacity it asks for.

Application Auto Scaling "calculates the scaling adjustment based on the metric and the target value": the
capacity at which what is used now is the target's share. It scales out at once, and in with care:

- Lambda: out after 3 minutes above the target, in after 15 minutes below 90 % of it, "in smaller periodic
  steps" (a tenth of what there is at most, and at least one: ours, the guide gives no number).
- DynamoDB: out after 2 minutes above the target, in after 15 minutes below it. A capacity may fall four
  times a day (UTC), and beyond that when it did not fall during the last hour. A table that nobody uses
  keeps its capacity: without data points there is no reason to act.

Sources: Application Auto Scaling User Guide, "Target tracking scaling policies"; AWS Lambda Developer
Guide, "Configuring provisioned concurrency for a function"; Amazon DynamoDB Developer Guide, "Managing
throughput capacity automatically with DynamoDB auto scaling" and "Quotas".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY_S, HOUR_S = 86_400, 3_600
FALLS_A_DAY = 4
"""So often a day the capacity of a table or index may fall within an hour of the fall before."""
SMALLER_STEP = 0.1
"""The largest share of provisioned concurrency that is taken away at once (ours)."""


@dataclass(frozen=True)
class Tracking:
    """How long a service's utilization must be too high or too low, and what is too low."""

    minutes_high: int
    minutes_low: int
    low_share: float
    """Of the target: below it the utilization is too low."""
    small_steps: bool
    """Whether capacity is taken away in small steps."""


LAMBDA = Tracking(minutes_high=3, minutes_low=15, low_share=0.9, small_steps=True)
DYNAMODB = Tracking(minutes_high=2, minutes_low=15, low_share=1.0, small_steps=False)


def needed(used: float, target: float) -> int:
    """The capacity at which so much used is the target's share, from 0 to 1.

    >>> needed(7.0, 0.7), needed(7.1, 0.7), needed(0.0, 0.7)
    (10, 11, 0)
    """
    return math.ceil(round(used / target, 6))


def larger(capacity: int, used: float, target: float, most: int) -> int:
    """The capacity after scaling out; the same where more does not help or may not be.

    >>> larger(5, 5.0, 0.7, 50), larger(5, 3.5, 0.7, 50), larger(40, 40.0, 0.7, 50)
    (8, 5, 50)
    """
    return max(capacity, min(most, needed(used, target)))


def smaller(capacity: int, used: float, target: float, least: int, tracking: Tracking) -> int:
    """The capacity after scaling in, never below `least` nor above what there is.

    >>> smaller(50, 7.0, 0.7, 5, LAMBDA), smaller(50, 7.0, 0.7, 5, DYNAMODB)
    (45, 10)
    """
    wanted = max(least, needed(used, target))
    if tracking.small_steps:
        wanted = max(wanted, capacity - max(1, math.floor(capacity * SMALLER_STEP)))
    return min(capacity, wanted)


def may_fall(falls: Sequence[float], now: float) -> bool:
    """Whether DynamoDB lets a capacity fall at `now`, after it fell at these times (seconds since 1970).

    >>> may_fall([100.0, 200.0, 300.0], 400.0), may_fall([100.0, 200.0, 300.0, 350.0], 400.0)
    (True, False)
    >>> may_fall([100.0, 200.0, 300.0, 350.0], 350.0 + 3600), may_fall([86_000.0] * 4, 86_500.0)
    (True, True)
    """
    today = [at for at in falls if at // DAY_S == now // DAY_S]
    return len(today) < FALLS_A_DAY or now - max(today) >= HOUR_S
