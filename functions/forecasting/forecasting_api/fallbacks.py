"""A forecast without a model, or without weather: physics, and what usually comes; wide intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.model import physics
from forecasting.model.features import Site
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats

Bounds = dict[int, tuple[Floats, Floats]]
"""Lower and upper bound by interval (80 and 95 %), shares of capacity, shape (n,) each."""

PHYSICAL_SPREAD = {80: (0.45, 1.25), 95: (0.15, 1.50)}
"""Bounds of an interval as multiples of what physics says. Ours: weather forecasts err by that much."""
PHYSICAL_MARGIN = {80: 0.03, 95: 0.06}
"""Share of capacity added to the upper bound while there is power. Ours."""
UNKNOWN_SKY = (0.08, 0.25, 0.65, 0.95, 1.05)
"""Quantiles 2.5, 10, 50, 90, 97.5 % of power over the clear sky's, without data of a solar site. Ours."""
UNKNOWN_WIND = (0.0, 0.02, 0.25, 0.70, 0.95)
"""The same of power over capacity, without data of a wind site. Ours."""
USUAL_DAYS = 14
"""Days over which the usual power is taken."""
MIN_USUAL_HOURS = 24
"""Measured hours that the usual power needs."""
BRIGHT = 0.1
"""Clear-sky irradiance on the plane, kW/m², below which an hour says nothing of the usual index."""


def physical(site: Site, table: pd.DataFrame, index: pd.DatetimeIndex) -> tuple[Floats, Bounds]:
    """Without a model: PVWatts' DC share times its usual losses, or a cubic wind curve; wide intervals.

    `table`: features (`features.build`); returns median and bounds at `index`, shares of capacity.
    """
    rows = table.reindex(index)
    rows["daylight"] = rows["daylight"].fillna(False).astype(bool)
    median = np.nan_to_num(physics.share(rows, physics.default(site.kind)))
    bounds = {}
    for level, (low, high) in PHYSICAL_SPREAD.items():
        upper = high * median + PHYSICAL_MARGIN[level] * (median > 0)
        bounds[level] = (np.clip(low * median, 0.0, 1.0), np.clip(upper, 0.0, 1.0))
    return median, bounds


def usual(site: Site, index: pd.DatetimeIndex, measured: pd.Series | None) -> tuple[Floats, Bounds]:
    """Without weather: what recent days gave, relative to the clear sky; without those, what skies give.

    `measured`: hourly shares of recent days, or None; returns median and bounds at `index` (hours).
    """
    if site.kind == "solar":
        sky = sun.clear_sky(index, site.plane, 60.0)
        lit = (sky["clear_poa"] > DARK_W_M2).to_numpy()
        envelope = np.where(lit, sky["clear_poa"].to_numpy() / 1000.0, 0.0)
        table = np.array(UNKNOWN_SKY)
    else:
        envelope, table = np.ones(len(index)), np.array(UNKNOWN_WIND)
    if measured is not None:
        recent = measured.dropna()
        recent = recent[recent.index > index[0] - pd.Timedelta(days=USUAL_DAYS)]
        if site.kind == "solar" and len(recent):
            past = sun.clear_sky(pd.DatetimeIndex(recent.index), site.plane, 60.0)["clear_poa"] / 1000.0
            bright = past > BRIGHT
            recent = recent[bright.to_numpy()] / past[bright].to_numpy()
        if len(recent) >= MIN_USUAL_HOURS:
            table = np.quantile(recent.to_numpy(), [0.025, 0.1, 0.5, 0.9, 0.975])
    low95, low80, median, high80, high95 = (np.clip(value * envelope, 0.0, 1.0) for value in table)
    return median, {80: (low80, high80), 95: (low95, high95)}
