"""Simple forecasts of the same hours, written here; each knows what was known when the day was forecast.

Persistence takes the power of the same hour a day before, as the issue does, also where the last of it came
after the forecast was issued: that makes the peers a little stronger than they could be.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import sun
from benchmarks.forecasting.strangers.sun import Floats

DAY = pd.Timedelta(days=1)
BACK_DAYS = 7
"""Where a day before was not measured, the day before it counts, up to so many."""
CLIMATE_DAYS = 30
SEASON_DAYS = 15
"""Days either side of the same day of the year before."""
TURBIDITY = 3.0
LOSSES = 0.14
HEAT_K_PER_W_M2 = 0.0275
GAMMA = -0.0038


class Known(Protocol):
    """What a peer may know of a site."""

    latitude: float
    longitude: float
    share: pd.Series
    is_wind: bool

    def document(self, customer_id: str) -> dict[str, object]: ...  # noqa: D102


def every(
    site: Known, hours: pd.DatetimeIndex, weather: pd.DataFrame, history_days: int, until: pd.Timestamp
) -> pd.DataFrame:
    """All peers at some hours (hour's end, UTC), shares of capacity.

    `weather`: the forecast that was issued for those hours; `until`: the end of the history, of which the
    customer has `history_days`.
    """
    known = site.share[site.share.index > until - history_days * DAY]
    clear = clear_plane(site, hours)
    out = {"persistence": _before(known, hours)}
    if site.is_wind:
        out["clear_persistence"] = out["persistence"]
    else:
        envelope = pd.Series(clear_plane(site, known.index), known.index)
        index = (known / envelope.where(envelope > 0.03)).clip(upper=1.6)
        carried = _before(index, hours) * clear
        out["clear_persistence"] = np.where(clear > 0.03, carried, np.nan_to_num(out["persistence"]))
        out["clear_persistence"] = np.clip(out["clear_persistence"], 0.0, 1.0)
    out["climatology"] = climatology(known, hours, CLIMATE_DAYS, 0)
    if history_days >= 365:
        last_year = climatology(known, hours, SEASON_DAYS, 365)
        out["last_year"] = np.where(np.isnan(last_year), out["climatology"], last_year)
    if len(weather):
        out["own_physics"] = physics(site, hours, weather)
    return pd.DataFrame(out, index=hours)


def _before(series: pd.Series, hours: pd.DatetimeIndex) -> Floats:
    """The newest value of the same hour, one to seven days before."""
    out = np.full(len(hours), np.nan)
    for back in range(1, BACK_DAYS + 1):
        values = series.reindex(hours - back * DAY).to_numpy(dtype=float)
        out = np.where(np.isnan(out), values, out)
    return out


def climatology(series: pd.Series, hours: pd.DatetimeIndex, days: int, back: int) -> Floats:
    """The mean of the same hour of the day over the days before; `back`: around so many days before."""
    first = -days if back else 2
    total, count = np.zeros(len(hours)), np.zeros(len(hours))
    for offset in range(first, days + (1 if back else 2)):
        values = series.reindex(hours - (back + offset) * DAY).to_numpy(dtype=float)
        total, count = total + np.nan_to_num(values), count + ~np.isnan(values)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _stated(site: Known) -> tuple[float, float]:
    """Tilt and azimuth as stated (radians); else towards the equator at three quarters of the latitude."""
    said = site.document("peer")
    tilt, azimuth = said["tilt"], said["azimuth"]
    if tilt is None or azimuth is None:
        tilt, azimuth = 0.75 * abs(site.latitude), 180.0 if site.latitude >= 0 else 0.0
    return float(np.radians(float(tilt))), float(np.radians(float(azimuth)))  # type: ignore[arg-type]


def _sun(site: Known, hours: pd.DatetimeIndex) -> tuple[Floats, Floats, Floats, Floats]:
    """Middles of the hours' quarters, shape (4 n,); elevation, azimuth, incidence's cosine at them."""
    tilt, azimuth = _stated(site)
    ends = hours.as_unit("s").asi8.astype(float)
    seconds = (ends[:, None] - np.array([3150.0, 2250.0, 1350.0, 450.0])).ravel()
    up, compass = sun.position(seconds, site.latitude, site.longitude)
    high = np.maximum(up, 0.0)
    cosine = np.sin(high) * np.cos(tilt) + np.cos(high) * np.sin(tilt) * np.cos(compass - azimuth)
    return seconds, up, compass, np.where(up > 0, np.maximum(cosine, 0.0), 0.0)


def clear_plane(site: Known, hours: pd.DatetimeIndex) -> Floats:
    """Clear-sky irradiance on the stated plane, kW/m² and hence about a share of capacity, by the hour."""
    seconds, up, _, cosine = _sun(site, hours)
    beam, diffuse, ghi = sun.clear_sky(seconds, up, np.full(len(up), TURBIDITY), 200.0)
    tilt, _ = _stated(site)
    plane = beam * cosine + diffuse * (1 + np.cos(tilt)) / 2 + 0.2 * ghi * (1 - np.cos(tilt)) / 2
    return np.asarray(plane.reshape(-1, 4).mean(axis=1) / 1000.0)


def daylight(site: Known, hours: pd.DatetimeIndex) -> Floats:
    """Whether the sun is up in the middle of the hour, shape (n,); always for wind."""
    if site.is_wind:
        return np.ones(len(hours), dtype=bool)
    ends = hours.as_unit("s").asi8.astype(float)
    return np.asarray(sun.position(ends - 1800.0, site.latitude, site.longitude)[0] > 0.0)


def physics(site: Known, hours: pd.DatetimeIndex, weather: pd.DataFrame) -> Floats:
    """Power from the weather forecast and the site's document, without any measurement.

    Solar: the forecast's own beam and diffuse on the stated plane, PVWatts-like losses of 14 %. Wind: the
    power curve of many turbines together (a logistic one).
    """
    sky = weather.reindex(hours)
    if site.is_wind:
        speed = sky["wind_speed_hub_m_s"].to_numpy(dtype=float)
        return np.asarray(np.where(speed < 3.0, 0.0, 0.93 / (1.0 + np.exp(-(speed - 8.5) / 1.4))))
    seconds, up, _, cosine = _sun(site, hours)
    tilt, _ = _stated(site)
    high = np.sin(np.maximum(up, 0.0))
    # the hour's beam falls on the quarters in which the sun is up
    ghi = np.repeat(sky["ghi_w_m2"].to_numpy(dtype=float), 4)
    dhi = np.minimum(ghi, sun.split(ghi, up, seconds)[1])
    if "dhi_w_m2" in sky:
        dhi = np.repeat(sky["dhi_w_m2"].to_numpy(dtype=float), 4)
    share = high.reshape(-1, 4) / np.maximum(high.reshape(-1, 4).mean(axis=1, keepdims=True), 1e-6)
    share = share.ravel()
    beam = np.minimum(np.maximum(ghi - dhi, 0.0) * share / np.maximum(high, 0.05), 1000.0)
    plane = beam * cosine + share * (dhi * (1 + np.cos(tilt)) / 2 + 0.2 * ghi * (1 - np.cos(tilt)) / 2)
    light = plane.reshape(-1, 4).mean(axis=1)
    cell = sky["temperature_c"].to_numpy(dtype=float) + HEAT_K_PER_W_M2 * light
    power = light / 1000.0 * (1 + GAMMA * (cell - 25.0)) * (1.0 - LOSSES)
    return np.clip(np.nan_to_num(power), 0.0, 1.0)
