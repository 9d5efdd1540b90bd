"""Gaps in measured power: where they are, how long, who shares them, and what that says of their cause.

>>> runs(np.array([False, True, True, False, True]))
[(1, 2), (4, 4)]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Length = Literal["short", "medium", "long"]
Cause = Literal["night", "value_missing", "logger", "communication"]

SHORT_HOURS = 1.0
"""A gap up to this length is short: the shape of the hours around it fills it well. Ours."""
LONG_HOURS = 24.0
"""A longer gap is long: no hour beside it is of the same day. Ours."""
TOGETHER = 0.8
"""When this share of a site's assets is silent at once, it is the site's line, not their loggers. Ours."""
MOSTLY = 0.5
"""Share of a gap's rows that must have come, without power, for it to count as missing values. Ours."""


@dataclass(frozen=True)
class Gap:
    """A run of missing power of one asset: grid positions `first` … `last`, both included."""

    asset_id: str
    first: int
    last: int
    start: datetime
    end: datetime
    hours: float
    length: Length
    shared: float
    cause: Cause


def find(
    power: pd.DataFrame, reported: pd.DataFrame, daylight: NDArray[np.bool_], minutes: float
) -> list[Gap]:
    """All gaps of a site, by asset and time.

    `power`: kW on a regular grid (UTC), one column an asset, NaN where missing; `reported`: whether a row
    came at all, same shape; `daylight`: shape (n,). `shared` is the share of the site's assets that are
    silent meanwhile. A gap in the dark is the night's: many inverters sleep and send nothing.
    """
    missing = power.isna().to_numpy()
    silent = missing.mean(axis=1)
    gaps = []
    for column, asset_id in enumerate(power.columns):
        for first, last in runs(missing[:, column]):
            hours = (last - first + 1) * minutes / 60.0
            shared = float(silent[first : last + 1].mean())
            rows = reported.iloc[first : last + 1, column].to_numpy(dtype=bool)
            gaps.append(
                Gap(
                    asset_id=str(asset_id),
                    first=first,
                    last=last,
                    start=power.index[first].to_pydatetime(),
                    end=power.index[last].to_pydatetime(),
                    hours=hours,
                    length="short" if hours <= SHORT_HOURS else "long" if hours > LONG_HOURS else "medium",
                    shared=shared,
                    cause=_cause(bool(daylight[first : last + 1].any()), rows, shared, power.shape[1]),
                )
            )
    return gaps


def _cause(lit: bool, rows: NDArray[np.bool_], shared: float, assets: int) -> Cause:
    if not lit:
        return "night"
    if rows.mean() > MOSTLY:
        return "value_missing"
    return "communication" if assets > 1 and shared >= TOGETHER else "logger"


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True as (first, last) positions, both included."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]
