"""From a filled site to tables: all values at the telemetry's interval, and the hourly training table."""

from __future__ import annotations

import pandas as pd

from forecasting.interpolation_service.fill import Result
from forecasting.model.features import Site
from forecasting.model.hourly import HOUR, Grid, by_hour, dark, hourly_share
from ona.sky import sun
from ona.sky.irradiance import clear_sky_index


def enriched(grid: Grid, result: Result, weather: pd.DataFrame | None, site: Site) -> pd.DataFrame:
    """All values with how they came about, and the sun and the weather beside them; long form.

    Columns: `timestamp` (UTC, interval's end), `asset_id`, `power_kw`, `half_width_kw` (80 %), `method`,
    `clear_poa_w_m2`, `sun_elevation_deg`, and those of the weather frame (same grid), where there is one.
    """
    end = pd.DatetimeIndex(grid.power.index)
    sky = sun.clear_sky(end, site.plane, grid.minutes)
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
    grid: Grid, result: Result, capacities: dict[str, float], weather: pd.DataFrame | None, site: Site
) -> pd.DataFrame:
    """The upload by the hour (UTC, hour's end): `share` as measured (`hourly_share`; NaN where less than
    half was), `filled_share` with the gaps filled, `measured`, `capacity_kw` that shares are of, sun, and
    the hourly weather frame."""
    names = list(result.assets)
    total = sum(capacities[name] for name in names)
    end = pd.DatetimeIndex(grid.power.index)
    filled = pd.DataFrame({name: result.assets[name].power_kw for name in names}, index=end)
    hours = hourly_share(grid, dark(end, site, grid.minutes), capacities, of_kw=total)
    hours.insert(1, "filled_share", by_hour(filled.sum(axis=1, min_count=1) / total).mean())
    hours["capacity_kw"] = total
    index = pd.DatetimeIndex(hours.index)
    sky = sun.clear_sky(index, site.plane, HOUR)
    hours["clear_poa_w_m2"] = sky["clear_poa"]
    hours["sun_elevation_deg"] = sky["elevation"]
    if weather is not None:
        hours = hours.join(weather)
        if "ghi_w_m2" in hours:
            hours["clear_sky_index"] = clear_sky_index(
                hours["ghi_w_m2"].to_numpy(), sky["clear_ghi"].to_numpy()
            )
    return hours.rename_axis("timestamp").reset_index()
