"""Partial losses of turbines: which are borne out by more than the own anemometer.

Power that leaves what the own anemometer promises is the turbine or its anemometer, and the latter is never
quite the same: in calm or stable weather real turbines give 4 to 8 % less at the same reading (La Haute
Borne, two years). What tells a loss:

- rated power. An anemometer shifts the curve along the wind, and rated power stays. A loss along the power
  (a limit, a converter, a generator) lowers it;
- the other turbines' power, in a farm;
- the weather service's wind, of a turbine alone: it does not follow what the anemometer reads;
- the size of it: no anemometer reads so much more.

What nothing bears out is suspected: told with its evidence, not booked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ooda.detect.anemometer import DAYS_BEFORE, RATED, service_says
from ooda.detect.lasting import LONE_SMALL, SMALL, Lasting
from ooda.detect.sky import Ints
from ooda.documents.asset_history import HistoryDay
from ooda.documents.detections import Episode

FARM = "farm_power"
"""The driver whose gains are the power over the other turbines' (`wind_expected.py`)."""
FARM_SLOW, FARM_MEMORY, FARM_DAYS = 0.02, 2.25, 5
"""Natural logarithms that no number of days takes away from what the others' power says; by how much the
memory of its days widens the variance of their mean; days that are needed (ours)."""
AGAINST, FOR = -0.5, 4.0
"""Log likelihood ratio of a loss against none by the others' power: below the first they speak against it;
from the second on they bear out one of 5 %."""
TURBINE = -0.5
"""Log likelihood ratio of the anemometer against the turbine, by the weather service's wind: up to it the
turbine is believed."""
TOO_MUCH = 0.45
"""Share. An anemometer that reads a quarter more makes power 40 % less."""
HELD, HELD_AT = 0.6, 0.1
"""A limit: so large a share of the readings at a level, share of capacity, no lower than this."""
BRIDGE = 2
"""Days between partial losses of one group."""


def groups(run_of: dict[int, Lasting], days: Sequence[Sequence[HistoryDay]]) -> list[Ints]:
    """The days (indices) of each loss: those of a loss that lasts, and others near each other; those on
    which power was held at a level apart."""
    found: dict[int, list[int]] = {}
    for n, run in run_of.items():
        found.setdefault(run.first, []).append(n)
    out = [np.array(sorted(mine)) for mine in found.values()]
    lossy = [n for n, items in enumerate(days) if n not in run_of and any(map(_partial, items))]
    at_level = [n for n in lossy if _mostly_held([e for item in days[n] for e in _partial(item)])]
    for rest in (np.setdiff1d(lossy, at_level).astype(np.int64), np.array(at_level, dtype=np.int64)):
        if len(rest):
            out += np.split(rest, np.flatnonzero(np.diff(rest) > BRIDGE + 1) + 1)
    return out


class Turbine:
    """What D days of a turbine's history say beside its anemometer, natural logarithms, (D,)."""

    def __init__(self, days: Sequence[Sequence[HistoryDay]]) -> None:
        self.days = days
        self.service = np.array([_of_day(items, "wind_of_service") for items in days])
        self.rated = np.array([_of_day(items, "rated") for items in days])
        self.farm = np.array([_gain(items) for items in days])
        self.alone = not any(FARM in item.levels for items in days for item in items)

    def says(self, inside: Ints, ill: Ints) -> float | None:
        """From which share on a loss on the days `inside` is booked where it lasts; None where nothing
        bears it out. `ill`: all days with a loss."""
        before = np.setdiff1d(np.arange(max(0, int(inside[0]) - DAYS_BEFORE), int(inside[0])), ill)
        share = self._share(inside)
        if share > TOO_MUCH or self._lowered(inside, before):
            return LONE_SMALL if self.alone else SMALL
        change = math.log1p(-min(share, 0.9))
        if self.alone:
            return LONE_SMALL if service_says(change, self.service, inside, before) <= TURBINE else None
        says = self._others_say(change, inside, before)
        return None if says < AGAINST else SMALL if says >= FOR else LONE_SMALL

    def _share(self, inside: Ints) -> float:
        """What was lost, a share of what was due while it was."""
        parts = [e for n in inside for item in self.days[n] for e in _losses(item)]
        due = sum(e.expected_kwh for e in parts)
        return sum(e.lost_kwh for e in parts) / due if due > 0 else 0.0

    def _lowered(self, inside: Ints, before: Ints) -> bool:
        """Whether rated power, or what power is held at, lies lower than before."""
        usual = self.rated[before][np.isfinite(self.rated[before])]
        now = self.rated[inside][np.isfinite(self.rated[inside])]
        if len(usual) and len(now) and float(np.median(now)) < float(np.median(usual)) - RATED:
            return True
        return _mostly_held([e for n in inside for item in self.days[n] for e in _losses(item)])

    def _others_say(self, change: float, inside: Ints, before: Ints) -> float:
        """The log likelihood ratio of a loss of so much against none, by the others' power."""
        now, usual = (self.farm[rows][np.isfinite(self.farm[rows])] for rows in (inside, before))
        if len(usual) < FARM_DAYS or not len(now):
            return 0.0
        spread = max(1.4826 * float(np.median(np.abs(usual - np.median(usual)))), 0.02)
        widened = sum((FARM_MEMORY - (FARM_MEMORY - 1.0) / n) / n for n in (len(now), len(usual)))
        variance = spread**2 * widened + FARM_SLOW**2
        moved = float(np.median(now) - np.median(usual))
        return (moved**2 - (moved - change) ** 2) / (2.0 * variance)


def _mostly_held(parts: Sequence[Episode]) -> bool:
    """Whether most of what some losses took is what was held at a level."""
    held = [
        e.lost_kwh for e in parts if e.signals.plateau_share >= HELD and e.signals.plateau_level >= HELD_AT
    ]
    return sum(held) > 0.5 * sum(e.lost_kwh for e in parts)


def _partial(item: HistoryDay) -> list[Episode]:
    return [e for e in item.episodes if e.kind == "underperformance"]


def _losses(item: HistoryDay) -> list[Episode]:
    return _partial(item) or ([item.weak] if item.weak is not None else [])


def _of_day(items: Sequence[HistoryDay], name: str) -> float:
    values = [getattr(item.marks, name) for item in items if item.marks is not None]
    known = [value for value in values if value is not None and value > 0.0]
    return math.log(known[0]) if known else math.nan


def _gain(items: Sequence[HistoryDay]) -> float:
    gains = [item.levels[FARM].gain for item in items if FARM in item.levels]
    known = [gain for gain in gains if gain is not None and gain > 0.0 and gain != 1.0]
    return math.log(known[-1]) if known else math.nan
