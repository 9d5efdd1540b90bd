"""A forecast without a model, or without weather: physics, and what usually comes.

Both give raw forecasts at `calibration.REFERENCE`; what they miss at a site is learned from measured days,
as with a model (`calibration.ends`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.model import physics, recent
from forecasting.model.calibration import REFERENCE
from forecasting.model.features import Site
from forecasting.model.physics import Physics
from forecasting.model.recent import BRIGHT
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats

BRIGHTER, HAZE, DARKER = 0.40, 0.08, 0.47
"""Half widths of 80 % of a solar site: a sky may turn out brighter by a share of what clouds take, and a
little of the clear sky's power; darker by a share of what is forecast. Ours, tried on
GEFCom2014."""
LEAST_POWER = 0.027
"""Share of capacity added above while there is power. Ours."""
FAR = 1.5
"""Half width of 95 % over that of 80 %. Ours."""
WIND_SPREAD = (0.15, 0.45, 1.0, 1.25, 1.50)
"""A wind forecast's quantiles at `REFERENCE` as multiples of what the curve says. Ours."""
WIND_MARGIN = (0.0, 0.0, 0.0, 0.03, 0.06)
"""Share of capacity added to these while there is power. Ours."""
UNKNOWN_SKY = (0.08, 0.25, 0.65, 0.95, 1.05)
"""Quantiles 2.5, 10, 50, 90, 97.5 % of power over the clear sky's, without data of a solar site. Ours."""
UNKNOWN_WIND = (0.0, 0.02, 0.25, 0.70, 0.95)
"""The same of power over capacity, without data of a wind site. Ours."""
USUAL_DAYS = 30
"""Days over which the usual power is taken."""
ALIKE_DAYS = 3.0
"""Days of an hour that weigh as much as all hours together: shade and mounting differ by hour. Ours."""
MIN_USUAL_HOURS = 24
"""Measured hours that the usual power needs."""
PERSISTS = pd.Timedelta(hours=49)
"""How long the sky of the day before speaks: two days and the hour that has begun. Ours."""


def physical(table: pd.DataFrame, index: pd.DatetimeIndex, fitted: Physics) -> Floats:
    """Without a model: the site's physics with wide intervals.

    `table`: features (`features.build`); `fitted`: the physics of the site, or the default. Returns the raw
    forecast at `index`, shares of capacity, shape (n, 5).
    """
    rows = table.reindex(index)
    rows["daylight"] = rows["daylight"].fillna(False).astype(bool)
    power = np.nan_to_num(physics.share(rows, fitted))
    if fitted.kind == "solar":
        lit = rows["daylight"].to_numpy(dtype=bool)
        clear = max(fitted.gains) * np.nan_to_num(rows["clear_poa"].to_numpy()) / 1000.0
        return solar_spread(power, np.where(lit, clear, 0.0))
    return wind_spread(power)


def wind_spread(power: Floats) -> Floats:
    """A raw forecast, shape (n, 5), about a wind site's power, shape (n,), shares of capacity."""
    spread = power[:, None] * np.array(WIND_SPREAD)
    return np.asarray(np.clip(spread + (power[:, None] > 0) * np.array(WIND_MARGIN), 0.0, 1.0))


def solar_spread(power: Floats, clear: Floats) -> Floats:
    """A raw forecast, shape (n, 5), about a solar site's power, shape (n,); `clear`: under a clear sky.

    Shares of capacity. Clouds make the sky uncertain on both sides; a clear one can hardly brighten.
    """
    up = BRIGHTER * np.maximum(clear - power, 0.0) + HAZE * np.maximum(clear, power) + LEAST_POWER
    up, down = np.where(clear > 0, up, 0.0), DARKER * power
    away = np.column_stack([-FAR * down, -down, np.zeros_like(power), up, FAR * up])
    return np.clip(power[:, None] + away, 0.0, 1.0)


def persisted(site: Site, index: pd.DatetimeIndex, measured: pd.Series | None, now: pd.Timestamp) -> Floats:
    """The clear-sky index (wind: the power) of the same hour of the day before, or of two days before.

    `measured`: hourly shares of recent days, or None; returns the raw forecast at `index` (hours), shares
    of capacity, shape (n, 5); NaN beyond `PERSISTS` after `now`, and in hours of which nothing is measured.
    """
    out = np.full((len(index), len(REFERENCE)), np.nan)
    soon = np.asarray(index <= now + PERSISTS)
    if measured is None or measured.dropna().empty or not soon.any():
        return out
    hours, known = index[soon], measured.dropna()
    clear = _clear(site, hours.union(pd.DatetimeIndex(known.index)))
    share = recent.persisted(hours, known, clear)
    if site.kind == "solar":
        out[soon] = solar_spread(share, physics.GAIN * clear.reindex(hours).to_numpy(dtype=float))
    else:
        out[soon] = wind_spread(share)
    return out


def _clear(site: Site, index: pd.DatetimeIndex) -> pd.Series:
    """What the clear sky gives on the plane, kW/m²; 1 for wind."""
    if site.kind == "wind":
        return pd.Series(1.0, index=index)
    clear = sun.clear_sky(index, site.plane, 60.0)["clear_poa"]
    return (clear / 1000.0).where(clear > DARK_W_M2, 0.0)


def usual(site: Site, index: pd.DatetimeIndex, measured: pd.Series | None) -> Floats:
    """Without weather: what recent days gave at that hour, relative to the clear sky; without those, what
    skies give. An hour of the day counts by its days, all hours together as `ALIKE_DAYS` of them.

    `measured`: hourly shares of recent days, or None; returns the raw forecast at `index` (hours), shares
    of capacity, shape (n, 5).
    """
    if site.kind == "solar":
        sky = sun.clear_sky(index, site.plane, 60.0)
        lit = (sky["clear_poa"] > DARK_W_M2).to_numpy()
        envelope = np.where(lit, sky["clear_poa"].to_numpy() / 1000.0, 0.0)
        table = np.array(UNKNOWN_SKY)
    else:
        envelope, table = np.ones(len(index)), np.array(UNKNOWN_WIND)
    if measured is not None:
        known = measured.dropna()
        known = known[known.index > index[0] - pd.Timedelta(days=USUAL_DAYS)]
        if site.kind == "solar" and len(known):
            past = sun.clear_sky(pd.DatetimeIndex(known.index), site.plane, 60.0)["clear_poa"] / 1000.0
            bright = past > BRIGHT
            known = known[bright.to_numpy()] / past[bright].to_numpy()
        if len(known) >= MIN_USUAL_HOURS:
            table = _by_hour(known, index) if site.kind == "solar" else np.quantile(known, REFERENCE)
    return np.clip(envelope[:, None] * table, 0.0, 1.0)


def _by_hour(known: pd.Series, index: pd.DatetimeIndex) -> Floats:
    """Quantiles of recent values by hour of the day (UTC) of `index`, shape (n, 5)."""
    of_all = np.quantile(known.to_numpy(), REFERENCE)
    found = np.tile(of_all, (24, 1))
    for hour, own in known.groupby(pd.DatetimeIndex(known.index).hour):
        share = len(own) / (len(own) + ALIKE_DAYS)
        found[int(str(hour))] = share * np.quantile(own.to_numpy(), REFERENCE) + (1.0 - share) * of_all
    return np.asarray(found[index.hour.to_numpy()])
