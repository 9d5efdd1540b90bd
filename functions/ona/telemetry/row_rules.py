"""The rules that every reading must pass; a reading that breaks one is left out and counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ona.telemetry.readings import Floats, Mask, Quality, Rows

RANGES = {"temperature_c": (-50.0, 100.0), "voltage_v": (0.0, 1500.0)}
"""What a reading can hold, in °C and V (contract: validation of telemetry)."""
NIGHT_CONSUMPTION_SHARE = 0.02
"""Negative power down to this share of capacity is the inverter's own consumption (contract, ours)."""
CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far a logger's clock may be ahead of ours (ours)."""
EARLIEST = pd.Timestamp("2000-01-01", tz="UTC")
"""Readings before this day come from a clock that lost its battery (ours)."""

Capacities = Callable[[str], float | None]
"""An asset's nameplate in kW by its id; None when the asset is not registered."""


def screen(rows: Rows, quality: Quality, *, now: datetime, capacity_kw: Capacities) -> Rows:
    """The readings that pass all rules. `quality` counts the others, each by the first rule that it breaks.

    Negative power of a sleeping inverter is set to zero, in place. Missing values are counted, and stay.
    """
    capacity = np.array([np.nan if kw is None else kw for kw in map(capacity_kw, rows.names)], dtype=float)
    if np.isnan(capacity).any():
        rows = _without(rows, "unknown_asset", np.isnan(capacity)[rows.asset], quality)
    rows = _with_plausible_times(rows, now, quality)
    rows = _with_plausible_values(rows, quality)
    rows = _without_negative_power(rows, capacity, quality)
    for name in ("temperature_c", "voltage_v", "power_kw"):
        quality.flag(f"{name}_null", int(np.isnan(rows.values(name)).sum()))
    return rows


def _without(rows: Rows, reason: str, broken: Mask, quality: Quality) -> Rows:
    quality.reject(reason, int(broken.sum()))
    return rows.where(~broken)


def _with_plausible_times(rows: Rows, now: datetime, quality: Quality) -> Rows:
    latest, earliest = _microseconds(now + CLOCK_TOLERANCE), _microseconds(EARLIEST)
    if rows.time.max(initial=latest) > latest:
        rows = _without(rows, "timestamp_in_the_future", rows.time > latest, quality)
    if rows.time.min(initial=earliest) < earliest:
        rows = _without(rows, "timestamp_implausible", rows.time < earliest, quality)
    return rows


def _with_plausible_values(rows: Rows, quality: Quality) -> Rows:
    # One look at the extremes is cheaper than a mask, and nearly always enough.
    extremes = [end for name in rows.columns for end in (_lowest(rows, name), _highest(rows, name))]
    if len(rows) and not np.isfinite(extremes).all():  # or a column has no value at all
        rows = _without(rows, "not_finite", np.logical_or.reduce(np.isinf(rows.numbers)), quality)
    for name, (low, high) in RANGES.items():
        if len(rows) and (_lowest(rows, name) < low or _highest(rows, name) > high):
            values = rows.values(name)
            rows = _without(rows, f"{name}_out_of_range", (values < low) | (values > high), quality)
    return rows


def _without_negative_power(rows: Rows, capacity: Floats, quality: Quality) -> Rows:
    if not len(rows) or _lowest(rows, "power_kw") >= 0.0:
        return rows
    too_low = rows.values("power_kw") < -NIGHT_CONSUMPTION_SHARE * capacity[rows.asset]
    rows = _without(rows, "negative_power", too_low, quality)
    power = rows.values("power_kw")
    consuming = power < 0.0
    quality.flag("night_consumption_clipped", int(consuming.sum()))
    power[consuming] = 0.0
    return rows


def _lowest(rows: Rows, column: str) -> float:
    return float(np.fmin.reduce(rows.values(column), initial=np.inf))


def _highest(rows: Rows, column: str) -> float:
    return float(np.fmax.reduce(rows.values(column), initial=-np.inf))


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
