"""Irradiance on the plane of the modules, and the clear-sky index."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.sky import sun
from ona.sky.sun import Floats, Plane

DARK_W_M2 = 1.0
"""Intervals with less clear-sky irradiance on the plane are night: no power, by the sun."""


MIN_CLEAR = 10.0


def _index(frame: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frame.index)


def clear_sky_index(ghi: Floats, clear_ghi: Floats) -> Floats:
    """Global over clear-sky global irradiance, 0…1.6; NaN while the clear sky gives under 10 W/m²."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(clear_ghi > MIN_CLEAR, ghi / clear_ghi, np.nan)
    return np.asarray(np.clip(ratio, 0.0, 1.6))


def plane_irradiance(weather: pd.DataFrame, sky: pd.DataFrame, plane: Plane) -> Floats:
    """Plane-of-array irradiance of a weather frame, W/m²: its own beam and diffuse, else Erbs' split."""
    ghi = weather["ghi_w_m2"].clip(lower=0.0).to_numpy()
    if {"dni_w_m2", "dhi_w_m2"} <= set(weather):
        dni, dhi = weather["dni_w_m2"].to_numpy(), weather["dhi_w_m2"].to_numpy()
    else:
        days = np.asarray(_index(weather).day_of_year)
        dni, dhi = sun.split(ghi, sky["cos_zenith"].to_numpy(), days)
    poa = sun.on_plane(dni, dhi, ghi, sky["aoi"].to_numpy(), plane.tilt)
    return np.asarray(np.clip(poa, 0.0, 1400.0))
