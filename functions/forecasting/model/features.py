"""What a model sees of an hour: the sun, a clear sky, the weather, and its neighbours in time.

A weather frame has one row an interval, indexed by the interval's end (UTC), with these columns; those
that a provider does not have are absent, and `ghi_w_m2` (solar) or `wind_speed_m_s` (wind) must be there:

===================== ====== ===================== =====
ghi_w_m2              W/m²   temperature_c         °C
dni_w_m2, dhi_w_m2    W/m²   humidity_percent      %
cloud_cover_percent   %      precipitation_mm      mm
cloud_low_percent     %      cloud_mid_percent     %
cloud_high_percent    %
wind_speed_m_s        m/s    wind_direction_deg    °
wind_speed_hub_m_s   m/s    pressure_hpa          hPa
cloud_water_kg_m2     kg/m²  cloud_ice_kg_m2       kg/m²
longwave_w_m2         W/m²   toa_net_w_m2          W/m²
===================== ====== ===================== =====
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.documents import Fitted, SiteDocument
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2, clear_sky_index, plane_irradiance
from ona.sky.plane import Plane, described_or_assumed
from ona.sky.sun import Floats
from ona.sky.weather_document import VARIABLES

SKY = ("ghi_w_m2", "cloud_cover_percent", "humidity_percent", "cloud_water_kg_m2", "cloud_ice_kg_m2")
"""Weather whose neighbouring hours a solar model sees."""
WIND = ("wind_speed_m_s", "wind_speed_hub_m_s")
"""Weather whose neighbouring hours a wind model sees."""
NEIGHBOUR_HOURS = (-2, -1, 1, 2)
"""Hours before and after that a model sees: a front that comes early or late is in one of them."""
GAMMA = -0.004
"""Power of a crystalline module by cell temperature, 1/K (Dobos, PVWatts Version 5, NREL/TP-6A20-62641)."""
CELL_WARMTH = 0.03
"""How much warmer than the air a cell is, K per W/m² (Ross 1976, for free-standing modules)."""
GAS_CONSTANT = 287.05
"""Specific gas constant of dry air, J/(kg K)."""


@dataclass(frozen=True)
class Site:
    """A place that produces: plane for solar, `wind` for turbines. Power is a share of capacity (kW)."""

    site_id: str
    plane: Plane
    capacity_kw: float
    kind: Literal["solar", "wind"] = "solar"


def site_of(document: SiteDocument, fitted: Fitted | None = None) -> Site:
    """A site's document as the features take it.

    The plane is the one that `assets.json` describes, else the one that training fitted, else the one that
    stands in for an unknown roof.
    """
    tilt, azimuth = document.tilt, document.azimuth
    if (tilt is None or azimuth is None) and fitted is not None:
        tilt, azimuth = fitted.tilt, fitted.azimuth
    plane = described_or_assumed(document.latitude, document.longitude, tilt=tilt, azimuth=azimuth)
    return Site(document.site_id, plane, document.capacity_kw, document.kind)


def build(weather: pd.DataFrame, site: Site, minutes: float = 60.0) -> pd.DataFrame:
    """Features of each interval of a weather frame, shape (n, p), same index; NaN where unknown.

    `minutes`: the frame's interval. Column `daylight` (bool) is no feature: outside it a solar site gives
    nothing.
    """
    frame = weather[[name for name in VARIABLES if name in weather]].astype(float)
    return _solar(frame, site, minutes) if site.kind == "solar" else _wind(frame, minutes)


def _solar(weather: pd.DataFrame, site: Site, minutes: float) -> pd.DataFrame:
    end = pd.DatetimeIndex(weather.index)
    sky = sun.clear_sky(end, site.plane, minutes)
    out = pd.concat([sky, weather], axis=1)
    ghi = weather["ghi_w_m2"].clip(lower=0.0)
    out["clear_sky_index"] = clear_sky_index(ghi.to_numpy(), sky["clear_ghi"].to_numpy())
    out["poa"] = plane_irradiance(weather, sky, site.plane)
    if "temperature_c" in weather:
        out["dc"] = dc_share(out["poa"].to_numpy(), weather["temperature_c"].to_numpy())
    out["day_of_year"] = end.day_of_year.to_numpy()
    steps = max(1, round(60.0 / minutes))
    moving = ["clear_sky_index", "poa", *(name for name in SKY if name in weather)]
    parts: list[pd.DataFrame | pd.Series] = [out]
    for name in moving:
        for hours in NEIGHBOUR_HOURS:
            parts.append(out[name].shift(-hours * steps).rename(f"{name}{hours:+d}h"))
    daylight = (sky["clear_poa"] > DARK_W_M2).to_numpy()
    joined = pd.concat(parts, axis=1)
    joined["daylight"] = daylight
    return joined


def dc_share(poa: Floats, temperature_c: Floats) -> Floats:
    """DC power over its rating, from irradiance on the modules (W/m²) and air temperature, shape (n,)."""
    cell = temperature_c + poa * CELL_WARMTH
    return np.asarray(poa / 1000.0 * (1.0 + GAMMA * (cell - 25.0)))


def _wind(weather: pd.DataFrame, minutes: float) -> pd.DataFrame:
    end = pd.DatetimeIndex(weather.index)
    out = weather.copy()
    out["hour"] = end.hour.to_numpy()
    out["day_of_year"] = end.day_of_year.to_numpy()
    if "wind_direction_deg" in weather:
        out["wind_east"] = np.sin(np.radians(weather["wind_direction_deg"]))
        out["wind_north"] = np.cos(np.radians(weather["wind_direction_deg"]))
    if {"temperature_c", "pressure_hpa"} <= set(weather):
        out["air_density"] = (
            weather["pressure_hpa"] * 100.0 / (GAS_CONSTANT * (weather["temperature_c"] + 273.15))
        )
    steps = max(1, round(60.0 / minutes))
    for name in [name for name in WIND if name in weather]:
        out[f"{name}_cubed"] = weather[name] ** 3
        for hours in (-3, *NEIGHBOUR_HOURS, 3):
            out[f"{name}{hours:+d}h"] = weather[name].shift(-hours * steps)
        out[f"{name}_12h"] = weather[name].rolling(12 * steps, center=True, min_periods=1).mean()
    out["daylight"] = True
    return out
