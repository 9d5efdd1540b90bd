"""Irradiance on the plane of the modules, and the clear-sky index.

>>> clear_sky_index(np.array([400.0, 5.0]), np.array([800.0, 5.0])).tolist()
[0.5, nan]
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.sky import sun
from ona.sky.plane import Plane
from ona.sky.sun import Floats

DARK_W_M2 = 1.0
"""Intervals with less clear-sky irradiance on the plane are night: no power, by the sun. Ours; inverters
need some 5 W/m² to start."""
MIN_CLEAR = 10.0
"""W/m² of clear-sky global irradiance below which the clear-sky index is noise. Ours."""
MAX_INDEX = 1.6
"""A clear-sky index above this is an error of measurement: clouds' edges reach 1.3 to 1.5."""
MAX_POA = 1400.0
"""W/m²; plane-of-array irradiance above it is an error of measurement: the sun gives 1 361 in space."""


def clear_sky_index(ghi: Floats, clear_ghi: Floats) -> Floats:
    """Global over clear-sky global irradiance, 0…1.6; NaN while the clear sky gives under 10 W/m²."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(clear_ghi > MIN_CLEAR, ghi / clear_ghi, np.nan)
    return np.asarray(np.clip(ratio, 0.0, MAX_INDEX))


def plane_irradiance(weather: pd.DataFrame, sky: pd.DataFrame, plane: Plane) -> Floats:
    """Plane-of-array irradiance of a weather frame, W/m², shape (n,).

    `sky`: what `sun.clear_sky` says of the same intervals. The frame's own beam and diffuse irradiance are
    taken where it has both, else Erbs' split of the global one.
    """
    ghi = weather["ghi_w_m2"].clip(lower=0.0).to_numpy()
    if {"dni_w_m2", "dhi_w_m2"} <= set(weather):
        dni, dhi = weather["dni_w_m2"].to_numpy(), weather["dhi_w_m2"].to_numpy()
    else:
        days = np.asarray(pd.DatetimeIndex(weather.index).day_of_year)
        dni, dhi = sun.split(ghi, sky["cos_zenith"].to_numpy(), days)
    poa = sun.on_plane(dni, dhi, ghi, sky["aoi"].to_numpy(), plane.tilt)
    return np.asarray(np.clip(poa, 0.0, MAX_POA))
