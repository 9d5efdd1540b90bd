"""Severity: one number from 0 to 1 that says how much an incident matters by itself.

    severity = (1 − exp(−loss / loss_scale)) · √(1 − exp(−hours / duration_scale))

`loss` is the share of the expected energy that was lost inside the incident. With the scales of
`detection.yaml` (0.25 and 1 h): a stop of 30 minutes 0.61, of 2 hours 0.91; a fifth of the power
missing all day 0.55, a third 0.74. What it costs is another question, answered by Energy at Risk.
"""

from __future__ import annotations

import math

from ona.config import SeverityScale


def severity(loss_share: float, hours: float, scale: SeverityScale) -> float:
    """Severity of a loss. Both arguments are clipped at zero; the loss at one."""
    share = min(max(loss_share, 0.0), 1.0)
    magnitude = 1.0 - math.exp(-share / scale.loss_scale)
    duration = 1.0 - math.exp(-max(hours, 0.0) / scale.duration_scale_hours)
    return round(magnitude * math.sqrt(duration), 4)


def range_severity(value: float, normal_max: float, critical: float) -> float:
    """Severity of a reading above its range: 0.5 at the limit, 0.8 at the critical one."""
    if value <= normal_max:
        return 0.0
    span = max(critical - normal_max, 1e-9)
    return round(min(1.0, 0.5 + 0.3 * (value - normal_max) / span), 4)
