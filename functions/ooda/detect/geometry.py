"""Whether an irradiance sensor lies flat while the modules are tilted; if so, their tilt and azimuth.

`irradiance_w_m2` may be measured in the plane of array, or horizontally. Satellite data are always
horizontal. With a horizontal sensor, the gain of a tilted asset changes with the season and the hour,
though nothing is wrong.

The asset's own readings show which of the two it is. First power is explained by the irradiance as it is.
Then a tilt and an azimuth are fitted, as if the irradiance were horizontal. The sensor is taken for
horizontal when the second explanation leaves clearly less variance of the power unexplained.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.documents.assets import Asset
from ona.sky import plane_fit as planes
from ona.sky import sun
from ona.sky.irradiance import plane_irradiance
from ona.sky.plane import Plane
from ooda.detect.sky import Floats
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import Geometry

MIN_DAYS = 14
"""Days with readings that a fit needs. Chosen in this project."""
FIRST_DAYS, EVERY_DAYS = 21, 7
"""Days in the asset history. The geometry is fitted first at 21 days, then every 7 days until a fit gives
a geometry. Chosen in this project."""
MOST_ERROR_RATIO = 0.75
"""Ratio (1) of two unexplained variances of power: with transposed irradiance, over with the irradiance as
it is. The sensor is taken for horizontal only where the ratio is below 0.75. Chosen in this project."""
IN_PLANE_ERROR_SHARE = 0.03
"""Share of the power's variance (0…1). Where the irradiance as it is leaves at most 0.03 unexplained, the
sensor is taken to lie in the plane of array. Chosen in this project."""
NEAR_HIGHEST_SHARE = 0.97
"""Share of the asset's own highest hourly power (0…1), not of its capacity: an inverter's limit may be
below the nameplate. Hours at or above it may be clipped and are left out of the fit. Chosen in this
project."""
LIT_W_M2 = 50.0
"""W/m². Hours with no more irradiance than this are left out of the fit. Chosen in this project."""


def is_due(history: AssetHistory) -> bool:
    """Whether an asset's geometry is to be fitted now.

    It is, when the history has no geometry yet, has enough days (`FIRST_DAYS`, `EVERY_DAYS`), and one of
    its last three days was compared with measured irradiance.
    """
    count = len(history.days)
    if history.geometry is not None or count < FIRST_DAYS or count % EVERY_DAYS:
        return False
    newest = list(history.days.values())[-3:]
    return any("sun" in item.levels for by_file in newest for item in by_file.values())


def fit(history: pd.DataFrame, asset: Asset) -> Geometry | None:
    """The sensor's geometry (angles in degrees), from one asset's readings in our own columns.

    None for a turbine, without a location or irradiance, with fewer than `MIN_DAYS` days, or with too few
    usable hours. A tilt or azimuth from the asset registry wins over the fitted one.
    """
    if asset.location is None or asset.is_wind or "irradiance_w_m2" not in history or history.empty:
        return None
    measured = history[history["irradiance_w_m2"].notna() & history["power_kw"].notna()]
    if measured["timestamp"].dt.floor("D").nunique() < MIN_DAYS:
        return None
    hourly = (
        measured.set_index("timestamp")[["irradiance_w_m2", "power_kw"]]
        .resample("1h", label="right")
        .mean()
    )
    hourly = hourly.dropna()
    irradiance = hourly["irradiance_w_m2"].to_numpy(dtype=float)
    share = hourly["power_kw"] / asset.capacity_kw
    usable = (irradiance > LIT_W_M2) & (share.to_numpy() < NEAR_HIGHEST_SHARE * float(share.max()))
    if usable.sum() < planes.MIN_HOURS:
        return None
    power, x = share.to_numpy()[usable], irradiance[usable]
    gain = float(x @ power) / max(float(x @ x), 1e-9)
    plain = float(((power - gain * x) ** 2).mean()) / max(float(power.var()), 1e-9)
    weather = pd.DataFrame({"ghi_w_m2": irradiance}, index=pd.DatetimeIndex(hourly.index))
    plane, explained = planes.fit(weather, share, asset.location.latitude, asset.location.longitude)
    horizontal = bool(
        plain > IN_PLANE_ERROR_SHARE and explained > 0.0 and 1.0 - explained < MOST_ERROR_RATIO * plain
    )
    tilt = asset.tilt if asset.tilt is not None else plane.tilt
    azimuth = asset.azimuth if asset.azimuth is not None else plane.azimuth
    return Geometry(
        horizontal=horizontal,
        tilt=round(tilt, 1),
        azimuth=round(azimuth, 1),
        explained=round(explained if horizontal else 1.0 - plain, 4),
    )


def in_plane(
    irradiance: Floats, times: pd.Series, asset: Asset, geometry: Geometry, minutes: float
) -> Floats:
    """Irradiance in the plane of array, W/m², shape (n,), from horizontal irradiance, W/m², (n,).

    Erbs' model splits it into direct and diffuse light. `minutes`: the interval between readings. Without
    a location the irradiance is returned unchanged.
    """
    if asset.location is None:
        return irradiance
    plane = Plane(asset.location.latitude, asset.location.longitude, geometry.tilt, geometry.azimuth)
    index = pd.DatetimeIndex(times)
    sky = sun.clear_sky(index, plane, minutes)
    weather = pd.DataFrame({"ghi_w_m2": irradiance}, index=index)
    return np.where(np.isfinite(irradiance), plane_irradiance(weather.fillna(0.0), sky, plane), np.nan)
