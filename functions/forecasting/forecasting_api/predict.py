"""One site's forecast: the model where there is one and weather where there is some, else what is left.

Pure: pandas is imported here and nowhere on the way to a stored forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.documents import SiteDocument
from forecasting.model import calibration, features, nowcast
from forecasting.model.booster import at_levels
from forecasting.model.calibration import Calibration
from forecasting.model.features import Site
from forecasting.model.nowcast import Persistence
from forecasting.model.registry import InService
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats, Plane

Bounds = dict[int, tuple[Floats, Floats]]

PHYSICAL_GAIN = 0.85
"""What a sound plant makes of its DC rating after wiring, inverter and mismatch (PVWatts' 14 % losses)."""
PHYSICAL_SPREAD = {80: (0.45, 1.25), 95: (0.15, 1.50)}
UNKNOWN_SKY = (0.08, 0.25, 0.65, 0.95, 1.05)
UNKNOWN_WIND = (0.0, 0.02, 0.25, 0.70, 0.95)
"""Quantiles 2.5, 10, 50, 90, 97.5 % where nothing at all is known: of the clear sky, of capacity."""
USUAL_DAYS = 14
MIN_USUAL_HOURS = 24


@dataclass(frozen=True)
class Prediction:
    """Hours to come (UTC, interval's end) with shares of capacity, and what was missing."""

    hours: pd.DatetimeIndex
    median: Floats
    bounds: Bounds
    weather: pd.DataFrame
    site: Site
    degraded: list[str]
    nowcast_at: datetime | None


def site_of(document: SiteDocument, model: InService | None) -> Site:
    """The site with the best plane known: written down, fitted at training, or facing the equator."""
    tilt, azimuth = document.tilt, document.azimuth
    if (tilt is None or azimuth is None) and model is not None and model.own_site is not None:
        tilt, azimuth = model.own_site.tilt, model.own_site.azimuth
    if tilt is None or azimuth is None:
        tilt = min(abs(document.latitude), 30.0)
        azimuth = 0.0 if document.latitude < 0 else 180.0
    plane = Plane(document.latitude, document.longitude, tilt, azimuth)
    return Site(document.site_id, plane, document.capacity_kw, document.kind)


def predict(
    document: SiteDocument,
    model: InService | None,
    weather: pd.DataFrame | None,
    measured: pd.Series | None,
    now: datetime,
    hours: int,
    nowcast_hours: int,
    live: Calibration | None = None,
) -> Prediction:
    """Forecast the `hours` that begin with the next full hour.

    `weather`: hourly weather frame that should reach from two days ago to the horizon's end; `measured`:
    hourly shares of recent days, or None; `live`: factors that measured days moved since the training.
    What is missing is named in `degraded`, never an error.
    """
    site = site_of(document, model)
    first = pd.Timestamp(now).ceil("h")
    index = pd.date_range(first + pd.Timedelta(hours=1), periods=hours, freq="h", unit="us")
    driver = "ghi_w_m2" if site.kind == "solar" else "wind_speed_m_s"
    known = weather is not None and driver in weather and weather[driver].reindex(index).notna().any()
    if weather is None or not known:
        median, bounds = usual(site, index, measured)
        return Prediction(index, median, bounds, pd.DataFrame(index=index), site, ["no_weather"], None)
    begin = first - pd.Timedelta(hours=max(nowcast_hours, 3) + 2)
    span = pd.date_range(begin, index[-1], freq="h", unit="us")
    frame = weather.reindex(span)
    table = features.build(frame, site)
    degraded = []
    if frame[driver].reindex(index).isna().any():
        degraded.append("weather_ends_early")
    if model is None:
        median, bounds = physical(site, table, index)
        return Prediction(index, median, bounds, frame.reindex(index), site, [*degraded, "no_model"], None)
    # of a shared model no site is this one, whatever its name
    known_as = site.site_id if model.own_site is not None else ""
    quantiles = model.model.predict(table, known_as)
    levels = model.model.levels
    envelope = _envelope(table, site)
    corrected, at = _nowcast(
        model, quantiles, table.index, envelope, measured, pd.Timestamp(now), nowcast_hours
    )
    future = np.asarray(table.index.isin(index))
    median, bounds = calibration.intervals(
        corrected[future], levels, calibration.combined(model.calibration, live or {})
    )
    if degraded:  # hours beyond the weather: what usually comes
        missing = frame[driver].reindex(index).isna().to_numpy()
        other, other_bounds = usual(site, index, measured)
        median = np.where(missing, other, median)
        bounds = {
            level: (
                np.where(missing, other_bounds[level][0], low),
                np.where(missing, other_bounds[level][1], high),
            )
            for level, (low, high) in bounds.items()
        }
    return Prediction(index, median, bounds, frame.reindex(index), site, degraded, at)


def _envelope(table: pd.DataFrame, site: Site) -> Floats:
    """What the sky could give, share of capacity: zero at night, one for wind."""
    if site.kind == "wind":
        return np.ones(len(table))
    lit = table["daylight"].to_numpy(dtype=bool)
    clear = table["clear_poa"].to_numpy() / 1000.0
    return np.asarray(np.where(lit, np.maximum(clear, nowcast.ENVELOPE_FLOOR), 0.0))


def _nowcast(
    model: InService,
    quantiles: Floats,
    index: pd.Index,
    envelope: Floats,
    measured: pd.Series | None,
    now: pd.Timestamp,
    hours: int,
) -> tuple[Floats, datetime | None]:
    lives = Persistence(model.card.nowcast_weight, model.card.nowcast_tau_hours)
    if measured is None or lives.weight <= 0 or hours == 0:
        return quantiles, None
    lit = envelope > 0
    when = pd.DatetimeIndex(index)
    levels = model.model.levels
    half = at_levels(quantiles, levels, np.array([0.5]))[:, 0]
    found = nowcast.latest_error(
        measured,
        pd.Series(half[lit], index=when[lit]),
        pd.Series(envelope[lit], index=when[lit]),
        now,
        hours,
    )
    if found is None:
        return quantiles, None
    error, newest = found
    ahead = (when - newest).total_seconds().to_numpy() / 3600.0
    after = ahead > 0
    out = quantiles.copy()
    out[after] = nowcast.correct(quantiles[after], levels, envelope[after], ahead[after], error, lives)
    return out, newest.to_pydatetime()


def physical(site: Site, table: pd.DataFrame, index: pd.DatetimeIndex) -> tuple[Floats, Bounds]:
    """Without a model: PVWatts' DC share times its usual losses, or a cubic wind curve; wide intervals."""
    rows = table.reindex(index)
    if site.kind == "solar":
        driver = rows["dc"] if "dc" in rows else rows["poa"] / 1000.0
        median = np.clip(PHYSICAL_GAIN * np.nan_to_num(driver.to_numpy()), 0.0, 1.0)
        median = np.where(rows["daylight"].to_numpy(dtype=bool), median, 0.0)
    else:
        speed = np.nan_to_num(rows.get("wind_speed_hub_m_s", rows["wind_speed_m_s"] * 1.35).to_numpy())
        median = np.where(
            (speed < 3.0) | (speed > 25.0), 0.0, np.clip(((speed - 2.0) / 10.0), 0.0, 1.0) ** 3
        )
    bounds = {
        level: (np.clip(low * median, 0.0, 1.0), np.clip(high * median + (0.03 if level == 80 else 0.06)
                * (median > 0), 0.0, 1.0))
        for level, (low, high) in PHYSICAL_SPREAD.items()
    }  # fmt: skip
    return median, bounds


def usual(site: Site, index: pd.DatetimeIndex, measured: pd.Series | None) -> tuple[Floats, Bounds]:
    """Without weather: what recent days gave, relative to the clear sky; without those, what skies give."""
    if site.kind == "solar":
        sky = sun.clear_sky(index, site.plane, 60.0)
        lit = (sky["clear_poa"] > DARK_W_M2).to_numpy()
        envelope = np.where(lit, sky["clear_poa"].to_numpy() / 1000.0, 0.0)
        table = np.array(UNKNOWN_SKY)
    else:
        envelope, table = np.ones(len(index)), np.array(UNKNOWN_WIND)
    if measured is not None:
        recent = measured.dropna()
        recent = recent[recent.index > index[0] - pd.Timedelta(days=USUAL_DAYS)]
        if site.kind == "solar" and len(recent):
            past = sun.clear_sky(pd.DatetimeIndex(recent.index), site.plane, 60.0)["clear_poa"] / 1000.0
            bright = past > 0.1
            recent = recent[bright.to_numpy()] / past[bright].to_numpy()
        if len(recent) >= MIN_USUAL_HOURS:
            table = np.quantile(recent.to_numpy(), [0.025, 0.1, 0.5, 0.9, 0.975])
    low95, low80, median, high80, high95 = (np.clip(value * envelope, 0.0, 1.0) for value in table)
    return median, {80: (low80, high80), 95: (low95, high95)}


def quarter_hours(prediction: Prediction) -> Prediction:
    """The same forecast every 15 minutes: each hour's mean is kept, the sun gives its shape.

    Intervals remain those of the hourly mean. Weather is that of the hour.
    """
    first = prediction.hours[0] - pd.Timedelta(minutes=45)
    index = pd.date_range(first, periods=4 * len(prediction.hours), freq="15min", unit="us")
    hour = np.arange(len(index)) // 4
    shape = np.ones(len(index))
    if prediction.site.kind == "solar":
        clear = sun.clear_sky(index, prediction.site.plane, 15.0)["clear_poa"].to_numpy()
        mean = np.maximum(np.bincount(hour, clear) / 4, 1e-9)
        shape = clear / mean[hour]

    def spread(values: Floats) -> Floats:
        return np.asarray(np.clip(values[hour] * shape, 0.0, 1.0))

    weather = prediction.weather.iloc[hour].set_index(index)
    bounds = {level: (spread(low), spread(high)) for level, (low, high) in prediction.bounds.items()}
    return Prediction(
        index, spread(prediction.median), bounds, weather, prediction.site, prediction.degraded,
        prediction.nowcast_at,
    )  # fmt: skip


def hourly_share(telemetry: pd.DataFrame, document: SiteDocument) -> pd.Series | None:
    """Measured telemetry of a site (canonical, several assets) as hourly shares of the capacity that
    reported; an asset's reading counts once. Hours of which less than half reported are left out."""
    known = telemetry[telemetry["asset_id"].isin(document.assets) & telemetry["power_kw"].notna()]
    if known.empty:
        return None
    known = known.drop_duplicates(["asset_id", "timestamp"], keep="last")
    hour = known["timestamp"].dt.ceil("h")
    by_asset = known.groupby([hour, known["asset_id"]])["power_kw"].mean().unstack("asset_id")
    capacity = pd.Series(document.assets).reindex(by_asset.columns)
    reporting = by_asset.notna().mul(capacity, axis=1).sum(axis=1)
    share = by_asset.sum(axis=1, min_count=1) / reporting.where(reporting >= 0.5 * document.capacity_kw)
    share.index = pd.DatetimeIndex(share.index).as_unit("us")
    result: pd.Series = share.clip(0.0, 1.0).dropna()
    return result if len(result) else None
