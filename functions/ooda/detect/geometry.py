"""Whether an irradiance sensor lies flat while the modules are tilted, and how they are tilted then.

`irradiance_w_m2` may be measured in the plane of the modules, or horizontally (a satellite always is).
Against a flat sensor a tilted asset's gain wanders with the season and the hour. Which it is shows in
the asset's own history: tilt and azimuth that explain its power from the irradiance as a horizontal one
are fitted, and taken when they leave clearly less unexplained than the irradiance as it is.
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
"""Days of readings that a fit needs."""
FIRST_DAYS, EVERY_DAYS = 21, 7
"""Days. The geometry is fitted once an asset has so many days, and again every so many until it is
found."""
BETTER, GOOD = 0.75, 0.03
"""Shares of the power's variance. The transposed irradiance must leave less than 0.75 of what the plain one
leaves unexplained; a plain one that leaves less than 0.03 is in the plane."""
CLIPPED = 0.97
"""Of the highest share. Readings above it may be at the inverter's limit."""
LIT_W_M2 = 50.0
"""W/m². In less light the fit is not judged."""


def is_due(history: AssetHistory) -> bool:
    """Whether an asset's geometry is to be fitted now: not found yet, enough days, measured irradiance."""
    count = len(history.days)
    if history.geometry is not None or count < FIRST_DAYS or count % EVERY_DAYS:
        return False
    newest = list(history.days.values())[-3:]
    return any("sun" in item.levels for by_file in newest for item in by_file.values())


def fit(history: pd.DataFrame, asset: Asset) -> Geometry | None:
    """The sensor's geometry from a canonical history of one asset, None where the readings do not show it.

    Needs a location, irradiance, and `MIN_DAYS` days of readings.
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
    usable = (irradiance > LIT_W_M2) & (share.to_numpy() < CLIPPED * float(share.max()))
    if usable.sum() < planes.MIN_HOURS:
        return None
    power, x = share.to_numpy()[usable], irradiance[usable]
    gain = float(x @ power) / max(float(x @ x), 1e-9)
    plain = float(((power - gain * x) ** 2).mean()) / max(float(power.var()), 1e-9)
    weather = pd.DataFrame({"ghi_w_m2": irradiance}, index=pd.DatetimeIndex(hourly.index))
    plane, explained = planes.fit(weather, share, asset.location.latitude, asset.location.longitude)
    horizontal = bool(plain > GOOD and explained > 0.0 and 1.0 - explained < BETTER * plain)
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
    """Irradiance in the plane of the modules, W/m², shape (n,), from a horizontal one (Erbs' split)."""
    if asset.location is None:
        return irradiance
    plane = Plane(asset.location.latitude, asset.location.longitude, geometry.tilt, geometry.azimuth)
    index = pd.DatetimeIndex(times)
    sky = sun.clear_sky(index, plane, minutes)
    weather = pd.DataFrame({"ghi_w_m2": irradiance}, index=index)
    return np.where(np.isfinite(irradiance), plane_irradiance(weather.fillna(0.0), sky, plane), np.nan)
