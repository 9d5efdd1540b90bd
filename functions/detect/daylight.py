"""Which readings are in daylight: by the sun where the location is known, else by the clock."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.assets import Asset
from ona.config import Filtering

MIN_ELEVATION_DEG = 5.0
"""Below this the array is mostly in its own and the terrain's shadow."""


def daylight(timestamps: pd.Series, asset: Asset, rules: Filtering) -> NDArray[np.bool_]:
    """True where an asset's output can be judged, shape (n,). A wind turbine has no night."""
    if asset.is_wind or not rules.exclude_night_hours:
        return np.ones(len(timestamps), dtype=bool)
    if asset.location is not None:
        from pvlib.solarposition import ephemeris

        sun = ephemeris(pd.DatetimeIndex(timestamps), asset.location.latitude, asset.location.longitude)
        return np.asarray(sun["elevation"].to_numpy() > MIN_ELEVATION_DEG)
    clock = timestamps.dt.time.to_numpy()
    start, end = rules.night_hours_start, rules.night_hours_end
    if start > end:
        return np.asarray([not (moment >= start or moment < end) for moment in clock], dtype=bool)
    return np.asarray([not start <= moment < end for moment in clock], dtype=bool)


def in_maintenance(timestamps: pd.Series, asset: Asset, rules: Filtering) -> NDArray[np.bool_]:
    """True where planned work on the asset excuses what it does, shape (n,)."""
    planned = np.zeros(len(timestamps), dtype=bool)
    if rules.exclude_maintenance_windows:
        for window in rules.maintenance_windows:
            if window.asset_id == asset.id:
                planned |= timestamps.between(window.start, window.end).to_numpy()
    return planned
