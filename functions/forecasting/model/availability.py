"""What is known to be out, in one rule: it is subtracted from forecasts, and no truth to learn from.

A machine is out while an open incident says that it stands or lost a fifth of its energy, and while planned
work stops it. A smaller loss is how the site is: models learn it.

So that nothing counts twice, everything between is at full availability. Readings of a machine that is out
are left out of what trains, of what corrects the first hours and of what measures accuracy: the others
speak for the site. The forecast of the whole site is made from that, and only then is subtracted what is
out (`forecasting_api/subtraction.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.model.hourly import Grid

DERATED = 0.2
"""Share of its energy from which on a machine that still runs counts as out in part. Ours."""


@dataclass(frozen=True)
class Out:
    """A machine that is out, from `start` until `end` (None: nobody knows); `lost`: the share of its power,
    0…1. `reason` is for people."""

    asset_id: str
    lost: float
    start: datetime
    end: datetime | None
    reason: str


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
