"""Simple forecasts of the same hours: each knows what was measured up to the moment of the forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.model.score import BRIGHT_W_M2
from ona.sky.sun import Floats

PEERS = {
    "persistence": "24-hour persistence",
    "clear_sky_persistence": "24-hour clear-sky persistence",
    "climatology": "climatology (mean of 30 days)",
    "physics": "physics alone, untrained",
    "fitted_physics": "physics alone, fitted to the site",
}
"""Columns of the replayed rows, and their names in words."""
BACK_DAYS = 7
"""Where the same hour of a day was not measured, the day before it counts, up to so many."""
CLIMATE_DAYS = 30
DAY = pd.Timedelta(days=1)


def of_measured(
    share: pd.Series, clear: pd.Series | None, hour: pd.DatetimeIndex, issued: pd.DatetimeIndex
) -> pd.DataFrame:
    """Persistence, clear-sky persistence and climatology of some hours (UTC, hour's end), shares of
    capacity, shape (n, 3); NaN where nothing is known.

    `share`: measured, hourly; `clear`: clear-sky irradiance on the plane, W/m², for all hours; None for
    wind, whose clear-sky persistence is persistence; `issued`: when each hour was forecast.
    """
    index = pd.date_range(share.index[0], share.index[-1], freq="h", unit="us")
    known = share.reindex(index)
    first = np.maximum(np.ceil((hour - issued) / DAY), 1.0).astype(int)
    persisted = np.full(len(hour), np.nan)
    scaled = np.full(len(hour), np.nan)
    for back in range(BACK_DAYS):
        then = hour - pd.to_timedelta(first + back, unit="D")
        before = known.reindex(then).to_numpy(dtype=float)
        carried = before if clear is None else _scaled(before, clear, then, hour)
        fill = np.isnan(persisted)
        persisted[fill], scaled[fill] = before[fill], carried[fill]
    by_hour = known.groupby(index.hour)
    means = by_hour.transform(lambda values: values.rolling(CLIMATE_DAYS, min_periods=1).mean())
    usual = means.reindex(hour - pd.to_timedelta(first, unit="D")).to_numpy(dtype=float)
    columns = {"persistence": persisted, "clear_sky_persistence": scaled, "climatology": usual}
    return pd.DataFrame(columns)


def _scaled(before: Floats, clear: pd.Series, then: pd.DatetimeIndex, hour: pd.DatetimeIndex) -> Floats:
    """The clear-sky index of then, carried to now; where the sky was dark then, the share as it was."""
    sky_then = clear.reindex(then).to_numpy(dtype=float)
    sky_now = clear.reindex(hour).to_numpy(dtype=float)
    bright = sky_then > BRIGHT_W_M2
    index = np.divide(before, sky_then, out=np.zeros(len(before)), where=bright)
    return np.where(bright, np.clip(index * sky_now, 0.0, 1.0), before)
