"""What a fault's repair costs by when it is done: the terms of the weighted loss, all in USD.

=========  ==================================================================================
energy     daily loss × days until the work is done
cost       technicians × hours with travel × rate + travel + part
mttr       what the machine gives in spite of its fault, and stands still for while people work
risk       what the fault's growth adds to the loss until the work is done
urgency    severity × daily loss × days until the work begins
=========  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ona.documents.assets import Location
from ona.repairs.crews import Work
from ooda.config.loss_function import LossFunctionConfig, LossWeights
from ooda.schedule.daylight import Sun, sun
from ooda.schedule.tours import SLOT

Terms = dict[str, float]
NOBODY = 1e5
"""USD for leaving out work that must be done: more than any delay costs, so that it is left out only where
nothing is possible."""


def _terms(work: Work, wait: Any, share: Any) -> dict[str, Any]:
    """The terms by the days until the work begins and the share of a day's production that falls into it;
    numbers or arrays."""
    days = wait + work.hours / 24.0
    growth = work.growth_percent / 100.0
    grown = ((1.0 + growth) ** days - 1.0) / growth if growth > 0 else days
    return {
        "energy": work.daily_usd * days,
        "mttr": work.standing_usd * share,
        "risk": work.daily_usd * (grown - days),
        "urgency": work.severity * work.daily_usd * wait,
    }


def terms(work: Work, begins: datetime, now: datetime) -> Terms:
    """The terms that depend on when the work begins: energy, mttr, risk and urgency, USD, unweighted."""
    wait = max((begins - now).total_seconds() / 86400.0, 0.0)
    return _terms(work, wait, _share_of_production(work, begins, begins + timedelta(hours=work.hours)))


LONGEST_LEAD_DAYS, AFTER_ARRIVAL_DAYS = 90, 7


def _share_of_production(work: Work, begins: datetime, ends: datetime) -> float:
    """Share of a day's production that falls between two moments."""
    if not work.sunny or work.location is None:
        return (ends - begins).total_seconds() / 86400.0
    total, day = 0.0, begins.astimezone(ZoneInfo(work.zone)).date()
    while True:
        known = light(work.location, day)
        total += known.produced(ends) - known.produced(begins)
        day += timedelta(days=1)
        if light(work.location, day).rises >= ends:
            return total


@lru_cache(maxsize=4096)
def _sun(latitude: float, longitude: float, ordinal: int) -> Sun:
    return sun(Location(latitude=latitude, longitude=longitude), date.fromordinal(ordinal))


def light(place: Location, day: date) -> Sun:
    """Sunrise and sunset, remembered."""
    return _sun(round(place.latitude, 3), round(place.longitude, 3), day.toordinal())


def weighted(found: Mapping[str, Any], weights: LossWeights) -> Any:
    """The loss: each term times its weight, USD; numbers or arrays."""
    factors = weights.model_dump()
    return sum(factors[f"w_{name}"] * value for name, value in found.items())


def prices(
    work: Work, now: datetime, origin: datetime, slots: int, rules: LossFunctionConfig, weights: LossWeights
) -> list[float]:
    """The weighted loss of beginning in each slot of `SLOT` minutes from the origin: the terms above, late
    critical work at what the rules say, and the part, which is paid for whenever it is."""
    wait = (origin - now).total_seconds() / 86400.0 + np.arange(slots) * (SLOT / 1440.0)
    length = work.hours * 60.0 / SLOT
    share: Any = work.hours / 24.0
    if work.sunny and work.location is not None:
        place = (round(work.location.latitude, 3), round(work.location.longitude, 3))
        made = _produced(*place, origin, slots + int(length) + 2)
        share = np.interp(np.arange(slots) + length, np.arange(len(made)), made) - made[:slots]
    found = weighted(_terms(work, wait, share), weights) + weights.w_cost * work.part_usd
    if work.due is not None:
        due = (work.due - now).total_seconds() / 86400.0
        found[wait > due + 1e-9] += rules.constraints.late_critical_usd
    told: list[float] = found.tolist()
    return told


@lru_cache(maxsize=256)
def _produced(latitude: float, longitude: float, origin: datetime, slots: int) -> NDArray[np.float64]:
    """Days' productions since the origin, at the begin of each slot."""
    seconds = np.arange(slots) * (SLOT * 60.0)
    total = np.zeros(slots)
    first = origin.date().toordinal()
    for ordinal in range(first - 1, first + slots * SLOT // 1440 + 3):
        known = _sun(latitude, longitude, ordinal)
        length = (known.sets - known.rises).total_seconds()
        if length > 0:
            share = np.clip((seconds - (known.rises - origin).total_seconds()) / length, 0.0, 1.0)
            total += (1.0 - np.cos(np.pi * share)) / 2.0
    produced: NDArray[np.float64] = total - total[0]
    return produced


def horizon_days(work: Work, now: datetime, rules: LossFunctionConfig) -> int:
    """How many days ahead the work is planned: the planning horizon, or a week from the day on which its
    part arrives; a part that takes longer than `LONGEST_LEAD_DAYS` is not planned for."""
    arrives = (work.ready - now).total_seconds() / 86400.0
    usual = rules.constraints.planning_horizon_days
    return usual if arrives > LONGEST_LEAD_DAYS else max(usual, ceil(arrives) + AFTER_ARRIVAL_DAYS)


def absence(work: Work, now: datetime, rules: LossFunctionConfig, weights: LossWeights) -> float:
    """What not doing it counts for: the loss of the planning horizon; work that must be done much more."""
    end = now + timedelta(days=horizon_days(work, now, rules))
    found = terms(work, end - timedelta(hours=work.hours), now)
    left: float = weighted({name: found[name] for name in ("energy", "risk", "urgency")}, weights)
    return left + (NOBODY if work.must else 0.0)
