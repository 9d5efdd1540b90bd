"""What a missing value could have been: estimates from the site's other assets, the weather, the usual day.

Every candidate is an estimate that also exists where power was measured. Its errors there, relative to the
clear sky's envelope, tell how good it is and for how many hours an error persists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.sky.sun import Floats

MIN_MEASURED = 60
"""Measured daylight values that an estimate needs; ours."""
LEARNED_FROM_DAYS = 10.0
"""Days with measured daylight from which the weather's effect is learned; with fewer it is proportional."""
FOLDS = 4
"""Parts into which days are split, so that each day's error comes from learning on other days."""
MAX_TRAINING_ROWS = 30_000
"""Rows that one learning takes, so that a year at 5 minutes stays within the function's time."""
NEARBY_DAYS = 7
"""Days before and after over which the usual day and the ratio to other assets are taken."""
INTERVAL_LEVEL = 0.8
"""Share of errors that the stated half width holds."""
UNTESTED = (0.35, 1.0, 1.3)
"""Spread (share of the envelope), persistence (hours) and quantile of a usual day that could not be tested:
a clear-sky index that is uniform between 0 and 1.2 has this spread."""

Learner = Callable[[pd.DataFrame, Floats, pd.DataFrame], Floats]
"""(features of measured rows, their shares, features to predict) → shares."""


@dataclass(frozen=True)
class AssetSeries:
    """One asset on the site's grid, arrays of shape (n,): `share` of its capacity (NaN where missing), the
    other assets' shares, whether the sun is up, the clear sky's envelope (share), features or None."""

    share: Floats
    others: pd.DataFrame
    lit: NDArray[np.bool_]
    envelope: Floats
    inputs: pd.DataFrame | None
    minutes: float
    learner: Learner

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Where power was measured, shape (n,)."""
        return ~np.isnan(self.share)

    @property
    def steps_a_day(self) -> int:
        """Rows of the grid a day."""
        return max(1, round(24 * 60 / self.minutes))


@dataclass(frozen=True)
class Estimate:
    """A candidate: its values (share), and how its errors, relative to the envelope, spread and persist.

    `sigma`: root mean square; `tau_hours`: hours in which an error fades to 1/e; `quantile`: how many
    sigmas hold 80 % of the errors; `bias`: the errors themselves, NaN where power is missing.
    """

    method: str
    values: Floats
    sigma: float
    tau_hours: float
    quantile: float
    bias: Floats


def from_peers(asset: AssetSeries) -> Estimate | None:
    """The median of the site's other assets, times this one's usual ratio to them; None without others."""
    if asset.others.shape[1] == 0:
        return None
    any_other = asset.others.notna().any(axis=1).to_numpy()
    median = np.nanmedian(np.where(any_other[:, None], asset.others.to_numpy(), 0.0), axis=1)
    median = np.where(any_other, median, np.nan)
    both = asset.measured & asset.lit & np.isfinite(median)
    if both.sum() < MIN_MEASURED:
        return None
    frame = pd.DataFrame({"own": np.where(both, asset.share, 0.0), "peer": np.where(both, median, 0.0)})
    window = asset.steps_a_day * NEARBY_DAYS * 2
    sums = frame.rolling(window, center=True, min_periods=1).sum()
    ratio = np.where(sums["peer"] > 0.5, sums["own"] / sums["peer"].clip(lower=1e-9), np.nan)
    overall = frame["own"].sum() / max(frame["peer"].sum(), 1e-9)
    values = median * np.where(np.isnan(ratio), overall, ratio)
    return _tested(asset, "peers", values, values)


def from_weather(asset: AssetSeries) -> Estimate | None:
    """Learned from the site's weather, its errors on days left out of that; None without weather."""
    if asset.inputs is None:
        return None
    driven = asset.inputs["poa" if "poa" in asset.inputs else "wind_speed_m_s"].notna().to_numpy()
    usable = np.flatnonzero(asset.measured & asset.lit & driven)
    if len(usable) < MIN_MEASURED:
        return None
    day = usable // asset.steps_a_day
    days = np.unique(day)
    if len(days) < LEARNED_FROM_DAYS:
        return _proportional(asset, usable, asset.inputs)
    inputs = asset.inputs.drop(columns="daylight")
    left_out = np.full(len(asset.share), np.nan)
    fold_of = {d: n % FOLDS for n, d in enumerate(days)}
    folds = np.array([fold_of[d] for d in day])
    for fold in range(FOLDS):
        train, test = usable[folds != fold], usable[folds == fold]
        left_out[test] = _learned(asset, inputs, train, test)
    lit = np.flatnonzero(asset.lit & driven)
    values = np.full(len(asset.share), np.nan)
    values[lit] = _learned(asset, inputs, usable, lit)
    return _tested(asset, "weather", values, left_out)


def from_usual_day(asset: AssetSeries) -> Estimate:
    """The mean clear-sky index at this time of day within a week either side, times the envelope."""
    index = np.where(asset.measured & asset.lit, asset.share / np.maximum(asset.envelope, 1e-9), np.nan)
    total, count = np.zeros(len(index)), np.zeros(len(index))
    for days in range(-NEARBY_DAYS, NEARBY_DAYS + 1):
        if days == 0:
            continue
        moved = _shifted(index, days * asset.steps_a_day)
        there = ~np.isnan(moved)
        total[there] += moved[there]
        count[there] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    measured = index[~np.isnan(index)]
    mean = np.where(np.isnan(mean), measured.mean() if len(measured) else np.nan, mean)
    values = np.clip(mean * asset.envelope, 0.0, 1.0)
    tested = _tested(asset, "usual_day", values, values)
    return tested or Estimate("usual_day", values, *UNTESTED, np.full(len(values), np.nan))


def _tested(asset: AssetSeries, method: str, values: Floats, left_out: Floats) -> Estimate | None:
    """A candidate with its errors; `left_out` is the estimate at measured values, made without them."""
    usable = asset.measured & asset.lit & np.isfinite(left_out)
    if usable.sum() < MIN_MEASURED:
        return None
    bias = np.full(len(values), np.nan)
    bias[usable] = (asset.share[usable] - left_out[usable]) / asset.envelope[usable]
    z = bias[usable]
    sigma = float(np.sqrt(np.mean(z**2)))
    if sigma < 1e-6:
        return Estimate(method, values, 1e-6, 1.0, 1.0, bias)
    quantile = float(np.quantile(np.abs(z), INTERVAL_LEVEL)) / sigma
    return Estimate(method, values, sigma, _persistence(bias, asset.minutes), max(quantile, 0.3), bias)


def _persistence(bias: Floats, minutes: float) -> float:
    """Hours over which an error fades to 1/e, from its correlation over one hour."""
    lag = max(1, round(60 / minutes))
    a, b = bias[:-lag], bias[lag:]
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < MIN_MEASURED:
        return 1.0
    variance = float(np.mean(np.concatenate([a[both], b[both]]) ** 2))
    correlation = float(np.mean(a[both] * b[both])) / max(variance, 1e-12)
    hours = lag * minutes / 60.0
    return float(-hours / np.log(np.clip(correlation, 0.05, 0.97)))


def _learned(
    asset: AssetSeries, inputs: pd.DataFrame, train: NDArray[np.int_], wanted: NDArray[np.int_]
) -> Floats:
    chosen = train[:: int(np.ceil(len(train) / MAX_TRAINING_ROWS))]
    return asset.learner(inputs.iloc[chosen], asset.share[chosen], inputs.iloc[wanted])


def _proportional(asset: AssetSeries, usable: NDArray[np.int_], inputs: pd.DataFrame) -> Estimate | None:
    """Too few days to learn from: power in proportion to plane-of-array irradiance."""
    if "poa" not in inputs:
        return None
    poa = inputs["poa"].to_numpy() / 1000.0
    gain = float(asset.share[usable] @ poa[usable]) / max(float(poa[usable] @ poa[usable]), 1e-9)
    values = np.clip(gain * poa, 0.0, 1.0)
    return _tested(asset, "weather", values, values)


def _shifted(values: Floats, steps: int) -> Floats:
    out = np.full(len(values), np.nan)
    if steps > 0:
        out[steps:] = values[:-steps]
    elif steps < 0:
        out[:steps] = values[-steps:]
    return out
