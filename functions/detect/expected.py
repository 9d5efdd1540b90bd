"""Expected power: what an asset should have produced, from the best reference at hand.

The references, in the order in which they are tried (`docs/detection.md`):

1. `irradiance+peers`: the PVWatts form driven by the asset's own irradiance and temperature, scaled
   at every instant by the median of the site's other machines. Weather-sensor errors cancel.
2. `irradiance`: the PVWatts form, its gain and temperature coefficient fitted on the asset's history.
3. `peers`: the median of the site's other machines, by nameplate.
4. `forecast`: the platform's own forecast.
5. `none`: nothing to compare with; only ranges and data quality are judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import theilslopes

from ona.assets import Asset
from ona.config import ReferenceRules

Floats = NDArray[np.float64]
Basis = Literal["irradiance+peers", "irradiance", "peers", "forecast", "none"]

GAMMA = -0.004
"""Power temperature coefficient of crystalline silicon, 1/°C (PVWatts v5, NREL/TP-6A20-62641)."""
FIT_IRRADIANCE = 200.0
"""Readings with less irradiance, W/m², say little about a machine's gain."""
CLIPPED_SHARE = 0.97
MIN_DRIVER = 0.05
SITE_DOWN_SHARE = 0.05
MAX_FIT_POINTS = 400
AGREEMENT = 0.10
"""Machines of one site whose daily levels lie this close are taken to be sound."""


@dataclass(frozen=True)
class Reference:
    """Expected power of one asset, kW, shape (n,), NaN where there is none.

    `partial_confidence` is how far a partial loss against it can be believed (0…1); that nothing
    came where something must is believed more readily.
    `site_down` marks instants at which all peers were down too.
    """

    expected_kw: Floats
    basis: Basis
    reason: str
    partial_confidence: float
    site_down: NDArray[np.bool_]


def driver(frame: pd.DataFrame, gamma: float = GAMMA) -> Floats:
    """PVWatts' normalised DC power G/1000 · (1 + γ (T − 25 °C)), shape (n,); NaN without irradiance.

    A missing temperature counts as 25 °C. Source: Dobos, PVWatts Version 5 Manual, eq. 8.
    """
    if "irradiance_w_m2" not in frame:
        return np.full(len(frame), np.nan)
    irradiance = frame["irradiance_w_m2"].to_numpy(dtype=float)
    temperature = frame["temperature_c"].fillna(25.0).to_numpy(dtype=float)
    return np.asarray(np.maximum(irradiance, 0.0) / 1000.0 * (1.0 + gamma * (temperature - 25.0)))


@dataclass(frozen=True)
class Fit:
    """PVWatts form fitted to one asset: power = capacity · gain · driver(gamma)."""

    gain: float
    gamma: float
    days: int


def fit_history(history: pd.DataFrame, capacity_kw: float) -> Fit | None:
    """Fit gain and temperature coefficient on bright, unclipped readings of one asset.

    The coefficient is the Theil–Sen slope of power per irradiance over temperature, held within
    −0.008…0 1/°C; the gain is the upper quartile of the days' medians, so that days with a fault do
    not lower it unless they are most days. None when there are fewer than 12 usable readings.
    """
    if history.empty or "irradiance_w_m2" not in history:
        return None
    usable = history[
        (history["irradiance_w_m2"] >= FIT_IRRADIANCE)
        & history["power_kw"].notna()
        & (history["power_kw"] > 0.01 * capacity_kw)
        & (history["power_kw"] < CLIPPED_SHARE * capacity_kw)
    ]
    if len(usable) < 12:
        return None
    ratio = usable["power_kw"] / (capacity_kw * usable["irradiance_w_m2"] / 1000.0)
    gamma = GAMMA
    warm = usable["temperature_c"].notna()
    if int(warm.sum()) >= 40 and float(usable["temperature_c"].std()) >= 3.0:
        sample = np.linspace(0, int(warm.sum()) - 1, min(MAX_FIT_POINTS, int(warm.sum()))).astype(int)
        y = ratio[warm].to_numpy()[sample]
        x = usable.loc[warm, "temperature_c"].to_numpy()[sample] - 25.0
        slope, intercept, *_ = theilslopes(y, x)
        if intercept > 0:
            gamma = float(np.clip(slope / intercept, -0.008, 0.0))
    normal = usable["power_kw"] / (capacity_kw * driver(usable, gamma))
    by_day = normal.groupby(usable["timestamp"].dt.floor("D")).median()
    return Fit(gain=float(by_day.quantile(0.75)), gamma=gamma, days=len(by_day))


def agreeing(table: pd.DataFrame, least: int) -> pd.DataFrame:
    """Of each day's peers the largest group that agrees within `AGREEMENT`, if it has `least` members.

    `table` has the columns t, asset_id, share, scaled, bright (driver above the fit's limit). Machines
    with faults of their own are no reference; a bad weather sensor shifts all alike and does no harm.
    Of two groups of one size the one that delivers more is taken.
    """
    day = table["t"].dt.floor("D")
    scaled = table["scaled"].where(table["bright"]).groupby([day, table["asset_id"]]).median()
    share = table["share"].groupby([day, table["asset_id"]]).mean()
    level = scaled.fillna(share)
    chosen: list[tuple[object, str]] = []
    for at, values in level.groupby(level=0):
        known = values.droplevel(0).dropna()
        groups = [known[(known - value).abs() <= AGREEMENT * max(value, 1e-9)] for value in known]
        best = max(groups, key=lambda group: (len(group), group.median()), default=known)
        if len(best) >= least:
            chosen += [(at, str(name)) for name in best.index]
    wanted = pd.MultiIndex.from_tuples(chosen, names=["day", "asset_id"]) if chosen else None
    keys = pd.MultiIndex.from_arrays([day, table["asset_id"]])
    return table[keys.isin(wanted)] if wanted is not None else table.iloc[:0]


def _peer_level(
    own: pd.DataFrame, peers: pd.DataFrame, capacities: dict[str, float], rules: ReferenceRules
) -> tuple[Floats, Floats]:
    """Median over the agreeing peers at each of the asset's instants, NaN where too few report.

    Returns (power over capacity, the same over the driver), each of shape (n,).
    """
    nothing = np.full(len(own), np.nan)
    if peers.empty:
        return nothing, nothing
    share = peers["power_kw"] / peers["asset_id"].map(capacities).astype(float)
    x = driver(peers)
    scaled = np.where(x > MIN_DRIVER, share / np.where(x > MIN_DRIVER, x, 1.0), np.nan)
    table = pd.DataFrame(
        {
            "t": peers["timestamp"],
            "asset_id": peers["asset_id"],
            "share": share,
            "scaled": scaled,
            "bright": x > FIT_IRRADIANCE / 1000.0,
        }
    )
    grouped = agreeing(table, rules.min_peers).groupby("t")[["share", "scaled"]]
    median = grouped.median().where(grouped.count() >= rules.min_peers)
    aligned = median.reindex(own["timestamp"])
    return aligned["share"].to_numpy(dtype=float), aligned["scaled"].to_numpy(dtype=float)


def reference(
    own: pd.DataFrame,
    *,
    asset: Asset,
    history: pd.DataFrame,
    peers: pd.DataFrame,
    capacities: dict[str, float],
    forecast: pd.Series | None,
    daylight: NDArray[np.bool_],
    rules: ReferenceRules,
) -> Reference:
    """The best reference for one asset's readings `own` (n rows, sorted by time).

    `history` holds the asset's earlier days, `peers` the site's other machines on the same days,
    `forecast` predicted power in kW by UTC time.
    """
    capacity = asset.capacity_kw
    never = np.zeros(len(own), dtype=bool)
    peer_share, peer_scaled = _peer_level(own, peers, capacities, rules)
    covered = np.isfinite(peer_share[daylight]).mean() if daylight.any() else 0.0
    have_peers = bool(covered >= 0.5)
    x = driver(own)
    have_sun = not asset.is_wind and bool(
        np.isfinite(x[daylight]).mean() >= 0.5 if daylight.any() else False
    )
    fit = fit_history(history, capacity) if have_sun else None
    source = f"{fit.days} earlier days" if fit else "the same day, for want of history"
    if have_sun and fit is None:
        fit = fit_history(own, capacity)
    gain, gamma = (fit.gain, fit.gamma) if fit else (0.9, GAMMA)
    physical = np.minimum(capacity * gain * driver(own, gamma), capacity)

    if have_peers and have_sun:
        expected = np.where(np.isfinite(peer_scaled), capacity * x * peer_scaled, capacity * peer_share)
        expected = np.where(np.isfinite(expected), expected, physical)
        down = (peer_share < SITE_DOWN_SHARE) & (physical > 4 * SITE_DOWN_SHARE * capacity)
        expected = np.where(down, physical, expected)
        return Reference(
            np.minimum(expected, 1.05 * capacity),
            "irradiance+peers",
            "irradiance and temperature, scaled by the median of the site's other machines",
            0.95,
            down,
        )
    if have_sun and fit is not None:
        settled = bool(fit.days >= 2)
        return Reference(
            physical,
            "irradiance",
            f"irradiance and temperature, gain {gain:.2f} fitted on {source}",
            0.9 if settled else 0.6,
            never,
        )
    if have_peers:
        return Reference(
            np.minimum(capacity * peer_share, 1.05 * capacity),
            "peers",
            "median of the site's other machines by nameplate; no irradiance is measured",
            0.9,
            never,
        )
    if have_sun:
        return Reference(
            physical,
            "irradiance",
            "irradiance with an assumed gain of 0.90: no reading of the asset is usable for a fit",
            0.5,
            never,
        )
    if forecast is not None and not forecast.empty:
        predicted = forecast.reindex(own["timestamp"]).to_numpy(dtype=float)
        if np.isfinite(predicted).any():
            return Reference(
                np.clip(predicted, 0.0, capacity),
                "forecast",
                "the platform's forecast; neither irradiance nor enough peers",
                0.6,
                never,
            )
    return Reference(
        np.full(len(own), np.nan),
        "none",
        "no irradiance, too few peers, no forecast: power cannot be judged, only ranges and data",
        0.0,
        never,
    )
