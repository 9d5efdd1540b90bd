"""What is known to be out, in one rule: it is subtracted from forecasts, and no truth to learn from.

A machine is out while an open incident says that it stands or lost a fifth of its energy, and while planned
work stops it. A smaller loss is how the site is: models learn it. What stands no longer stands once newer
readings show power (`until_power`), also where the loop has not seen them.

So that nothing counts twice, everything between is at full availability. Readings of a machine that is out
are left out of what trains, of what corrects the first hours and of what measures accuracy: the others
speak for the site. The forecast of the whole site is made from that, and only then is subtracted what is
out (`forecasting_api/subtraction.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting.documents import SiteDocument
from forecasting.model.hourly import Grid
from ona.sky.plane import Plane
from ona.sky.sun import clear_sky

DERATED = 0.2
"""Share of its energy from which on a machine that still runs counts as out in part. Ours."""
RUNS = 0.02
"""Share of its capacity from which on a reading shows that a machine runs. Ours."""
NOTHING = 0.002
"""Share of its capacity up to which a reading in full daylight shows that it stands. Ours."""
ENOUGH = 2
"""Readings that show either: a single one may be a slip of the meter. Ours."""
BRIGHT_W_M2 = 200.0
"""W/m², of a clear sky on flat ground: below, a machine that runs may give nothing under clouds. Ours."""


@dataclass(frozen=True)
class Out:
    """A machine that is out, from `start` until `end` (None: nobody knows); `lost`: the share of its power,
    0…1. `reason` is for people. `seen`: until when the loop saw it stand or give less; None of planned work
    and of what is over."""

    asset_id: str
    lost: float
    start: datetime
    end: datetime | None
    reason: str
    seen: datetime | None = None


def running(telemetry: pd.DataFrame, outs: Iterable[Out]) -> pd.DataFrame:
    """Canonical telemetry without the readings of machines while they are out."""
    keep = np.ones(len(telemetry), dtype=bool)
    for out in outs:
        inside = (telemetry["asset_id"] == out.asset_id) & (
            telemetry["timestamp"] >= pd.Timestamp(out.start)
        )
        if out.end is not None:
            inside &= telemetry["timestamp"] <= pd.Timestamp(out.end)
        keep &= ~inside.to_numpy()
    return telemetry if keep.all() else telemetry[keep]


def of_running(grid: Grid, outs: Iterable[Out]) -> Grid:
    """A grid on which machines have no power while they are out: what trains is of the others."""
    power = grid.power
    for out in outs:
        if out.asset_id in power:
            inside = power.index >= pd.Timestamp(out.start)
            if out.end is not None:
                inside &= power.index <= pd.Timestamp(out.end)
            power = power.assign(**{out.asset_id: power[out.asset_id].mask(inside)})
    return Grid(power, grid.reported, grid.minutes)


def until_power(outs: Iterable[Out], telemetry: pd.DataFrame | None, site: SiteDocument) -> list[Out]:
    """The same, where a machine that the loop saw standing has given power since: it was out until then.

    `telemetry`: canonical, of all that has arrived, kW. Power that came before the loop looked last says
    nothing, and neither does power after which the machine gives nothing again in full daylight.
    """
    if telemetry is None or telemetry.empty:
        return list(outs)
    return [_until_power(out, telemetry, site) for out in outs]


def _until_power(out: Out, telemetry: pd.DataFrame, site: SiteDocument) -> Out:
    if out.seen is None or out.lost < 1.0 or not site.assets.get(out.asset_id):
        return out
    mine = (telemetry["asset_id"] == out.asset_id) & (telemetry["timestamp"] > pd.Timestamp(out.seen))
    own = telemetry.loc[mine, ["timestamp", "power_kw"]].sort_values("timestamp")
    share = own["power_kw"] / site.assets[out.asset_id]
    gives = own["timestamp"][share >= RUNS]
    if len(gives) < ENOUGH:
        return out
    idle = own["timestamp"][(share <= NOTHING) & (own["timestamp"] > gives.iloc[-1])]
    if site.kind == "solar" and len(idle) >= ENOUGH:  # a turbine may lack wind
        flat = Plane(site.latitude, site.longitude, 0.0, 0.0)
        bright = clear_sky(pd.DatetimeIndex(idle), flat, 0.0)["clear_ghi"] > BRIGHT_W_M2
        if bright.sum() >= ENOUGH:
            return out
    end = gives.iloc[0].to_pydatetime() - timedelta(seconds=1)
    return replace(out, end=min(end, out.end) if out.end else end)
