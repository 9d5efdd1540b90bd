"""A site's measured power by the hour, as a share of its capacity.

Training, the first hours of a forecast and the daily accuracy all take their truth from `hourly_share`.

>>> end = pd.date_range("2025-06-10T10:15Z", periods=4, freq="15min", unit="us")
>>> power = pd.DataFrame({"A": [10.0, 10.0, 10.0, 10.0], "B": [45.0, 45.0, None, None]}, index=end)
>>> grid_ = Grid(power, power.notna(), 15.0)
>>> hours = hourly_share(grid_, np.zeros(4, dtype=bool), {"A": 20.0, "B": 60.0}, of_kw=80.0)
>>> hours["share"].tolist()  # 55 of 80 kW for half an hour, then 10 of 20 kW
[0.59375]
>>> hours["measured"].tolist()  # 80 kW for half an hour, then 20 kW
[0.625]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.documents import SiteDocument
from forecasting.model.features import Site
from ona.runtime.observability import logger
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.telemetry.intervals import commonest_step
from ona.telemetry.readings import without_impossible

MEASURED_SHARE = 0.5
"""An hour of which less was measured (capacity times time, 0…1) is no truth to train on. Ours."""
COMMON_INTERVALS = (1, 5, 10, 15, 30, 60)
"""Minutes between the rows of loggers and portals; a source's own step is rounded up to one of them."""
HOUR = 60.0
"""Minutes; also the step of a source whose times do not show one."""


@dataclass(frozen=True)
class Grid:
    """A site's telemetry on a regular grid of interval ends (UTC): kW by asset, NaN where missing; whether
    a row came at all, same shape; minutes between the rows of the grid."""

    power: pd.DataFrame
    reported: pd.DataFrame
    minutes: float


def grid(frame: pd.DataFrame) -> Grid:
    """Canonical telemetry of one site on a regular grid; readings between its points count for the next.

    The interval is the commonest step, rounded up to one of `COMMON_INTERVALS`.
    """
    steps = frame.sort_values("timestamp").groupby("asset_id")["timestamp"].diff().dropna()
    usual = commonest_step(steps.dt.total_seconds().div(60.0).to_numpy(), otherwise=HOUR)
    step = next((m for m in COMMON_INTERVALS if m >= usual - 1e-6), 60)
    at = frame["timestamp"].dt.ceil(f"{step}min")
    table = frame.assign(at=at).groupby(["at", "asset_id"])["power_kw"]
    power = table.mean().unstack("asset_id")
    came = table.size().unstack("asset_id") > 0
    index = pd.date_range(power.index[0], power.index[-1], freq=f"{step}min", unit="us")
    reported = came.reindex(index)
    return Grid(power.reindex(index), reported.where(reported.notna(), False).astype(bool), float(step))


def dark(end: pd.DatetimeIndex, site: Site, minutes: float) -> NDArray[np.bool_]:
    """Intervals in which the sun gives a site nothing, shape (n,); never for wind."""
    if site.kind == "wind":
        return np.zeros(len(end), dtype=bool)
    clear = sun.clear_sky(end, site.plane, minutes)["clear_poa"]
    return np.asarray(clear.to_numpy() <= DARK_W_M2)


def hourly_share(
    grid_: Grid,
    night: NDArray[np.bool_],
    capacities: dict[str, float],
    *,
    of_kw: float,
    minutes: float = HOUR,
) -> pd.DataFrame:
    """Power by the hour (UTC, hour's end): `share` of the capacity that reported, 0…1, and `measured`, how
    much of `of_kw` times an hour was measured.

    `night`: dark intervals of the grid, shape (n,); there silence counts as zero, since many inverters
    sleep and send nothing. `capacities`: kW by asset. `of_kw`: the capacity that could have reported: an
    upload's assets, or a whole site. `share` is NaN where `measured` is below `MEASURED_SHARE`. `minutes`:
    15 for quarter hours.
    """
    names = [str(name) for name in grid_.power.columns]
    weights = np.array([capacities[name] for name in names])
    certain = (grid_.power.notna() | night[:, None]).astype(float)
    reporting_kw = (certain * weights).sum(axis=1)
    share = (grid_.power.fillna(0.0) * certain).sum(axis=1) / reporting_kw.where(reporting_kw > 0)
    hours = pd.DataFrame(
        {
            "share": by_hour(share, minutes).mean(),
            "measured": by_hour(reporting_kw / of_kw, minutes).sum() * grid_.minutes / minutes,
        }
    )
    hours.loc[hours["measured"] < MEASURED_SHARE, "share"] = np.nan
    hours["share"] = hours["share"].clip(0.0, 1.0)
    return hours


def by_hour(series: pd.Series | pd.DataFrame, minutes: float = HOUR) -> Any:
    """Values at interval ends, grouped by hour (or so many minutes) and named by its end."""
    return series.resample(f"{minutes:g}min", closed="right", label="right")


def measured_share(
    telemetry: pd.DataFrame, document: SiteDocument, site: Site, minutes: float = HOUR
) -> pd.Series | None:
    """Hourly shares of a site from canonical telemetry of its assets, hours without enough left out.
    `minutes`: 15 for quarter hours, which telemetry with longer steps does not have (None).

    A reading that came twice counts once, the last one; one that its nameplate cannot give counts as none
    (`without_impossible`): stored telemetry of before may hold some. None where nothing was measured.
    """
    telemetry, wrong = without_impossible(telemetry, document.assets)
    if wrong:
        logger.warning("impossible readings left out", site=document.site_id, readings=wrong)
    own = telemetry[telemetry["asset_id"].isin(document.assets) & telemetry["power_kw"].notna()]
    if own.empty:
        return None
    grid_ = grid(own.drop_duplicates(["asset_id", "timestamp"], keep="last"))
    if grid_.minutes > minutes:
        return None
    end = pd.DatetimeIndex(grid_.power.index)
    night = dark(end, site, grid_.minutes)
    of_kw = document.capacity_kw
    share = hourly_share(grid_, night, document.assets, of_kw=of_kw, minutes=minutes)["share"].dropna()
    share.index = pd.DatetimeIndex(share.index).as_unit("us")
    return share if len(share) else None
