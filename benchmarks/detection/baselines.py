"""What others would do with the same readings: flags by reading, nothing tuned.

`z-score` and `isolation forest` take the user's parameters as they stand in `detection.yaml`: three
standard deviations of power over a rolling window of at least ten readings; contamination 0.1, seed 42, on
temperature, voltage and power. `peer median` and `expected power` flag what lies more than the tolerance
(10 %, 1 kW) below the neighbours' median by nameplate, or below PVWatts on the measured irradiance with the
asset's own median gain; the hour is their shortest event, as it is ours.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.documents.assets import Asset
from ooda.detect.peers import sun_driver

NAMES = (
    "z-score, as configured",
    "isolation forest, as configured",
    "peer median alone",
    "expected power alone",
)
HOUR = 4


def _flags(own: pd.DataFrame, beside: pd.DataFrame, asset: Asset) -> dict[str, np.ndarray]:
    from sklearn.ensemble import IsolationForest

    power = own["power_kw"].to_numpy(dtype=float)
    series = pd.Series(power)
    rolling = series.rolling(10, min_periods=10)
    with np.errstate(all="ignore"):
        z = np.abs((series - rolling.mean()) / rolling.std().replace(0, np.nan)).to_numpy() > 3.0
    columns = own[["temperature_c", "voltage_v", "power_kw"]].fillna(0.0).to_numpy()
    forest = IsolationForest(contamination=0.1, random_state=42).fit(columns).predict(columns) < 0
    out = {NAMES[0]: z, NAMES[1]: forest}
    nothing = np.zeros(len(own), dtype=bool)

    def low(expected: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            mask = (expected >= 0.1 * asset.capacity_kw) & (
                expected - power > np.maximum(0.1 * expected, 1.0)
            )
        run = pd.Series(mask).groupby((~pd.Series(mask)).cumsum()).transform("sum").to_numpy()
        return mask & (run >= HOUR)

    if beside.empty:
        out[NAMES[2]] = nothing
    else:
        median = beside.groupby("timestamp")["power_kw"].median().reindex(own["timestamp"]).to_numpy()
        out[NAMES[2]] = low(median)
    if "irradiance_w_m2" not in own or asset.is_wind:
        out[NAMES[3]] = nothing
    else:
        x = sun_driver(
            own["irradiance_w_m2"].to_numpy(dtype=float), own["temperature_c"].to_numpy(dtype=float)
        )
        with np.errstate(all="ignore"):
            gain = np.nanmedian(np.where(x > 0.2, power / (asset.capacity_kw * x), np.nan))
        out[NAMES[3]] = low(np.minimum(asset.capacity_kw * gain * x, asset.capacity_kw))
    return out


def found_kwh(
    own: pd.DataFrame, beside: pd.DataFrame, asset: Asset, lost: np.ndarray, times: pd.Series
) -> dict[str, float]:
    """Lost energy under each baseline's flags; `lost` (kWh) is on the clock of `times`."""
    by_time = (
        pd.Series(lost, index=pd.DatetimeIndex(times)).reindex(own["timestamp"]).fillna(0.0).to_numpy()
    )
    return {name: float(by_time[flags].sum()) for name, flags in _flags(own, beside, asset).items()}


def flagged_days(own: pd.DataFrame, beside: pd.DataFrame, asset: Asset) -> dict[str, int]:
    """Sound days with an hour or more of flags."""
    day = own["timestamp"].dt.floor("D")
    return {
        name: int((pd.Series(flags, index=own.index).groupby(day).sum() >= HOUR).sum())
        for name, flags in _flags(own, beside, asset).items()
    }
