"""Training tables of a site as shares of one capacity (`model/capacity.py` says why)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from forecasting.model import capacity
from forecasting.model.booster import TARGET
from ona.runtime.observability import logger

CAPACITY = "capacity_kw"
"""The column of a table that has the capacity (kW) of its machines; tables of before have none."""
BRIGHT_W_M2 = 300.0
"""Clear-sky irradiance on the plane above which a share tells the plant's level. Ours."""
LEVEL = 0.9
"""The quantile of shares that is a plant's level: what it gives in good hours. Ours."""


def of_newest(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Tables of one site, the oldest upload first, all as shares of the newest one's capacity."""
    known = [_capacity(table) for table in tables]
    now = next((kw for kw in reversed(known) if kw), 0.0)
    current = [table for table, kw in zip(tables, known, strict=True) if kw and capacity.same(kw, now)]
    there = _level(current)
    out = []
    for table, kw in zip(tables, known, strict=True):
        factor = kw / now if kw and now and not capacity.same(kw, now) else 1.0
        if factor != 1.0 and capacity.was_wrong(factor, before=_level([table]), now=there):
            logger.warning("the capacity of an upload was corrected", capacity_kw=kw, newest_kw=now)
            table = table.assign(**{TARGET: (table[TARGET] * factor).clip(upper=1.0)})
        out.append(table)
    return out


def _capacity(table: pd.DataFrame) -> float:
    """The capacity that a table's shares are of, kW; 0 where it does not say."""
    kw = table[CAPACITY].max() if CAPACITY in table and len(table) else 0.0
    return float(kw) if pd.notna(kw) and kw > 0 else 0.0


def _level(tables: Sequence[pd.DataFrame]) -> float:
    """What the plant gives in good hours, as a share of its capacity; 0 where no hour tells."""
    if not tables:
        return 0.0
    hours = pd.concat(tables, ignore_index=True)
    share = hours[TARGET].astype(float)
    if "clear_poa_w_m2" in hours and (clear := hours["clear_poa_w_m2"].astype(float)).gt(0).any():
        share = (share * 1000.0 / clear)[clear > BRIGHT_W_M2]
    level = share[share > 0].quantile(LEVEL)
    return float(level) if pd.notna(level) else 0.0
