"""A wind site's own physics: the wind at the hub, and a rising curve from it to power, fitted to the site.

The wind at the hub comes from the weather service's wind at 80 to 120 m; where it has only 10 m, by the
power law. An hour counts with the hours beside it: a front comes early or late. The wind's effect follows
air density (IEC 61400-12-1, eq. 3: a speed counts by the cube root of the density). The curve begins as
that of a usual turbine and becomes the site's own with data. What depends on direction (wakes, hills), and
on the ratio of the winds at two heights, is left to the trees.

>>> fitted = default()
>>> curve(np.array([2.0, 8.0, 14.0, 30.0]), fitted).round(2).tolist()
[0.0, 0.34, 0.83, 0.0]
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.documents.base import Document
from ona.sky.sun import Floats

TARGET = "share"
"""Measured power as a share of capacity: the column of a training frame beside its features."""
HUB_M, LOW_M, EXPONENT = 80.0, 10.0, 1.0 / 7.0
"""Heights of a usual hub and of the weather services' lower wind, m; exponent of the power law between them
over open land (Justus, Mikhail, J. of Applied Meteorology 15, 1976)."""
STANDARD_DENSITY = 1.225
"""kg/m³, at which power curves are given (IEC 61400-12-1)."""
CUT_OUT_M_S, RESTART_M_S = 25.0, 22.0
"""Wind at the hub at which turbines stop, and below which they start again, as most types do."""
SPECIFIC_POWER, EFFICIENCY = 380.0, 0.42
"""Nameplate per swept area, W/m², and power coefficient below it, of a usual turbine on land. Ours; the
shape as in Saint-Drenan et al., Renewable Energy 157, 2020."""
NET = 0.87
"""What wakes, standstill and cables leave. Ours, of the usual 10 to 15 % of losses."""
SPREAD_M_S, SPREAD_SHARE = 0.6, 0.15
"""How far the speeds of a farm's turbines lie around the forecast one: m/s, and share of it. Ours; curves
are smoothed so in Staffell, Pfenninger, Energy 114, 2016."""
SPEEDS = tuple(float(speed) for speed in np.arange(0.0, 30.5, 0.5))
"""Speeds at the hub, m/s, at which a curve is kept."""
WIDTH_M_S = 0.5
"""Over so many m/s hours count together for a point of the curve (standard deviation). Ours."""
PRIOR_HOURS = 8.0
"""Hours at a speed that weigh as much as the usual turbine's curve. Ours."""
MIN_HOURS = 48
"""Measured hours that a fit needs. Ours."""
LEVELS = np.arange(1, 100) / 100.0
"""Quantiles of power at a speed that `spread` gives."""


class Turbines(Document):
    """The fitted numbers of a wind site: `curve`, share of capacity at `SPEEDS`; `cuts_out`: whether it
    stands in a storm; `days` of data behind them, 0 for the default."""

    curve: tuple[float, ...]
    cuts_out: bool = True
    days: float = 0.0


def usual_curve() -> Floats:
    """The curve of a usual turbine among others, share of capacity at `SPEEDS`."""
    fine = np.arange(0.0, 60.0, 0.1)
    one = np.minimum(0.5 * STANDARD_DENSITY * EFFICIENCY * fine**3 / SPECIFIC_POWER, 1.0)
    one[fine < 3.0] = 0.0
    speeds = np.array(SPEEDS)[:, None]
    weight = np.exp(-0.5 * ((fine - speeds) / (SPREAD_M_S + SPREAD_SHARE * speeds)) ** 2)
    return np.asarray(NET * (weight @ one) / weight.sum(axis=1))


def default() -> Turbines:
    """The physics of a site of which nothing was measured."""
    return Turbines(curve=tuple(usual_curve().round(5).tolist()))


def speed(table: pd.DataFrame) -> Floats:
    """Wind at the hub, m/s, as if at standard density, shape (n,); NaN where it is unknown.

    `table` has `wind_speed_m_s` (10 m), and where they are known `wind_speed_hub_m_s`, `air_density`, and
    the winds of the hours beside (`wind_speed_m_s-1h`, `wind_speed_m_s+1h` …).
    """
    usual = (HUB_M / LOW_M) ** EXPONENT
    at_hub = _around(table, "wind_speed_m_s") * usual
    if "wind_speed_hub_m_s" in table:
        high = _around(table, "wind_speed_hub_m_s")
        at_hub = np.where(np.isnan(high), at_hub, high)
    if "air_density" in table:
        density = table["air_density"].to_numpy(dtype=float) / STANDARD_DENSITY
        at_hub = at_hub * np.cbrt(np.where(np.isnan(density), 1.0, density))
    return np.asarray(at_hub)


def _around(table: pd.DataFrame, name: str) -> Floats:
    """A wind as the mean of its hour and the hours beside it, where they are known."""
    own = table[name].to_numpy(dtype=float)
    sides = [f"{name}{hours:+d}h" for hours in (-1, 1)]
    beside = [table[side].to_numpy(dtype=float) for side in sides if side in table]
    return np.asarray(np.mean([own, *(np.where(np.isnan(side), own, side) for side in beside)], axis=0))


def curve(at_hub: Floats, fitted: Turbines) -> Floats:
    """Share of capacity at speeds at the hub, hours in order, shape (n,).

    After a storm a turbine starts again only below `RESTART_M_S`. An hour without wind does not change
    whether it stands.
    """
    power = np.interp(at_hub, SPEEDS, fitted.curve)
    return np.where(_stands(at_hub), 0.0, power) if fitted.cuts_out else power


def share(table: pd.DataFrame, fitted: Turbines) -> Floats:
    """What physics gives for a feature table, share of capacity, shape (n,); NaN without wind."""
    return curve(speed(table), fitted)


def fit(frame: pd.DataFrame) -> Turbines:
    """The physics of a training frame (`features.build` with `share`); the default with too few hours."""
    power, at_hub = frame[TARGET].to_numpy(dtype=float), speed(frame)
    good = ~np.isnan(power) & ~np.isnan(at_hub)
    if good.sum() < MIN_HOURS:
        return default()
    own = at_quantiles(at_hub[good], power[good], np.array([0.5]))[:, 0]
    stormy = power[good & (at_hub > CUT_OUT_M_S)]
    return Turbines(
        curve=tuple(own.round(5).tolist()),
        cuts_out=len(stormy) < MIN_HOURS or float(np.median(stormy)) < 0.5,
        days=float(pd.DatetimeIndex(frame.index[good]).floor("D").nunique()),
    )


def at_quantiles(at_hub: Floats, power: Floats, levels: Floats = LEVELS) -> Floats:
    """Quantiles of power at each of `SPEEDS`, rising with the speed, shape (speeds, levels).

    Hours count by how near their speed is; the usual curve counts as `PRIOR_HOURS`. Beyond the speeds that
    were seen for so long, power goes on as the usual curve does.
    """
    order = np.argsort(power, kind="stable")
    near, given = at_hub[order], power[order]
    usual, out, hours = usual_curve(), np.zeros((len(SPEEDS), len(levels))), np.zeros(len(SPEEDS))
    for number, centre in enumerate(SPEEDS):
        weight = np.exp(-0.5 * ((near - centre) / WIDTH_M_S) ** 2)
        heard = weight > 1e-4
        values, mass = given[heard], np.cumsum(weight[heard])
        hours[number] = total = float(mass[-1]) if len(mass) else 0.0
        if total > 0.0:
            place = np.searchsorted(mass, levels * total).clip(0, len(values) - 1)
            out[number] = (total * values[place] + PRIOR_HOURS * usual[number]) / (total + PRIOR_HOURS)
    seen = np.flatnonzero(hours >= PRIOR_HOURS)
    if not len(seen):
        return np.tile(usual[:, None], (1, len(levels)))
    first, last = seen[0], seen[-1]
    out[:first] = out[first] + (usual[:first] - usual[first])[:, None]
    out[last + 1 :] = out[last] + (usual[last + 1 :] - usual[last])[:, None]
    return np.asarray(np.clip(_rising(out), 0.0, 1.0))


def _rising(columns: Floats) -> Floats:
    """Each column as a rising one: the mean of its greatest so far and its least to come."""
    so_far = np.maximum.accumulate(columns, axis=0)
    to_come = np.minimum.accumulate(columns[::-1], axis=0)[::-1]
    return np.asarray((so_far + to_come) / 2.0)


def _stands(at_hub: Floats) -> np.ndarray:
    """Hours in which a storm stops turbines, (n,): from `CUT_OUT_M_S` on, until below `RESTART_M_S`."""
    change = np.where(at_hub > CUT_OUT_M_S, 1, np.where(at_hub < RESTART_M_S, -1, 0))
    last = np.maximum.accumulate(np.where(change != 0, np.arange(len(change)), -1))
    return np.asarray((last >= 0) & (change[np.maximum(last, 0)] > 0))
