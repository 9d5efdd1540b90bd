"""The first hours: how far the forecast just missed, carried on and fading.

The error of the latest measured hour, relative to the clear sky's envelope, is carried forward as that of
an Ornstein-Uhlenbeck process: it fades with exp(−t/τ); τ and its weight are learned from errors on unseen
days, and drawn to those of usual plants. What the newest quarter hour departs from its hour is of single
clouds, and fades within an hour (`shift`).

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
PRIOR_PAIRS = 300
"""Pairs of hours that the usual persistence is worth beside a site's own: about a month of days. Ours."""
QUARTER_AHEAD = 0.375
"""From the middle of an hour to the middle of its last quarter, hours."""
CLOUD_HOURS = 0.6
"""Hours after which 37 % is left of what a quarter hour departs from its hour: single clouds pass. Ours;
alike on two real plants, one of them without weather."""
LEAST = 0.1
"""A smaller share of an error is not carried on: it is noise beside the weather's own. Ours."""
MAX_HOURS = 5.0
"""Hours after which nothing of an error is carried on. Ours: six hours on, none of five plants gained."""


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
        return np.asarray(np.where((hours <= MAX_HOURS) & (left >= LEAST), np.minimum(left, 1.0), 0.0))


@dataclass(frozen=True)
class Latest:
    """How far the forecast just missed, relative to the envelope: over the last hour, and in its newest
    reading; when that ended."""

    hour: float
    newest: float
    at: pd.Timestamp


USUAL = Persistence(weight=0.5, tau_hours=1.2)
"""How an error lives on where nothing was learned: at a site without a model, and without weather. Ours:
GEFCom2014's zones have 0.5 and 1.5 h, two other plants lie on both sides."""


def learn(site: Floats, hour: pd.DatetimeIndex, error: Floats, envelope: Floats) -> Persistence:
    """Persistence from errors (share of capacity) at hours, by site: regressions of the error on the
    relative error one and three hours before, times the envelope of now: near the horizon relative errors
    are large and say little. Both slopes are drawn to those of `USUAL`, which stand alone without data.
    `site` holds one label a value, shape (n,)."""
    table = pd.DataFrame({"site": site, "hour": hour, "error": error, "envelope": envelope})
    table["z"] = table["error"] / table["envelope"]
    by_lag = []
    for lag in (1, 3):
        before = table[["site", "hour", "z"]].assign(hour=table["hour"] + pd.Timedelta(hours=lag))
        pairs = table.merge(before, on=["site", "hour"], suffixes=("", "_before")).dropna()
        x, y = (pairs["z_before"] * pairs["envelope"]).to_numpy(), pairs["error"].to_numpy()
        own = float(np.clip((x @ y) / max(float(x @ x), 1e-9), 0.0, 0.98))
        usual = float(USUAL.remaining(np.array([float(lag)]))[0])
        by_lag.append((len(pairs) * own + PRIOR_PAIRS * usual) / (len(pairs) + PRIOR_PAIRS))
    one, three = by_lag
    ratio = min(max(three, 0.01) / max(one, 0.02), 0.98)
    tau = float(np.clip(-2.0 / np.log(ratio), 0.3, 12.0))
    return Persistence(weight=round(one, 4), tau_hours=round(tau, 4))


def latest(
    measured: pd.Series, median: pd.Series, envelope: pd.Series, now: pd.Timestamp, hours: int
) -> Latest | None:
    """The error of the newest measured interval within the last `hours`, and of the hour that ends with it;
    None where nothing was measured.

    All series by hours or by quarter hours (UTC, ends), shares of capacity, daylight only.
    """
    both = measured.dropna().index.intersection(median.dropna().index)
    recent = both[(both <= now) & (both > now - pd.Timedelta(hours=hours))]
    if len(recent) == 0:
        return None
    newest = recent.max()
    within = recent[recent > newest - pd.Timedelta(hours=1)]
    miss = (measured - median).reindex(within)
    top = envelope.reindex(within).clip(lower=ENVELOPE_FLOOR)
    return Latest(float(miss.sum() / top.sum()), float(miss[newest] / top[newest]), newest)


def left_of(persistence: Persistence, apart_hours: Floats) -> tuple[Floats, Floats]:
    """What is left of the last hour's error, and of how far the newest reading departs from it, shape (n,)
    each, 0…1. The error of an hour fades no faster than that of its clouds.

    `apart_hours`: from the middle of the last hour to the middle of each interval.
    """
    slow = persistence.remaining(apart_hours)
    fast = np.minimum(np.exp(-(apart_hours - QUARTER_AHEAD) / CLOUD_HOURS), 1.0)
    fast = np.where(slow > 0, fast, 0.0)
    return np.maximum(slow, fast), fast


def shift(found: Latest, persistence: Persistence, apart_hours: Floats, envelope: Floats) -> Floats:
    """What an error adds to a forecast, share of capacity, shape (n,) (`left_of`); `envelope`: of each
    interval."""
    slow, fast = left_of(persistence, apart_hours)
    moved = slow * found.hour + fast * (found.newest - found.hour)
    return np.asarray(moved * np.maximum(envelope, ENVELOPE_FLOOR))


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
