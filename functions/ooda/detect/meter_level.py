"""A meter that reads more than before since a day: a current transformer's ratio, a new setting.

No machine rises above what it can give: AC power above DC power, or above the neighbours it was level with,
is the meter's. A repair lifts power too, but up to the others and with DC power. A meter that reads *less*
looks as a loss does, and is not told here.

>>> import numpy as np
>>> of_dc = np.array([0.97, 0.98, 0.97, 0.98, 0.97, 1.10, 1.09, 1.10])
>>> np.round(risen(of_dc, above=1.02), 2).tolist()
[0.0, 0.0, 0.0, 0.0, 0.0, 0.13, 0.13, 0.13]
"""

from __future__ import annotations

import bottleneck as bn
import numpy as np

from ooda.detect.change_point import change_points, levels
from ooda.detect.day_marks import Table
from ooda.detect.sky import Floats, Mask
from ooda.detect.units import EFFICIENCY

LEAST, MOST, NOISE = 0.06, 0.7, 0.012
"""Natural logarithms of a ratio: a smaller step is of no interest (meters of class 2 and their transformers
are within 3 %), a larger one is a unit; days are never trusted to differ less."""
HALF, QUARTER, NEAR_DAYS = 0.5, 0.25, 10
"""Of a rise beside the neighbours: so much of it the irradiance must show, and the level of clear days,
which haze and season move too; on so many days before and after it."""
ABOVE_NEIGHBOURS = 1.05
"""Power over the neighbours' that a repaired machine does not reach."""


def meter_days(table: Table, sound: Mask) -> Floats:
    """By how much the meter reads more on each of D days, share, (D,); 0 where it is as it was. `sound`:
    days whose power is right otherwise, (D,). DC power decides where it is measured; a turbine's
    neighbours (`season` is unknown) have other wind."""
    if np.isfinite(table.of_dc).any():
        return risen(np.where(sound, table.of_dc, np.nan), above=EFFICIENCY[1])
    sound = sound & np.isfinite(table.season)
    rise = risen(np.where(sound, table.of_neighbours, np.nan), above=ABOVE_NEIGHBOURS)
    for light, least in ((table.of_sun, HALF), (table.power_of_clear, QUARTER)):
        rise = np.where(_denied(np.where(sound, light, np.nan), rise, least), 0.0, rise)
    return rise


def _denied(of_light: Floats, rise: Floats, least: float) -> bool:
    """Whether power rose beside the sun by less than a share `least` of what it rose beside the neighbours,
    where the days about the rise know the sun: then it is the neighbours that fell, or lie under snow."""
    higher = rise > 0.0
    if not higher.any():
        return False
    first = int(np.argmax(higher))
    before, now = of_light[:first], of_light[first:][higher[first:]]
    before, now = before[np.isfinite(before)][-NEAR_DAYS:], now[np.isfinite(now)][:NEAR_DAYS]
    if not (len(before) and len(now)):
        return False
    return bool(np.median(now) / np.median(before) - 1.0 <= least * float(np.median(rise[higher])))


def risen(ratio: Floats, above: float) -> Floats:
    """How far days lie above the first level of a ratio, share, (D,), where that is `above` what may be.

    A fault that grows makes no step, its repair does: what a ratio was at its best before counts as well.
    """
    log = np.log(np.where(ratio > 0.0, ratio, np.nan))
    steps = change_points(log, least=LEAST, noise=NOISE)
    moved = levels(log, steps)
    level = np.searchsorted([step.day for step in steps], np.arange(len(log)), side="right")
    first = log[(level == 0) & np.isfinite(log)]
    if not steps or not len(first):
        return np.zeros(len(ratio))
    known = np.isfinite(log)
    middles = [log[known & (level == n)] for n in range(len(steps) + 1)]
    now = np.array([np.median(part) if len(part) else np.nan for part in middles])[level]
    best = float(np.nanmax(bn.move_median(first, min(NEAR_DAYS, len(first)))))
    higher = (moved >= LEAST) & (now - best >= LEAST) & (now > np.log(above))
    rise = now - float(np.median(first))
    return np.where(higher & (rise <= MOST), np.expm1(rise), 0.0)
