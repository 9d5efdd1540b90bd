"""A site's own physics: what its weather makes of its modules or turbines, fitted to what it gave.

A fitted physics goes on where a learner of power ends: a summer that no training row has seen is still
irradiance times gain. It has few numbers, each drawn to what a sound plant has (the prior), so that seven
days already help and a year decides alone.

Solar: share = min(dc · response, clip). `dc` is PVWatts' DC share of the hour. The response is a gain that
may differ by the forecast's clear-sky index (a weather service that is too bright under clouds shows
there), and a loss near the horizon. Wind: a rising curve of the speed at the hub, at standard density.

>>> default("solar").response(np.array([1.0]), np.array([40.0])).round(2).tolist()
[0.85]
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from forecasting.model.booster import TARGET
from ona.documents.base import Document
from ona.sky.sun import Floats

GAIN = 0.85
"""What a sound plant makes of its DC rating after wiring, inverter and mismatch (PVWatts' 14 % losses)."""
KNOTS = (0.15, 0.5, 0.8, 1.0)
"""Clear-sky indices at which the gain is fitted; linear between them, flat beyond. Ours."""
LOW_SUN_DEG = 8.0
"""Elevation over which the loss near the horizon fades (to 1/e). Ours."""
PRIOR_DAYS = 5.0
"""Days of data that weigh as much as the default gain. Ours."""
SHAPE_PRIOR_DAYS = 10.0
"""The same for each number that bends the gain. Ours."""
LEAST_DC = 0.02
"""DC share under which an hour says nothing of the gain."""
DOWN = 0.4
"""A day whose gain is below this share of a good day's is one of snow or standstill, not of the plant. Ours."""
BEYOND = 1.06
"""How far the gain must lead beyond the greatest power to tell a limit of the inverter. Ours."""
CLIPPED_HOURS = 8
"""Hours beyond it that must have stayed at the greatest power. Ours."""
CLIP_WIDTH = 0.02
"""How near to the greatest power an hour is at the limit, as a share of it. Ours."""
CUT_IN_M_S, CUT_OUT_M_S = 3.0, 25.0
"""Wind speeds at the hub between which a turbine runs, as of most types on the market."""
HUB_PER_10_M = 1.35
"""Wind at the hub over wind at 10 m: the power law with exponent 1/7 from 10 m to 80 m."""
SPEEDS = tuple(float(speed) for speed in range(31))
"""Speeds at the hub, m/s, at which the curve of a wind site is kept."""
STANDARD_DENSITY = 1.225
"""kg/m³, for which power curves are given (IEC 61400-12-1)."""


class Physics(Document):
    """The fitted numbers of one site. `gains`: share of capacity per kW/m² of DC at `KNOTS`; `low_sun`:
    how much the gain changes at the horizon; `clip`: greatest share; `curve`: share at `SPEEDS` (wind);
    `days`: days of data behind them, 0 for the default."""

    kind: Literal["solar", "wind"]
    gains: tuple[float, ...] = (GAIN,) * len(KNOTS)
    low_sun: float = 0.0
    clip: float = 1.0
    curve: tuple[float, ...] = ()
    days: float = 0.0

    def response(self, index: Floats, elevation: Floats) -> Floats:
        """Share of capacity per DC share, shape (n,), at clear-sky indices and elevations (degrees)."""
        terms = _terms(index, elevation)
        return np.maximum(np.asarray(terms @ np.array([*self.gains, self.low_sun])), 0.0)


def default(kind: Literal["solar", "wind"]) -> Physics:
    """The physics of a site of which nothing was measured."""
    return Physics(kind=kind, curve=tuple(_default_curve()) if kind == "wind" else ())


def fit(frame: pd.DataFrame) -> Physics:
    """The physics of a training frame (`features.build` with `share`); the default where nothing can be
    used."""
    return _fit_solar(frame) if "poa" in frame else _fit_wind(frame)


def share(table: pd.DataFrame, fitted: Physics) -> Floats:
    """What physics gives, share of capacity 0…1, shape (n,); NaN without weather, 0 outside daylight."""
    if fitted.kind == "wind":
        return np.asarray(np.interp(_hub_speed(table), SPEEDS, fitted.curve))
    index, elevation = _sky(table)
    raw = _dc(table) * fitted.response(index, elevation)
    lit = table["daylight"].to_numpy(dtype=bool)
    return np.asarray(np.where(lit, np.clip(raw, 0.0, fitted.clip), 0.0))


def _dc(table: pd.DataFrame) -> Floats:
    """DC share by irradiance and temperature; by irradiance alone where the temperature is unknown."""
    plain = table["poa"].to_numpy(dtype=float) / 1000.0
    if "dc" not in table:
        return plain
    warm = table["dc"].to_numpy(dtype=float)
    return np.where(np.isnan(warm), plain, warm)


def _sky(table: pd.DataFrame) -> tuple[Floats, Floats]:
    index = np.nan_to_num(table["clear_sky_index"].to_numpy(dtype=float), nan=0.5)
    return index, table["elevation"].to_numpy(dtype=float)


def _terms(index: Floats, elevation: Floats) -> Floats:
    """What each number of the response is multiplied by, shape (n, knots + 1)."""
    between = [np.interp(index, KNOTS, row) for row in np.eye(len(KNOTS))]
    return np.column_stack([*between, np.exp(-np.maximum(elevation, 0.0) / LOW_SUN_DEG)])


def _fit_solar(frame: pd.DataFrame) -> Physics:
    dc, power = _dc(frame), frame[TARGET].to_numpy(dtype=float)
    good = frame["daylight"].to_numpy(dtype=bool) & (dc > LEAST_DC) & ~np.isnan(power)
    if not good.any():
        return default("solar")
    day = pd.DatetimeIndex(frame.index[good]).floor("D")
    dc, power = dc[good], power[good]
    days = float(day.nunique())
    runs = _runs(dc, power, day)
    terms = _terms(*(values[good] for values in _sky(frame)))
    numbers, clip = np.array([*default("solar").gains, 0.0]), 1.0
    for _ in range(3):  # hours at the limit say nothing of the gain; which ones are is known after a fit
        expected = dc * (terms @ numbers)
        clip = _clip(power, expected)
        free = runs & (np.maximum(power, expected) < (1 - CLIP_WIDTH) * clip)
        if free.sum() < 3:
            break
        numbers = _robust(terms[free] * dc[free, None], power[free], dc[free], days)
    return Physics(
        kind="solar",
        gains=tuple(np.maximum(numbers[:-1], 0.0).round(5).tolist()),
        low_sun=round(float(numbers[-1]), 5),
        clip=round(clip, 4),
        days=days,
    )


def _clip(power: Floats, expected: Floats) -> float:
    """The limit of the inverter, share of capacity: 1 where brighter hours than those at the greatest power
    gave no less and no more."""
    top = min(float(np.quantile(power, 0.998)), 1.0)
    held = np.abs(power[expected > BEYOND * top] - top) < CLIP_WIDTH * top
    return top if held.sum() >= CLIPPED_HOURS and held.mean() > 0.5 else 1.0


def _runs(dc: Floats, power: Floats, day: pd.DatetimeIndex) -> np.ndarray:
    """Hours of days on which the plant ran, without snow or standstill."""
    daily = pd.DataFrame({"dc": dc, "power": power}).groupby(day).transform("sum")
    gain = (daily["power"] / daily["dc"]).to_numpy()
    return np.asarray(gain >= DOWN * float(np.quantile(gain, 0.75)))


def _robust(x: Floats, y: Floats, dc: Floats, days: float) -> Floats:
    """Numbers b with least Σ|y − x b|, drawn to the prior: first one gain, drawn to the default; then all
    numbers, drawn to that gain. Iteratively reweighted least squares (Holland, Welsch 1977)."""
    order = np.argsort(y / dc)
    heap = np.cumsum(dc[order])
    middle = float((y / dc)[order][np.searchsorted(heap, heap[-1] / 2)])
    gain = (middle * days + GAIN * PRIOR_DAYS) / (days + PRIOR_DAYS)
    centre = np.append(np.full(x.shape[1] - 1, gain), 0.0)
    numbers = centre
    hours_a_day = len(y) / max(days, 1.0)
    for _ in range(12):
        miss = np.abs(y - x @ numbers)
        weight = 1.0 / np.maximum(miss, max(0.25 * float(np.median(miss)), 1e-4))
        strength = SHAPE_PRIOR_DAYS * hours_a_day * float((weight * dc**2).mean()) / x.shape[1]
        left = (x * weight[:, None]).T @ x + strength * np.eye(x.shape[1])
        numbers = np.linalg.solve(left, (x * weight[:, None]).T @ y + strength * centre)
    return numbers


def _default_curve() -> Floats:
    speed = np.array(SPEEDS)
    stands = (speed < CUT_IN_M_S) | (speed > CUT_OUT_M_S)
    return np.where(stands, 0.0, np.clip((speed - 2.0) / 10.0, 0.0, 1.0) ** 3)


def _hub_speed(table: pd.DataFrame) -> Floats:
    """Speed at the hub, m/s, as if at standard density (IEC 61400-12-1, eq. 3)."""
    at_hub = table.get("wind_speed_hub_m_s", table["wind_speed_m_s"] * HUB_PER_10_M).to_numpy(dtype=float)
    if "air_density" not in table:
        return np.asarray(at_hub)
    density = table["air_density"].to_numpy(dtype=float)
    return np.asarray(at_hub * np.nan_to_num(density / STANDARD_DENSITY, nan=1.0) ** (1 / 3))


def _fit_wind(frame: pd.DataFrame) -> Physics:
    from sklearn.isotonic import isotonic_regression

    speed, power = _hub_speed(frame), frame[TARGET].to_numpy(dtype=float)
    good = ~np.isnan(speed) & ~np.isnan(power)
    if not good.any():
        return default("wind")
    days = float(pd.DatetimeIndex(frame.index[good]).floor("D").nunique())
    near = np.clip(np.rint(speed[good]), 0, SPEEDS[-1]).astype(int)
    hours = np.bincount(near, minlength=len(SPEEDS)).astype(float)
    total = np.bincount(near, weights=power[good], minlength=len(SPEEDS))
    prior = PRIOR_DAYS * 24.0 / 10.0  # a day's hours lie in about ten speeds
    mean = (total + prior * _default_curve()) / (hours + prior)
    rising = np.array(SPEEDS) <= CUT_OUT_M_S
    mean[rising] = isotonic_regression(mean[rising], sample_weight=(hours + prior)[rising])
    return Physics(kind="wind", curve=tuple(mean.round(5).tolist()), days=days)
