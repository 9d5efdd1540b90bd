"""What the newest days alone say of a site, and what the experts would have missed on them.

The service asks `persisted` of the hours to come; a training asks `replayed` what its experts would have
missed on its newest unseen days, so that their weights are known before a day is measured.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.model import experts, physics
from forecasting.model.booster import TARGET
from forecasting.model.experts import Heard
from ona.sky.sun import Floats

BRIGHT = 0.1
"""Clear-sky irradiance on the plane, kW/m², below which an hour says nothing of the clear-sky index."""
REPLAYED_DAYS = 30
"""Newest days that are replayed: older ones weigh below an eighth."""
ISSUED = pd.Timedelta(hours=6)
"""So long before its day a day-ahead forecast is issued."""
KNOWN = pd.Timedelta(days=2)
"""Telemetry that a forecast looks at."""


def persisted(hours: pd.DatetimeIndex, measured: pd.Series, clear: pd.Series) -> Floats:
    """The clear-sky index of the same hour of the day before, or of two days before, times the clear sky:
    shares of capacity, shape (n,); NaN where neither was measured.

    `measured`: hourly shares of the past, known ones; `clear`: what the clear sky gives on the plane,
    kW/m², at `hours` and in the past (1 for wind). Where it gave nearly nothing, power itself persists.
    """
    now = clear.reindex(hours).to_numpy(dtype=float)
    out = np.full(len(hours), np.nan)
    for days in (1, 2):
        then = hours - pd.Timedelta(days=days)
        power, sky = (each.reindex(then).to_numpy(dtype=float) for each in (measured, clear))
        bright = sky > BRIGHT
        index = np.divide(power, sky, out=np.zeros(len(power)), where=bright)
        carried = np.clip(np.where(bright, index * now, power), 0.0, 1.0)
        out = np.where(np.isnan(out), carried, out)
    return out


def replayed(
    unseen: pd.DataFrame, said: Mapping[str, Floats], by_name: Mapping[str, float], frame: pd.DataFrame
) -> Heard | None:
    """What the experts of a site would have missed on its newest unseen days; None without one.

    Each day knows what had been measured when its forecast was issued. `unseen`: hours out of sample with
    `timestamp` and `share`, in order; `said`: medians of trees and physics, shape (n,); `by_name`: weights
    of before; `frame`: features and share of the site by hour.
    """
    hours = pd.DatetimeIndex(unseen["timestamp"])
    actual = unseen[TARGET].to_numpy(dtype=float)
    day = (hours - pd.Timedelta(hours=1)).floor("D")
    clear = (
        (frame["clear_poa"] / 1000.0).where(frame["daylight"], 0.0)
        if "clear_poa" in frame
        else pd.Series(1.0, index=frame.index)
    )
    found = []
    for start in sorted(set(day))[-REPLAYED_DAYS:]:
        rows = np.flatnonzero(day == start)
        issued = start - ISSUED
        past = frame[(frame.index > issued - KNOWN) & (frame.index <= issued)]
        ahead = frame.reindex(hours[rows])
        own = physics.fit(past) if len(past) else physics.default("solar" if "poa" in frame else "wind")
        alone = {
            experts.RECENT: physics.share(ahead, own),
            experts.PERSISTED: persisted(hours[rows], past[TARGET].dropna(), clear),
        }
        of_day = {**{name: values[rows] for name, values in said.items()}, **alone}
        found.append(experts.heard(start.date(), actual[rows], of_day, by_name))
    names = (*said, experts.RECENT, experts.PERSISTED)
    return experts.pooled([one for one in found if one is not None], names)
