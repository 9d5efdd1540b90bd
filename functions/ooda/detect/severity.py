"""Severity: one number from 0 to 1 that says how much an incident matters by itself.

    at once     a = (1 − exp(−loss / loss_scale)) · √(1 − exp(−hours / duration_scale))
    over time   b = 1 − exp(−days of production lost)
    severity    = (1 − (1 − a) · (1 − b)) · min(1, confidence / 0.8)

`loss` is the share of the expected energy that was lost inside the incident. With the scales of
`detection.yaml` (0.25 and 1 h): a stop of 30 minutes 0.61, of 2 hours 0.91; a fifth of the power
missing all day 0.63, a third 0.81; a loss of 5 % passes 0.7 in its fourth week. A danger (DC voltage beyond
its limit) is never below 0.8. What it costs is another question, answered by Energy at Risk.

>>> from ooda.config.detection import SeverityScale
>>> scale = SeverityScale(threshold=0.5, loss_scale=0.25, duration_scale_hours=1.0)
>>> severity(1.0, 2.0, scale)  # no power for two hours
0.9128
>>> range_severity(70.0, 60.0, 70.0)  # at the critical limit
0.8
"""

from __future__ import annotations

import math

from ooda.config.detection import SeverityScale

SURE = 0.8
"""Confidence (0…1) from which on nothing is taken off."""


def severity(
    loss_share: float,
    hours: float,
    scale: SeverityScale,
    *,
    days_lost: float = 0.0,
    confidence: float = 1.0,
) -> float:
    """Severity of a loss. Arguments are clipped at zero, shares at one; `days_lost` is lost energy over a
    day's expected energy."""
    share = min(max(loss_share, 0.0), 1.0)
    magnitude = 1.0 - math.exp(-share / scale.loss_scale)
    duration = 1.0 - math.exp(-max(hours, 0.0) / scale.duration_scale_hours)
    at_once = magnitude * math.sqrt(duration)
    over_time = 1.0 - math.exp(-max(days_lost, 0.0))
    certain = min(1.0, max(confidence, 0.0) / SURE)
    return round((1.0 - (1.0 - at_once) * (1.0 - over_time)) * certain, 4)


def range_severity(value: float, normal_max: float, critical: float) -> float:
    """Severity of a reading above its range: 0.5 at the limit, 0.8 at the critical one."""
    if value <= normal_max:
        return 0.0
    span = max(critical - normal_max, 1e-9)
    return round(min(1.0, 0.5 + 0.3 * (value - normal_max) / span), 4)
