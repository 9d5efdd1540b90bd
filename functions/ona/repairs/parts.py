"""Which spare part to take: one rule, used to plan (its lead time) and to order (the bill of materials).

    score = price + EAR per day × lead time in days          (USD; the lowest wins)

Ties go to the shorter lead time, then to the lower price. A part without price or lead time ranks last. The
lead time of a part on the own shelf is 0.
"""

from __future__ import annotations

import math

from ona.config.parts import Part
from ona.documents.findings import FindingComponent


def fits(part: Part, component: FindingComponent) -> bool:
    """Whether a part fits a component's OEM and model; `*` in the catalogue fits all."""
    return part.oem in ("*", component.oem) and part.model in ("*", component.model)


def score(part: Part, daily_loss_usd: float) -> float | None:
    """The rule's score in USD, None when price or lead time is unknown."""
    if part.unit_price_usd is None or part.wait_days is None:
        return None
    return part.unit_price_usd + daily_loss_usd * part.wait_days


def ranked(
    catalogue: list[Part], needed: str, component: FindingComponent, daily_loss_usd: float
) -> list[Part]:
    """Candidates for a component, the best first; empty when nothing fits."""

    def order(part: Part) -> tuple[float, float, float, str]:
        value = score(part, daily_loss_usd)
        return (
            math.inf if value is None else value,
            math.inf if part.wait_days is None else part.wait_days,
            math.inf if part.unit_price_usd is None else part.unit_price_usd,
            part.sku,
        )

    candidates = [part for part in catalogue if part.component_type == needed and fits(part, component)]
    return sorted(candidates, key=order)
