"""Modules that follow the sun from east to west about an axis that lies north to south.

`features.build` takes one plane. Where a site's power says that its modules turn, its physics takes the
irradiance of a tracker instead.

>>> morning = {"elevation": [30.0], "sun_azimuth": [90.0], "cos_zenith": [0.5], "ghi_w_m2": [400.0]}
>>> table = pd.DataFrame(morning, index=pd.DatetimeIndex(["2025-06-01T06:00Z"]))
>>> int(irradiance(table)[0] > 500)
1
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.sky import sun
from ona.sky.irradiance import MAX_POA
from ona.sky.sun import Floats

TURNS_DEG = 55.0
"""How far a horizontal single-axis tracker turns from flat, as most do (50° to 60°)."""


def irradiance(table: pd.DataFrame) -> Floats:
    """Irradiance on a tracker's modules, W/m², shape (n,), of a feature table; NaN where it is unknown.

    The modules look at the sun, up to `TURNS_DEG` (Lorenzo, Narvarte, Muñoz, Progress in Photovoltaics 19,
    2011, without the shade of the next row).
    """
    up = np.radians(table["elevation"].to_numpy(dtype=float))
    towards = np.radians(table["sun_azimuth"].to_numpy(dtype=float))
    east, high = np.cos(up) * np.sin(towards), np.maximum(np.sin(up), 0.0)
    most = np.radians(TURNS_DEG)
    turned = np.clip(np.arctan2(east, np.maximum(high, 1e-6)), -most, most)
    ghi = table["ghi_w_m2"].clip(lower=0.0).to_numpy(dtype=float)
    if {"dni_w_m2", "dhi_w_m2"} <= set(table):
        dni, dhi = (table[name].to_numpy(dtype=float) for name in ("dni_w_m2", "dhi_w_m2"))
    else:
        days = np.asarray(pd.DatetimeIndex(table.index).day_of_year)
        dni, dhi = sun.split(ghi, table["cos_zenith"].to_numpy(dtype=float), days)
    incidence = np.where(high > 0, np.maximum(high * np.cos(turned) + east * np.sin(turned), 0.0), 0.0)
    poa = sun.on_plane(dni, dhi, ghi, incidence, np.degrees(np.abs(turned)))
    return np.asarray(np.clip(poa, 0.0, MAX_POA))
