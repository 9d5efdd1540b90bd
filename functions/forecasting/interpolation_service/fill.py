"""Filling gaps: by the sun at night, by shape when short, by peers, by the weather, by the usual day.

Every candidate m(t) for the missing power is an estimate that is also known where power was measured;
its errors there, relative to the clear sky's envelope, tell how good it is and for how long they persist.
Inside a gap the errors at its edges are carried on as those of an Ornstein-Uhlenbeck process between two
known ends: e(s) = e₀ sinh((T−s)/τ)/sinh(T/τ) + e₁ sinh(s/τ)/sinh(T/τ), with variance
σ² (cosh(T/τ) − cosh((T−2s)/τ)) / sinh(T/τ) (Barczy, Kern, Random Operators and Stochastic Equations 21,
2013). The candidate with the least expected error fills the gap. Measured values are never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.interpolation_service import gaps
from forecasting.interpolation_service.gaps import Gap
from forecasting.model import features
from forecasting.model.features import Site
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats

ENVELOPE_FLOOR = 0.02
"""The envelope never falls below this share of capacity by day: errors near sunrise stay finite."""
MIN_KNOWN = 60
"""Known daylight values that a learned estimate needs."""
LEARNED_FROM_DAYS = 10.0
FOLDS = 4
MAX_TRAINING_ROWS = 30_000
NEARBY_DAYS = 7
GOOD_PEERS = 0.10
"""Peers whose errors spread less than this, relative to the clear sky, need no second opinion."""
EDGE_HOURS = 12.0
INTERVAL_LEVEL = 0.8

Learner = Callable[[pd.DataFrame, Floats, pd.DataFrame], Floats]
"""(features of known rows, their shares, features to predict) → shares."""


@dataclass(frozen=True)
class Estimate:
    """A candidate: its values (share), the spread and persistence (hours) of its errors."""

    method: str
    values: Floats
    sigma: float
    tau_hours: float
    quantile: float
    bias: Floats


@dataclass(frozen=True)
class Filled:
    """One asset's series: power, and for each value the 80 % half width (kW) and how it came about.

    `method` is `measured` for measured values, whose half width is zero.
    """

    power_kw: Floats
    half_width_kw: Floats
    method: NDArray[np.object_]


@dataclass(frozen=True)
class Result:
    """All assets of a site, and the gaps with the method that filled each."""

    assets: dict[str, Filled]
    gaps: list[tuple[Gap, str]]


def fill(
    power: pd.DataFrame,
    reported: pd.DataFrame,
    capacities: dict[str, float],
    site: Site,
    weather: pd.DataFrame | None,
    learner: Learner,
) -> Result:
    """Fill every gap of a site's assets.

    `power`: kW on a regular grid of interval ends (UTC), one column an asset; `reported`: whether a row
    came; `weather`: a weather frame on the same grid, or None. Raises nothing for odd data: what cannot be
    estimated in any way is left NaN with method `unfilled`.
    """
    end = pd.DatetimeIndex(power.index)
    minutes = sun.interval_minutes(end)
    if site.kind == "solar":
        sky = sun.clear_sky(end, site.plane, minutes)
        lit = (sky["clear_poa"] > DARK_W_M2).to_numpy()
        envelope = np.where(lit, np.maximum(sky["clear_poa"].to_numpy() / 1000.0, ENVELOPE_FLOOR), 0.0)
    else:
        lit, envelope = np.ones(len(end), dtype=bool), np.ones(len(end))
    shares = power.div(pd.Series(capacities), axis=1)
    inputs = features.build(weather, site) if weather is not None and len(weather.columns) else None
    found = gaps.find(power, reported, lit, minutes)
    out: dict[str, Filled] = {}
    told: list[tuple[Gap, str]] = []
    for asset_id in map(str, power.columns):
        mine = [gap for gap in found if gap.asset_id == asset_id]
        share = shares[asset_id].to_numpy(dtype=float)
        others = shares.drop(columns=asset_id)
        asset = _Asset(share, others, lit, envelope, inputs, minutes, learner)
        filled, widths, methods = (
            share.copy(),
            np.zeros(len(share)),
            np.full(len(share), "measured", object),
        )
        for gap in mine:
            method = asset.fill(gap, filled, widths, methods)
            told.append((gap, method))
        capacity = capacities[asset_id]
        out[asset_id] = Filled(
            np.where(methods == "measured", power[asset_id].to_numpy(), filled * capacity),
            widths * capacity,
            methods,
        )
    return Result(out, told)


class _Asset:
    """One asset's candidates, made when the first gap wants them."""

    def __init__(
        self,
        share: Floats,
        others: pd.DataFrame,
        lit: NDArray[np.bool_],
        envelope: Floats,
        inputs: pd.DataFrame | None,
        minutes: float,
        learner: Learner,
    ) -> None:
        self.share, self.others, self.lit, self.envelope = share, others, lit, envelope
        self.inputs, self.minutes, self.learner = inputs, minutes, learner
        self.known = ~np.isnan(share)
        self.steps_a_day = max(1, round(24 * 60 / minutes))

    def fill(self, gap: Gap, filled: Floats, widths: Floats, methods: NDArray[np.object_]) -> str:
        """Fill one gap in place; returns the method of its daylight."""
        where = slice(gap.first, gap.last + 1)
        lit = self.lit[where]
        filled[where][~lit] = 0.0
        methods[where] = np.where(lit, "unfilled", "night")
        if not lit.any():
            return "night"
        usable = [c for c in self._candidates_for(gap) if np.isfinite(c.values[where][lit]).all()]
        best = min(usable, key=lambda c: self._expected_error(c, gap), default=None)
        shape = self._by_shape(gap) if gap.length == "short" else None
        if shape is not None and (best is None or shape[1].sum() <= self._expected_error(best, gap)):
            method, (value, width) = "shape", shape
        elif best is not None:
            error, _ = self._carried(best, gap)
            value = best.values[where] + error * self.envelope[where]
            method, width = best.method, self._half_width(best, gap)
        else:
            return "unfilled"
        filled[where] = np.where(lit, np.clip(value, 0.0, 1.0), 0.0)
        widths[where] = np.where(lit, width, 0.0)
        methods[where] = np.where(lit, method, "night")
        return method

    def _by_shape(self, gap: Gap) -> tuple[Floats, Floats] | None:
        """Shape-preserving interpolation (PCHIP) of power over the clear-sky envelope, from the nearest
        daylight values: shares and 80 % half widths, shape (gap,); None with fewer than two on a side."""
        from scipy.interpolate import PchipInterpolator

        reach = max(4, round(2 * 60 / self.minutes))
        around = np.arange(max(0, gap.first - reach), min(len(self.share), gap.last + 1 + reach))
        usable = around[self.known[around] & self.lit[around]]
        if (usable < gap.first).sum() < 2 or (usable > gap.last).sum() < 2:
            return None
        inside = np.arange(gap.first, gap.last + 1)
        index = self.share[usable] / self.envelope[usable]
        value = PchipInterpolator(usable, index)(inside) * self.envelope[inside]
        spread = float(np.quantile(np.abs(np.diff(index)), INTERVAL_LEVEL))
        near = np.minimum(inside - gap.first + 1, gap.last + 1 - inside)
        return value, spread * np.sqrt(near) * self.envelope[inside]

    def _candidates_for(self, gap: Gap) -> list[Estimate]:
        """Peers, weather, the usual day, as far as the data allow. Learning from the weather costs seconds
        an asset: it is spared where peers agree and saw the whole gap."""
        peers = self._peer_estimate
        where = slice(gap.first, gap.last + 1)
        saw_all = peers is not None and np.isfinite(peers.values[where][self.lit[where]]).all()
        if peers is not None and saw_all and peers.sigma < GOOD_PEERS:
            return [peers]
        made = [peers, self._weather_estimate, self._usual_estimate]
        return [candidate for candidate in made if candidate is not None]

    @cached_property
    def _peer_estimate(self) -> Estimate | None:
        return self._peers()

    @cached_property
    def _weather_estimate(self) -> Estimate | None:
        return self._weather()

    @cached_property
    def _usual_estimate(self) -> Estimate:
        return self._usual_day()

    def _estimate(self, method: str, values: Floats, honest: Floats) -> Estimate | None:
        """`honest`: the estimate at known values, made without them."""
        usable = self.known & self.lit & np.isfinite(honest)
        if usable.sum() < MIN_KNOWN:
            return None
        bias = np.full(len(values), np.nan)
        bias[usable] = (self.share[usable] - honest[usable]) / self.envelope[usable]
        z = bias[usable]
        sigma = float(np.sqrt(np.mean(z**2)))
        if sigma < 1e-6:
            return Estimate(method, values, 1e-6, 1.0, 1.0, bias)
        quantile = float(np.quantile(np.abs(z), INTERVAL_LEVEL)) / sigma
        return Estimate(method, values, sigma, self._persistence(bias), max(quantile, 0.3), bias)

    def _persistence(self, bias: Floats) -> float:
        """Hours over which an error fades to 1/e, from its correlation over one hour."""
        lag = max(1, round(60 / self.minutes))
        a, b = bias[:-lag], bias[lag:]
        both = ~(np.isnan(a) | np.isnan(b))
        if both.sum() < MIN_KNOWN:
            return 1.0
        variance = float(np.mean(np.concatenate([a[both], b[both]]) ** 2))
        correlation = float(np.mean(a[both] * b[both])) / max(variance, 1e-12)
        hours = lag * self.minutes / 60.0
        return float(-hours / np.log(np.clip(correlation, 0.05, 0.97)))

    def _peers(self) -> Estimate | None:
        """The median of the site's other machines, times this one's usual ratio to them."""
        if self.others.shape[1] == 0:
            return None
        median = np.nanmedian(
            np.where(self.others.notna().any(axis=1).to_numpy()[:, None], self.others.to_numpy(), 0.0),
            axis=1,
        )
        median = np.where(self.others.notna().any(axis=1).to_numpy(), median, np.nan)
        both = self.known & self.lit & np.isfinite(median)
        if both.sum() < MIN_KNOWN:
            return None
        frame = pd.DataFrame({"own": np.where(both, self.share, 0.0), "peer": np.where(both, median, 0.0)})
        window = self.steps_a_day * NEARBY_DAYS * 2
        sums = frame.rolling(window, center=True, min_periods=1).sum()
        ratio = np.where(sums["peer"] > 0.5, sums["own"] / sums["peer"].clip(lower=1e-9), np.nan)
        overall = frame["own"].sum() / max(frame["peer"].sum(), 1e-9)
        values = median * np.where(np.isnan(ratio), overall, ratio)
        return self._estimate("peers", values, values)

    def _weather(self) -> Estimate | None:
        """Learned from the asset's own weather; its errors are those on days left out of the learning."""
        if self.inputs is None:
            return None
        driven = self.inputs["poa" if "poa" in self.inputs else "wind_speed_m_s"].notna().to_numpy()
        usable = np.flatnonzero(self.known & self.lit & driven)
        if len(usable) < MIN_KNOWN:
            return None
        day = usable // self.steps_a_day
        days = np.unique(day)
        if len(days) < LEARNED_FROM_DAYS:
            return self._proportional(usable, self.inputs)
        inputs = self.inputs.drop(columns="daylight")
        honest = np.full(len(self.share), np.nan)
        fold_of = {d: n % FOLDS for n, d in enumerate(days)}
        folds = np.array([fold_of[d] for d in day])
        for fold in range(FOLDS):
            train, test = usable[folds != fold], usable[folds == fold]
            honest[test] = self._learned(inputs, train, test)
        lit = np.flatnonzero(self.lit & driven)
        values = np.full(len(self.share), np.nan)
        values[lit] = self._learned(inputs, usable, lit)
        return self._estimate("weather", values, honest)

    def _learned(self, inputs: pd.DataFrame, train: NDArray[np.int_], wanted: NDArray[np.int_]) -> Floats:
        chosen = train[:: int(np.ceil(len(train) / MAX_TRAINING_ROWS))]
        return self.learner(inputs.iloc[chosen], self.share[chosen], inputs.iloc[wanted])

    def _proportional(self, usable: NDArray[np.int_], inputs: pd.DataFrame) -> Estimate | None:
        """Too few days to learn from: power in proportion to plane-of-array irradiance."""
        if "poa" not in inputs:
            return None
        poa = inputs["poa"].to_numpy() / 1000.0
        gain = float(self.share[usable] @ poa[usable]) / max(float(poa[usable] @ poa[usable]), 1e-9)
        values = np.clip(gain * poa, 0.0, 1.0)
        return self._estimate("weather", values, values)

    def _usual_day(self) -> Estimate:
        """The mean clear-sky index at this time of day within a week either side."""
        index = np.where(self.known & self.lit, self.share / np.maximum(self.envelope, 1e-9), np.nan)
        steps = self.steps_a_day
        total, count = np.zeros(len(index)), np.zeros(len(index))
        for days in range(-NEARBY_DAYS, NEARBY_DAYS + 1):
            if days == 0:
                continue
            moved = _shifted(index, days * steps)
            known = ~np.isnan(moved)
            total[known] += moved[known]
            count[known] += 1
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count > 0, total / count, np.nan)
        known = index[~np.isnan(index)]
        mean = np.where(np.isnan(mean), known.mean() if len(known) else np.nan, mean)
        values = np.clip(mean * self.envelope, 0.0, 1.0)
        made = self._estimate("usual_day", values, values)
        return made or Estimate("usual_day", values, 0.35, 1.0, 1.3, np.full(len(values), np.nan))

    def _edges(self, candidate: Estimate, gap: Gap) -> tuple[float, float, float, float]:
        """Errors at the last known daylight values on either side, and how many hours away they are."""
        reach = round(EDGE_HOURS * 60 / self.minutes)
        before = np.arange(max(0, gap.first - reach), gap.first)
        after = np.arange(gap.last + 1, min(len(self.share), gap.last + 1 + reach))
        left = before[np.isfinite(candidate.bias[before])][-1:]
        right = after[np.isfinite(candidate.bias[after])][:1]
        far = 1e6
        return (
            float(candidate.bias[left[0]]) if len(left) else 0.0,
            float(candidate.bias[right[0]]) if len(right) else 0.0,
            (gap.first - left[0]) * self.minutes / 60.0 if len(left) else far,
            (right[0] - gap.last) * self.minutes / 60.0 if len(right) else far,
        )

    def _carried(self, candidate: Estimate, gap: Gap) -> tuple[Floats, Floats]:
        """Expected error over the envelope inside the gap, and its standard deviation, shape (gap,)."""
        e0, e1, to_left, to_right = self._edges(candidate, gap)
        inside = np.arange(gap.last - gap.first + 1) * self.minutes / 60.0
        s = np.minimum((inside + to_left) / candidate.tau_hours, 300.0)
        r = np.minimum((inside[::-1] + to_right) / candidate.tau_hours, 300.0)
        a, b = np.exp(-s), np.exp(-r)
        both = 1.0 - (a * b) ** 2
        w0, w1 = a * (1 - b**2) / both, b * (1 - a**2) / both
        variance = (1 - a**2) * (1 - b**2) / both
        return w0 * e0 + w1 * e1, candidate.sigma * np.sqrt(np.maximum(variance, 0.0))

    def _half_width(self, candidate: Estimate, gap: Gap) -> Floats:
        """80 % half width of a candidate inside a gap, share of capacity, shape (gap,)."""
        where = slice(gap.first, gap.last + 1)
        _, spread = self._carried(candidate, gap)
        return candidate.quantile * spread * self.envelope[where]

    def _expected_error(self, candidate: Estimate, gap: Gap) -> float:
        return float(self._half_width(candidate, gap).sum())


def _shifted(values: Floats, steps: int) -> Floats:
    out = np.full(len(values), np.nan)
    if steps > 0:
        out[steps:] = values[:-steps]
    elif steps < 0:
        out[:steps] = values[-steps:]
    return out
