"""Made-up weather, and what a plant makes of it: hourly, from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.model import features
from forecasting.model.booster import TARGET
from forecasting.model.features import Site
from ona.sky import irradiance, sun
from ona.sky.plane import Plane

JOBURG = Plane(-26.2, 28.0, 25.0, 0.0)


def hours(days: int, start: str = "2025-03-01") -> pd.DatetimeIndex:
    """Ends of hours, UTC."""
    return pd.date_range(start, periods=24 * days, freq="h", tz="UTC", unit="us")


def weather(days: int, seed: int = 0, where: Plane = JOBURG) -> pd.DataFrame:
    """Hourly weather whose clear-sky index wanders."""
    rng = np.random.default_rng(seed)
    index = hours(days)
    wander = np.zeros(len(index))
    for n in range(1, len(index)):
        wander[n] = 0.93 * wander[n - 1] + rng.normal(0, 0.08)
    clear = sun.clear_sky(index, where, 60.0)["clear_ghi"].to_numpy()
    kt = np.clip(0.75 + wander, 0.1, 1.05)
    return pd.DataFrame(
        {"ghi_w_m2": kt * clear, "temperature_c": 15 + 8 * kt, "cloud_cover_percent": 100 * (1.05 - kt)},
        index=index,
    )


def share_of(sky: pd.DataFrame, where: Plane = JOBURG, noise: float = 0.03, seed: int = 1) -> pd.Series:
    """What a plant on that plane makes of it."""
    rng = np.random.default_rng(seed)
    clear = sun.clear_sky(pd.DatetimeIndex(sky.index), where, 60.0)
    poa = irradiance.plane_irradiance(sky, clear, where)
    lit = (clear["clear_poa"] > irradiance.DARK_W_M2).to_numpy()
    made = 0.85 * poa / 1000 * (1 + rng.normal(0, noise, len(sky)))
    return pd.Series(np.where(lit, np.clip(made, 0, 1), 0.0), index=sky.index)


def site(where: Plane = JOBURG, name: str = "s") -> Site:
    """A solar site of 100 kW."""
    return Site(name, where, 100.0)


def training(days: int, seed: int = 0, where: Plane = JOBURG) -> pd.DataFrame:
    """Features and share of a site, as a model is trained on."""
    sky = weather(days, seed, where)
    frame = features.build(sky, site(where))
    frame[TARGET] = share_of(sky, where, seed=seed + 1)
    return frame
