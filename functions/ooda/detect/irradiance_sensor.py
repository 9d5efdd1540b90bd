"""An irradiance sensor that reads too much or too little: since when, and by how much.

Power over irradiance says that one of the two moved, at once or creeping, and not which. The neighbours say
whether it was the machine: they share the sky and not its faults. The clear sky says it where there are no
neighbours, and where all machines moved together: under a quiet sky about noon either the sensor or the
power left its level.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.change_point import change_points
from ooda.detect.day_marks import Table
from ooda.detect.rolling import windows
from ooda.detect.sky import Floats, Mask

LEAST = 0.06
"""Change of power over irradiance, natural logarithm, that is told. Sensors are calibrated to 2 to 3 %."""
NOISE = 0.012
"""Natural logarithm by which days are never trusted to differ less."""
CREEPING = 0.08
"""Change, natural logarithm, of the last `RECENT` measured days against the first `FIRST` of the `LOOK`
before them."""
RECENT, FIRST, LOOK = 7, 14, 90
"""Days."""
OWN_SHARE = 0.5
"""Share of the change that must be seen against the neighbours too, before the machine is who moved."""
SIDE = 12
"""Days on each side of a change whose clear levels are compared."""
CLEAR_QUANTILE = 0.75
"""Of the days' quiet levels on one side: the clear days', where a quarter is clear."""
CLEAR_DAYS = 3
"""Days with a quiet level that each side needs."""
SURE = 0.5
"""Of the change: the clear sky decides where one of the two explanations leaves so much less of it."""


@dataclass(frozen=True)
class Sensor:
    """Days, (D,), on which the sensor is off, and by how much it reads more (below 0: less), shares, (D,).

    `alone`: no neighbour stood beside the machine; then irradiance is all that it is judged by.
    """

    wrong: Mask
    share: Floats


def sensor_days(table: Table) -> Sensor:
    """The days on which the irradiance sensor is off."""
    d = len(table)
    off = np.zeros(d)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(np.where(table.of_sun > 0.0, table.of_sun, np.nan))
        beside = np.log(np.where(table.of_neighbours > 0.0, table.of_neighbours, np.nan))
    if np.isfinite(ratio).sum() > FIRST:
        for step in change_points(ratio, least=LEAST, noise=NOISE):
            before = float(off[step.day - 1]) if step.day else 0.0
            back = before != 0.0 and abs(before - step.change) < 0.5 * abs(before)
            if back or _sensor_moved(table, beside, step.day, step.change, step.day):
                off[step.day :] = 0.0 if back else before - step.change
        own = np.where(off == 0.0, ratio, np.nan)
        off = np.where(off == 0.0, -_crept(table, own, beside), off)
    wrong = np.abs(off) >= LEAST
    return Sensor(wrong, np.where(wrong, np.expm1(off), 0.0))


def _sensor_moved(table: Table, beside: Floats, day: int, change: float, until: int) -> bool:
    """Whether the sensor made power over irradiance change.

    `until`: the last place of the old level; `day`: the first one of the new.
    """
    with_peers = _change(beside, until, day, SIDE)
    if with_peers is not None and with_peers / change >= OWN_SHARE:
        return False
    verdict = _by_clear_sky(table, until, day, change)
    if with_peers is None:
        return verdict == "sensor"
    return verdict == "sensor" or (verdict == "unknown" and change < 0.0)


def _by_clear_sky(table: Table, until: int, day: int, change: float) -> str:
    """Who left the level of the clear sky: the "sensor", the "machine", or "unknown"."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sensor = _change(np.log(table.sensor_of_clear), until, day, SIDE, CLEAR_QUANTILE)
        power = _change(np.log(table.power_of_clear), until, day, SIDE, CLEAR_QUANTILE)
    if sensor is None or power is None:
        return "unknown"
    if_sensor = abs(sensor + change) + abs(power)
    if_machine = abs(sensor) + abs(power - change)
    if abs(if_sensor - if_machine) < SURE * abs(change):
        return "unknown"
    return "sensor" if if_sensor < if_machine else "machine"


def _change(values: Floats, until: int, day: int, side: int, quantile: float = 0.5) -> float | None:
    """How much the level of days `until` a place differs from that since a `day`; None where unknown."""
    before, after = values[max(0, until - side) : until], values[day : day + side]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < CLEAR_DAYS or not len(after):
        return None
    return float(np.quantile(after, quantile) - np.quantile(before, quantile))


def _crept(table: Table, ratio: Floats, beside: Floats) -> Floats:
    """How far power over irradiance has crept away because of the sensor, (D,); 0 where it has not."""
    d = len(ratio)
    out = np.zeros(d)
    known = np.flatnonzero(np.isfinite(ratio))
    if len(known) < FIRST + RECENT:
        return out
    series = ratio[known]
    ends = np.arange(1, len(series) + 1)
    recent = bn.nanmedian(windows(series, ends, RECENT), axis=1)
    first = np.array([np.median(series[max(0, n - LOOK) : max(0, n - LOOK) + FIRST]) for n in ends])
    away = np.where(ends >= FIRST + RECENT, recent - first, 0.0)
    far = np.flatnonzero(np.abs(away) >= CREEPING)
    if not len(far):
        return out
    place = int(far[-1])
    day, start = int(known[max(0, place - RECENT + 1)]), int(known[max(0, place - LOOK) + FIRST])
    if _sensor_moved(table, beside, day, float(away[place]), start):
        out[known[far]] = away[far]
    return out
