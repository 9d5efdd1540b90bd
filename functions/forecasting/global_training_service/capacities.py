"""Shares of a capacity that was corrected, and of a plant that grew.

A training table has power as a share of the capacity that its machines had when it was uploaded. When
`assets.json` says another one later, either the entry was wrong: then the kW of before are right; or the
plant has grown: then the shares of before are. The measured level tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import pandas as pd

from forecasting.model.booster import TARGET
from ona.runtime.observability import logger

CAPACITY = "capacity_kw"
"""The column of a table that has the capacity (kW) of its machines; tables of before have none."""
SAME = 0.1
"""So far apart, as a logarithm, two capacities are one: levels of two seasons cannot tell them. Ours."""
BRIGHT_W_M2 = 300.0
"""Clear-sky irradiance on the plane above which a share tells the plant's level. Ours."""
LEVEL = 0.9
"""The quantile of shares that is a plant's level: what it gives in good hours. Ours."""


def of_newest(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Tables of one site, the oldest upload first, all as shares of the newest one's capacity."""
    known = [_capacity(table) for table in tables]
    now = next((kw for kw in reversed(known) if kw), 0.0)
    current = [table for table, kw in zip(tables, known, strict=True) if kw and _same(kw, now)]
    there = _level(current)
    out = []
    for table, kw in zip(tables, known, strict=True):
        factor = kw / now if kw and now and not _same(kw, now) else 1.0
        if factor != 1.0 and _was_wrong(factor, _level([table]), there):
            logger.warning("the capacity of an upload was corrected", capacity_kw=kw, newest_kw=now)
            table = table.assign(**{TARGET: (table[TARGET] * factor).clip(upper=1.0)})
        out.append(table)
    return out


def _capacity(table: pd.DataFrame) -> float:
    """The capacity that a table's shares are of, kW; 0 where it does not say."""
    kw = table[CAPACITY].max() if CAPACITY in table and len(table) else 0.0
    return float(kw) if pd.notna(kw) and kw > 0 else 0.0


def _same(one: float, other: float) -> bool:
    return abs(log(one / other)) < SAME


def _was_wrong(factor: float, before: float, now: float) -> bool:
    """Whether shares times `factor` are nearer to the level of now than shares as they are; without a level
    on either side kW count, which were measured."""
    if not before > 0 or not now > 0:
        return True
    return abs(log(before * factor / now)) < abs(log(before / now))


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
