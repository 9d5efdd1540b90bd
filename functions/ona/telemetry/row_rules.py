"""The rules that every reading must pass; a reading that breaks one is left out and counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ona.documents.assets import TwoWayKw
from ona.documents.columns import LIMITS
from ona.telemetry.readings import POWER_IS_TEXT, Floats, Mask, Quality, Rows

RANGES = {"temperature_c": (-50.0, 100.0), "voltage_v": (0.0, 1500.0)}
"""What a reading can hold, in °C and V (contract: validation of telemetry)."""
SENSORS = {
    "irradiance_w_m2": (-100.0, 10_000.0),
    "wind_speed_m_s": (-1.0, 200.0),
    "wind_direction_deg": (-360.0, 720.0),
}
"""What an optional sensor can say, W/m², m/s and ° (ours; some exports count a nacelle's direction on
past north). At the ground the sun gives at most about 1 600; the strongest gust measured was 113 m/s
(World Meteorological Organization, Barrow Island 1996). A value beyond is no value; the reading stays."""
IMPLAUSIBLE_POWER = 10_000.0
"""Times the nameplate. Watts for kilowatts are 1 000 times; what is more is no power in any unit (ours)."""
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
    nameplates = [capacity_kw(name) for name in rows.names]
    two_way = np.array([isinstance(kw, TwoWayKw) for kw in nameplates], dtype=bool)
    capacity = np.array([np.nan if kw is None else kw for kw in nameplates], dtype=float)
    if np.isnan(capacity).any():
        counts = np.bincount(rows.asset, minlength=len(rows.names))
        for number in np.flatnonzero(np.isnan(capacity)):
            quality.of_stranger(rows.names[number], int(counts[number]))
        rows = _without(rows, "unknown_asset", np.isnan(capacity)[rows.asset], quality)
    rows = _with_plausible_times(rows, now, quality)
    _note_text(rows, quality)
    rows = _with_plausible_values(rows, quality)
    rows = _with_power_of_its_size(rows, capacity, quality)
    rows = _without_negative_power(rows, capacity, two_way, quality)
    for name in (*LIMITS, "power_kw"):
        missing = int(np.isnan(rows.values(name)).sum())
        quality.flag(f"{name}_null", missing)
        quality.measured(name, len(rows) - missing)
    return rows


def _without(rows: Rows, reason: str, broken: Mask, quality: Quality) -> Rows:
    quality.reject(reason, int(broken.sum()))
    return rows.where(~broken)


def _without_values(rows: Rows, reason: str, broken: Mask, quality: Quality) -> Rows:
    """Readings without those whose values break a rule; whose they were, and when, is kept."""
    quality.of_no_use(rows, reason, broken)
    return _without(rows, reason, broken, quality)


def _note_text(rows: Rows, quality: Quality) -> None:
    """Readings whose power is a text stay, without power."""
    if rows.text is not None and rows.text.any():
        quality.of_no_use(rows, POWER_IS_TEXT, rows.text)


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
        infinite = np.logical_or.reduce(np.isinf(rows.numbers))
        if infinite.any():
            rows = _without_values(rows, "not_finite", infinite, quality)
    for name, (low, high) in RANGES.items():
        if len(rows) and (_lowest(rows, name) < low or _highest(rows, name) > high):
            values = rows.values(name)
            broken = (values < low) | (values > high)
            rows = _without_values(rows, f"{name}_out_of_range", broken, quality)
    for name, (low, high) in SENSORS.items():
        if (
            name in rows.columns
            and len(rows)
            and (_lowest(rows, name) < low or _highest(rows, name) > high)
        ):
            values = rows.values(name)
            _blank(rows, name, (values < low) | (values > high), quality)
    return rows


def _blank(rows: Rows, name: str, broken: Mask, quality: Quality) -> None:
    """Take values that cannot be out of one column, in place; the readings stay."""
    quality.flag(f"{name}_out_of_range", int(broken.sum()))
    rows.values(name)[broken] = np.nan


def _with_power_of_its_size(rows: Rows, capacity: Floats, quality: Quality) -> Rows:
    """Power beyond all units is no reading; DC power beyond them is no value."""
    for name in ("dc_power_kw", "power_kw"):
        if name not in rows.columns or not len(rows):
            continue
        extreme = max(_highest(rows, name), -_lowest(rows, name))
        if extreme <= IMPLAUSIBLE_POWER * np.nanmin(capacity):
            continue  # one look is enough, as a rule
        broken = np.abs(rows.values(name)) > IMPLAUSIBLE_POWER * capacity[rows.asset]
        if not broken.any():
            continue
        if name == "dc_power_kw":
            _blank(rows, name, broken, quality)
        else:
            rows = _without_values(rows, "power_kw_out_of_range", broken, quality)
    return rows


def _without_negative_power(rows: Rows, capacity: Floats, two_way: Mask, quality: Quality) -> Rows:
    """`two_way`: assets that take power too; theirs stays as it is."""
    if not len(rows) or _lowest(rows, "power_kw") >= 0.0:
        return rows
    too_low = rows.values("power_kw") < -NIGHT_CONSUMPTION_SHARE * capacity[rows.asset]
    too_low &= ~two_way[rows.asset]
    if too_low.any():
        rows = _without_values(rows, "negative_power", too_low, quality)
    power = rows.values("power_kw")
    consuming = (power < 0.0) & ~two_way[rows.asset]
    quality.flag("night_consumption_clipped", int(consuming.sum()))
    power[consuming] = 0.0
    return rows


def _lowest(rows: Rows, column: str) -> float:
    return float(np.fmin.reduce(rows.values(column), initial=np.inf))


def _highest(rows: Rows, column: str) -> float:
    return float(np.fmax.reduce(rows.values(column), initial=-np.inf))


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
