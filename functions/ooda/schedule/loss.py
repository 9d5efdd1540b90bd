"""What a fault's repair costs by when it is done: the terms of the weighted loss, all in USD.

=========  ==================================================================================
energy     daily loss × days until the work is done
cost       technicians × hours with travel × rate + travel + part
mttr       what the asset gives in spite of its fault, and stands still for while people work
risk       what the fault's growth adds to the loss until the work is done
urgency    severity × daily loss × days until the work begins
=========  ==================================================================================
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ona.repairs.crews import Work
from ooda.config.loss_function import LossWeights
from ooda.schedule.daylight import light, sun_on
from ooda.schedule.horizon import horizon_days
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.problem import SLOT

Terms = dict[str, float]
"""USD by the name of the term, unweighted."""
LEFT_OUT_USD = 1e5
"""USD for leaving out work that must be done (ours): more than any delay costs, so that it is left out only
where nothing is possible."""


def _terms(work: Work, wait: Any, share: Any, length: float) -> dict[str, Any]:
    """The terms by the days until the work begins (`wait`), the share of a day's production that falls
    into it, and the days from its begin to its end (`length`); numbers or arrays."""
    days = wait + length
    growth = work.growth_percent / 100.0
    grown = ((1.0 + growth) ** days - 1.0) / growth if growth > 0 else days
    return {
        "energy": work.daily_usd * days,
        "mttr": work.standing_usd * share,
        "risk": work.daily_usd * (grown - days),
        "urgency": work.severity * work.daily_usd * wait,
    }


def terms(work: Work, begins: datetime, now: datetime, ends: datetime | None = None) -> Terms:
    """The terms that depend on when the work is done: energy, mttr, risk and urgency, USD, unweighted.
    `ends`: of work of several days; its asset stands still from the first day's begin on (ours: nobody
    closes a machine for the night that is half repaired)."""
    wait = max((begins - now).total_seconds() / 86400.0, 0.0)
    over = ends or begins + timedelta(hours=work.hours)
    length = (over - begins).total_seconds() / 86400.0
    return _terms(work, wait, _share_of_production(work, begins, over), length)


def _share_of_production(work: Work, begins: datetime, ends: datetime) -> float:
    """Share of a day's production that falls between two moments."""
    if not work.sunny or work.location is None:
        return (ends - begins).total_seconds() / 86400.0
    total, day = 0.0, begins.astimezone(ZoneInfo(work.zone)).date()
    while True:
        sun = light(work.location, day)
        total += sun.produced(ends) - sun.produced(begins)
        day += timedelta(days=1)
        if light(work.location, day).rises >= ends:
            return total


def weighted(terms: Mapping[str, Any], weights: LossWeights) -> Any:
    """The loss: each term times its weight, USD; numbers or arrays."""
    factors = weights.model_dump()
    return sum(factors[f"w_{name}"] * value for name, value in terms.items())


def loss_of(
    work: Work, begins: datetime, now: datetime, rules: PlanningRules, ends: datetime | None = None
) -> float:
    """What beginning a work then loses by its time, weighted USD: the terms above, and late critical work
    at what the rules say. `ends`: as of `terms`."""
    late = work.due is not None and begins > work.due
    loss: float = weighted(terms(work, begins, now, ends), rules.weights)
    return loss + rules.constraints.late_critical_usd * late


def prices(work: Work, now: datetime, origin: datetime, slots: int, rules: PlanningRules) -> array[float]:
    """The weighted loss of beginning in each slot of `SLOT` minutes from the origin, USD: the terms above,
    late critical work at what the rules say, and the part, which is paid for whenever it is."""
    wait = (origin - now).total_seconds() / 86400.0 + np.arange(slots) * (SLOT / 1440.0)
    length = work.hours * 60.0 / SLOT
    share: Any = work.hours / 24.0
    if work.sunny and work.location is not None:
        place = (round(work.location.latitude, 3), round(work.location.longitude, 3))
        produced = _produced(*place, origin, slots + int(length) + 2)
        begins = np.arange(slots)
        share = np.interp(begins + length, np.arange(len(produced)), produced) - produced[:slots]
    loss = (
        weighted(_terms(work, wait, share, work.hours / 24.0), rules.weights)
        + rules.weights.w_cost * work.part_usd
    )
    if work.due is not None:
        due = (work.due - now).total_seconds() / 86400.0
        loss[wait > due + 1e-9] += rules.constraints.late_critical_usd
    return array("d", loss.tobytes())


@lru_cache(maxsize=256)
def _produced(latitude: float, longitude: float, origin: datetime, slots: int) -> NDArray[np.float64]:
    """Days' productions since the origin, at the begin of each slot."""
    seconds = np.arange(slots) * (SLOT * 60.0)
    total = np.zeros(slots)
    first = origin.date().toordinal()
    for ordinal in range(first - 1, first + slots * SLOT // 1440 + 3):
        sun = sun_on(latitude, longitude, ordinal)
        length = (sun.sets - sun.rises).total_seconds()
        if length > 0:
            share = np.clip((seconds - (sun.rises - origin).total_seconds()) / length, 0.0, 1.0)
            total += (1.0 - np.cos(np.pi * share)) / 2.0
    produced: NDArray[np.float64] = total - total[0]
    return produced


def absence(work: Work, now: datetime, rules: PlanningRules, can_be_done: bool = True) -> float:
    """What not doing it counts for, weighted USD: the loss of the planning horizon; for work that must be
    done much more, where some crew can do it at all."""
    end = now + timedelta(days=horizon_days(work, now, rules))
    at_the_end = terms(work, end - timedelta(hours=work.hours), now)
    waiting = {name: at_the_end[name] for name in ("energy", "risk", "urgency")}
    left: float = weighted(waiting, rules.weights)
    return left + (LEFT_OUT_USD if work.must and can_be_done else 0.0)
