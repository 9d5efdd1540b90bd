"""How much a site's forecast is its physics, and how much its trees: learned on days that neither has seen.

Quantile by quantile the two are averaged (Vincentization; Lichtendahl, Grushka-Cockayne, Winkler,
Management Science 59(7), 2013). Before any unseen day has spoken, the weight of the trees grows with the
days of history. The weight that would have been best on the unseen days is then drawn to it, as if so many
more days had said so; first for all sites of a customer together, then for each. So a week of data is
forecast by physics, a year by what was best.

>>> before_judging(7.0), before_judging(365.0)
(0.0192, 0.9816)
>>> drawn(1.0, days=60, towards=0.5, strength=20.0)
0.875
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.model import score
from ona.sky.sun import Floats

PHYSICS_DAYS = 50.0
"""Days of history with which trees and physics count alike before any is judged. Ours: trees learn the
departure from physics, and mostly beat it early, also in a new season; 30 lean too much on them far off."""
PRIOR_DAYS = 20.0
"""Unseen days that this weight of before is worth, over all sites of a customer. Ours."""
CUSTOMER_DAYS = 20.0
"""Unseen days that the weight of a customer's sites together is worth for one of them. Ours."""
STEPS: Floats = np.linspace(0.0, 1.0, 21)
"""Weights of the trees that are tried."""


@dataclass(frozen=True)
class Unseen:
    """Hours of one site that no part had seen: what came, shape (n,), the quantiles of both parts, shape
    (n, levels), and on how many days."""

    actual: Floats
    physics: Floats
    trees: Floats
    days: int


def before_judging(days: float) -> float:
    """The weight of the trees by the days of history behind them."""
    return round(days**2 / (days**2 + PHYSICS_DAYS**2), 4)


def drawn(best: float, *, days: float, towards: float, strength: float) -> float:
    """A weight drawn towards another one that is worth `strength` days."""
    return round((best * days + towards * strength) / (days + strength), 4)


def mixed(physics: Floats, trees: Floats, weight: float) -> Floats:
    """Quantiles of both, shape (n, levels), averaged; `weight`: of the trees, 0…1."""
    return np.asarray((1.0 - weight) * physics + weight * trees)


def learn(
    unseen: Mapping[str, Unseen], levels: tuple[float, ...], before: Mapping[str, float]
) -> dict[str, float]:
    """The weight of the trees by site, 0…1. `before`: the weights before judging, which stand for a site
    without an unseen hour."""
    some = {site: hours for site, hours in unseen.items() if len(hours.actual) and site in before}
    if not some:
        return dict(before)
    losses = {site: _losses(hours, levels) for site, hours in some.items()}
    sizes = {site: len(hours.actual) for site, hours in some.items()}
    pooled = np.sum([losses[site] * sizes[site] for site in some], axis=0)
    days = max(hours.days for hours in some.values())
    first = float(np.mean([before[site] for site in some]))
    together = drawn(_least(pooled), days=days, towards=first, strength=PRIOR_DAYS)
    return dict(before) | {
        site: drawn(_least(losses[site]), days=hours.days, towards=together, strength=CUSTOMER_DAYS)
        for site, hours in some.items()
    }


def _losses(hours: Unseen, levels: tuple[float, ...]) -> Floats:
    """Mean pinball loss by weight of `STEPS`."""
    return np.array(
        [
            score.pinball(hours.actual, mixed(hours.physics, hours.trees, weight), np.asarray(levels))
            for weight in STEPS
        ]
    )


def _least(losses: Floats) -> float:
    return float(STEPS[int(np.argmin(losses))])
