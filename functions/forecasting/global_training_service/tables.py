"""Hourly training tables as they are read back: whatever lies there is looked at before it trains.

`TRAINING_HOURLY` objects are our own, and stay for years: one that is cut off, overwritten or from
elsewhere is named with what is wrong with it, and trains nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting.model.booster import TARGET
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidPayload
from ona.runtime.words import counted
from ona.sky.weather_document import VARIABLES
from ona.store import parquet

AHEAD = timedelta(days=1)
"""How far a measured hour may lie after the training began: clocks and zones differ (ours)."""
ROUNDING = 1e-6
"""How far a share may lie outside 0…1: floats are rounded."""
LARGEST = 1e5
"""No weather variable has such a value in its unit (`VARIABLES`; pressure has 1e3 hPa). Ours."""


def read(bucket: str, key: str, now: datetime) -> pd.DataFrame:
    """One training table: `timestamp` (whole hours, UTC), `share` (0…1 or NaN), the weather where there is.

    `now`: when the training began. Raises InvalidPayload, which names the object and what is wrong with
    it; ObjectMissing, DependencyBusy.
    """
    table = parquet.read(S3Pointer(bucket=bucket, key=key), ["timestamp", TARGET])
    return checked(table, f"s3://{bucket}/{key}", now)


def checked(table: pd.DataFrame, where: str, now: datetime) -> pd.DataFrame:
    """A training table, if it is one; `where` names its object. Raises InvalidPayload as `read`."""
    numbers = [name for name in VARIABLES if name in table]
    parquet.check_columns(table, ["timestamp", TARGET, *numbers], where)
    for problem in (_no_hours, _wrong_hours(now), _wrong_shares, _wrong_weather(numbers)):
        if said := problem(table):
            raise InvalidPayload(f"{where} {said}")
    return table


def _no_hours(table: pd.DataFrame) -> str:
    if table.empty:
        return "has no rows"
    return "" if table[TARGET].notna().any() else "has no hour with measured power"


def _wrong_hours(now: datetime) -> Callable[[pd.DataFrame], str]:
    def wrong(table: pd.DataFrame) -> str:
        when = table["timestamp"]
        if when.isna().any():
            return f"has no time in {counted(int(when.isna().sum()), 'row')}"
        if (when != when.dt.floor("h")).any():
            return "has times that are no whole hours"
        late = int((when > pd.Timestamp(now + AHEAD)).sum())
        early = int((when.dt.year < 1970).sum())
        if late or early:
            return f"has {counted(late + early, 'hour')} before 1970 or after the day of this training"
        return ""

    return wrong


def _wrong_shares(table: pd.DataFrame) -> str:
    share = table[TARGET].astype(float)
    wrong = int(((share < -ROUNDING) | (share > 1.0 + ROUNDING)).sum())
    return f"has {counted(wrong, 'share')} of the capacity outside 0…1" if wrong else ""


def _wrong_weather(numbers: list[str]) -> Callable[[pd.DataFrame], str]:
    def wrong(table: pd.DataFrame) -> str:
        beyond = [name for name in numbers if (np.abs(table[name].astype(float)) > LARGEST).any()]
        return f"has weather that cannot be in column {', '.join(beyond)}" if beyond else ""

    return wrong
