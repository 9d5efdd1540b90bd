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

import numpy as np

from ooda.detect.change_point import change_points, levels
from ooda.detect.day_marks import Table
from ooda.detect.sky import Floats, Mask
from ooda.detect.units import EFFICIENCY

LEAST, MOST, NOISE = 0.06, 0.7, 0.012
"""Natural logarithms of a ratio: a smaller step is of no interest (meters of class 2 and their transformers
are within 3 %), a larger one is a unit; days are never trusted to differ less."""
HALF = 0.5
"""Of a rise beside the neighbours: so much of it the irradiance must show."""
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
    return rise if _seen_by_sun(np.where(sound, table.of_sun, np.nan), rise) else np.zeros(len(rise))


def _seen_by_sun(of_sun: Floats, rise: Floats) -> bool:
    """Whether a rise beside the neighbours is one beside the irradiance too, where that is measured: else
    it is the neighbours that fell."""
    higher = rise > 0.0
    if not higher.any():
        return True
    before = of_sun[: int(np.argmax(higher))]
    now = of_sun[higher]
    if not (np.isfinite(before).any() and np.isfinite(now).any()):
        return True
    return bool(np.nanmedian(now) / np.nanmedian(before) - 1.0 > HALF * float(np.median(rise[higher])))


def risen(ratio: Floats, above: float) -> Floats:
    """How far days lie above the first level of a ratio, share, (D,), where that is `above` what may be."""
    log = np.log(np.where(ratio > 0.0, ratio, np.nan))
    moved = levels(log, change_points(log, least=LEAST, noise=NOISE))
    first = log[moved == 0.0]
    if not moved.any() or not np.isfinite(first).any():
        return np.zeros(len(ratio))
    now = moved + float(np.nanmedian(first))
    return np.where((moved >= LEAST) & (moved <= MOST) & (now > np.log(above)), np.expm1(moved), 0.0)
