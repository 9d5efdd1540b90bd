"""From filled series to what is published: the hourly training table, enriched telemetry, the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.documents import GapRecord, SiteDocument
from forecasting.interpolation_service import fill
from forecasting.model.features import Site
from ona.sky import sun
from ona.sky.irradiance import clear_sky_index
from ona.sky.sun import Plane

MEASURED_SHARE = 0.5
"""An hour of which less was measured is no truth to train on."""
MAX_GAPS_LISTED = 500
COMMON_INTERVALS = (1, 5, 10, 15, 30, 60)


@dataclass(frozen=True)
class Grid:
    """A site's telemetry on a regular grid: kW by asset, whether a row came, minutes between rows."""

    power: pd.DataFrame
    reported: pd.DataFrame
    minutes: float


def grid(frame: pd.DataFrame) -> Grid:
    """Canonical telemetry (one site) on a regular grid of interval ends; readings between its points count
    for the next one. The interval is the most common step, rounded up to a usual one."""
    steps = frame.sort_values("timestamp").groupby("asset_id")["timestamp"].diff().dropna()
    minutes = steps.dt.total_seconds().div(60.0)
    usual = float(minutes[minutes > 0].mode().iloc[0]) if (minutes > 0).any() else 60.0
    step = next((m for m in COMMON_INTERVALS if m >= usual - 1e-6), 60)
    at = frame["timestamp"].dt.ceil(f"{step}min")
    table = frame.assign(at=at).groupby(["at", "asset_id"])["power_kw"]
    power = table.mean().unstack("asset_id")
    came = table.size().unstack("asset_id") > 0
    index = pd.date_range(power.index[0], power.index[-1], freq=f"{step}min", unit="us")
    reported = came.reindex(index)
    return Grid(power.reindex(index), reported.where(reported.notna(), False).astype(bool), float(step))


def site_of(document: SiteDocument) -> Site:
    """A site's document as the features take it; an unknown plane faces the equator at 20° tilt."""
    tilt = document.tilt if document.tilt is not None else 20.0
    azimuth = (
        document.azimuth if document.azimuth is not None else (0.0 if document.latitude < 0 else 180.0)
    )
    plane = Plane(document.latitude, document.longitude, tilt, azimuth)
    return Site(document.site_id, plane, document.capacity_kw, document.kind)


def enriched(grid_: Grid, result: fill.Result, weather: pd.DataFrame | None, site: Site) -> pd.DataFrame:
    """All values with how they came about, and the sun and the weather beside them; long form."""
    end = pd.DatetimeIndex(grid_.power.index)
    sky = sun.clear_sky(end, site.plane, grid_.minutes)
    parts = []
    for asset_id, filled in result.assets.items():
        part = pd.DataFrame(
            {
                "timestamp": end,
                "asset_id": asset_id,
                "power_kw": filled.power_kw,
                "half_width_kw": filled.half_width_kw,
                "method": filled.method.astype(str),
                "clear_poa_w_m2": sky["clear_poa"].to_numpy(),
                "sun_elevation_deg": sky["elevation"].to_numpy(),
            }
        )
        if weather is not None:
            for name in weather:
                part[name] = weather[name].to_numpy()
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def hourly(
    grid_: Grid, result: fill.Result, capacities: dict[str, float], weather: pd.DataFrame | None, site: Site
) -> pd.DataFrame:
    """The site by the hour (UTC, hour's end): `share` of the capacity that reported, NaN where less than
    half was measured; `filled_share` with the gaps filled; sun and weather. Empty without whole hours."""
    names = list(result.assets)
    total = sum(capacities[name] for name in names)
    end = pd.DatetimeIndex(grid_.power.index)
    measured = pd.DataFrame(
        {name: result.assets[name].method == "measured" for name in names}, index=end
    ).astype(float)
    # at night there is nothing to measure: silence counts as measured zero
    night = pd.DataFrame({name: result.assets[name].method == "night" for name in names}, index=end)
    certain = (measured.astype(bool) | night).astype(float)
    weights = np.array([capacities[name] for name in names])
    power = pd.DataFrame({name: result.assets[name].power_kw for name in names}, index=end)
    known_capacity = (certain * weights).sum(axis=1)
    share = (power.fillna(0.0) * certain).sum(axis=1) / known_capacity.where(known_capacity > 0)
    out = pd.DataFrame(
        {
            "share": share.resample("1h", closed="right", label="right").mean(),
            "filled_share": (power.sum(axis=1, min_count=1) / total)
            .resample("1h", closed="right", label="right")
            .mean(),
            "measured": (known_capacity / total).resample("1h", closed="right", label="right").sum()
            * grid_.minutes
            / 60.0,
        }
    )
    out.loc[out["measured"] < MEASURED_SHARE, "share"] = np.nan
    out["share"] = out["share"].clip(0.0, 1.0)
    index = pd.DatetimeIndex(out.index)
    sky = sun.clear_sky(index, site.plane, 60.0)
    out["clear_poa_w_m2"] = sky["clear_poa"]
    out["sun_elevation_deg"] = sky["elevation"]
    if weather is not None:
        out = out.join(weather)
        if "ghi_w_m2" in out:
            out["clear_sky_index"] = clear_sky_index(
                out["ghi_w_m2"].to_numpy(), sky["clear_ghi"].to_numpy()
            )
    return out.rename_axis("timestamp").reset_index()


def gap_records(result: fill.Result) -> tuple[list[GapRecord], int]:
    """Gaps by day, the longest first, and how many are not listed; nights are not told."""
    told = [(gap, method) for gap, method in result.gaps if gap.cause != "night"]
    told.sort(key=lambda item: -item[0].hours)
    records = []
    for gap, method in told[:MAX_GAPS_LISTED]:
        width = result.assets[gap.asset_id].half_width_kw[gap.first : gap.last + 1]
        lit = width[width > 0]
        records.append(
            GapRecord(
                asset_id=gap.asset_id,
                start=gap.start,
                end=gap.end,
                hours=gap.hours,
                length=gap.length,
                cause=gap.cause,
                shared=round(gap.shared, 3),
                method=method,
                half_width_kw=round(float(lit.mean()), 3) if len(lit) else 0.0,
            )
        )
    return records, max(0, len(told) - MAX_GAPS_LISTED)


def days_with_power(frame: pd.DataFrame) -> int:
    """Days (UTC) on which power was measured."""
    return int(frame.loc[frame["power_kw"].notna(), "timestamp"].dt.floor("D").nunique())
