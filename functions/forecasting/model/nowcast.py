"""The first hours: how far the forecast just missed, carried on and fading.

The error of the latest measured hours, relative to the clear sky's envelope, is carried forward as that
of an Ornstein-Uhlenbeck process: it fades with exp(−t/τ); τ and its weight are learned from errors on
unseen days.

>>> Persistence(weight=0.8, tau_hours=3.0).remaining(np.array([1.0, 4.0, 13.0])).round(2).tolist()
[0.8, 0.29, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.model.booster import at_levels
from ona.sky.sun import Floats

ENVELOPE_FLOOR = 0.05
"""The envelope never falls below this share of capacity: errors near sunrise stay finite."""
MIN_PAIRS = 50
"""Pairs of hours without which no persistence is learned. Ours."""
MAX_HOURS = 12.0
"""Hours after which nothing of an error is carried on: the next morning starts anew. Ours."""


@dataclass(frozen=True)
class Persistence:
    """How an error lives on: share that is still there after one hour, and its time constant in hours."""

    weight: float = 0.0
    tau_hours: float = 0.0

    def remaining(self, hours: Floats) -> Floats:
        """Share of the error that is left after so many hours, shape as given."""
        if self.weight <= 0 or self.tau_hours <= 0:
            return np.zeros_like(hours)
        left = self.weight * np.exp(-(hours - 1.0) / self.tau_hours)
        return np.asarray(np.where(hours <= MAX_HOURS, np.minimum(left, 1.0), 0.0))


def learn(site: Floats, hour: pd.DatetimeIndex, error: Floats, envelope: Floats) -> Persistence:
    """Persistence from errors (share of capacity) at hours, by site: regressions of the relative error on
    itself one and three hours before. `site` holds one label a value, shape (n,)."""
    table = pd.DataFrame({"site": site, "hour": hour, "z": error / envelope})
    by_lag = []
    for lag in (1, 3):
        before = table.assign(hour=table["hour"] + pd.Timedelta(hours=lag))
        pairs = table.merge(before, on=["site", "hour"], suffixes=("", "_before")).dropna()
        if len(pairs) < MIN_PAIRS:
            return Persistence()
        x, y = pairs["z_before"].to_numpy(), pairs["z"].to_numpy()
        by_lag.append(float(np.clip((x @ y) / max(float(x @ x), 1e-9), 0.0, 0.98)))
    one, three = by_lag
    if one < 0.05:
        return Persistence()
    ratio = min(max(three, 0.01) / one, 0.98)
    return Persistence(weight=one, tau_hours=float(np.clip(-2.0 / np.log(ratio), 0.3, 12.0)))


def latest_error(
    measured: pd.Series, median: pd.Series, envelope: pd.Series, now: pd.Timestamp, hours: int
) -> tuple[float, pd.Timestamp] | None:
    """The relative error of the newest measured hour within the last `hours`, and that hour, or None.

    All series hourly, shares of capacity, daylight only.
    """
    both = measured.dropna().index.intersection(median.index)
    recent = both[(both <= now) & (both > now - pd.Timedelta(hours=hours))]
    if len(recent) == 0:
        return None
    newest = recent.max()
    error = (float(measured[newest]) - float(median[newest])) / max(float(envelope[newest]), ENVELOPE_FLOOR)
    return error, newest


def correct(
    quantiles: Floats,
    levels: tuple[float, ...],
    envelope: Floats,
    ahead_hours: Floats,
    error: float,
    persistence: Persistence,
) -> Floats:
    """Quantiles (n, levels) moved by what is left of an error, and narrowed about their median, the more
    the larger the part that is left: the spread keeps sqrt(1 − remaining²)."""
    left = persistence.remaining(ahead_hours)
    middle = at_levels(quantiles, levels, np.array([0.5]))
    narrowed = middle + (quantiles - middle) * np.sqrt(1.0 - left**2)[:, None]
    moved = narrowed + (left * error * np.maximum(envelope, ENVELOPE_FLOOR))[:, None]
    return np.asarray(np.clip(np.where(envelope[:, None] > 0, moved, quantiles), 0.0, 1.0))
