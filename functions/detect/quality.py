"""Data quality of one asset: completeness, accuracy, stuck values, wrong units.

A problem of the data is told as such; no loss is booked for it.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.config import DetectionConfig
from ona.records import QualityIssue
from ona.telemetry import interval_minutes

EFFICIENCY = (0.80, 1.02)
"""AC over DC power of an inverter at work; outside it one of the two has a wrong unit or sensor."""
MIN_POWER_SHARE = 0.10
PLAUSIBLE_CAPACITY_SHARE = 0.80
FULL_SUN_W_M2 = 800.0


def expected_readings(timestamps: pd.Series, span: tuple[pd.Timestamp, pd.Timestamp]) -> int:
    """How many readings the file's span holds at the asset's usual interval."""
    step = interval_minutes(timestamps)
    return round((span[1] - span[0]).total_seconds() / 60.0 / step) + 1


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open index ranges of the runs of True in a mask."""
    padded = np.concatenate(([False], mask, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


_OTHER_CHANNELS = ("voltage_v", "temperature_c", "dc_power_kw")


def stale(own: pd.DataFrame, capacity_kw: float, config: DetectionConfig) -> NDArray[np.bool_]:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Zero (night, a stop) does not count. Where other channels are measured they decide: if one of them
    moves, the logger is alive and the plateau is honest. Where none is, a plateau at the day's maximum is
    taken for the inverter's or the grid's limit.
    """
    minutes = interval_minutes(own["timestamp"])
    need = max(4, math.ceil(config.algorithms.duration.stale_minutes / minutes))
    power = own["power_kw"].to_numpy(dtype=float)
    same = np.concatenate(([False], np.diff(power) == 0.0)) & (power > 0.005 * capacity_kw)
    frozen = np.zeros(len(own), dtype=bool)
    for start, end in runs(same):
        if end - start + 1 < need:
            continue
        block = own.iloc[start - 1 : end]
        others = [
            block[column].dropna()
            for column in _OTHER_CHANNELS
            if column in block and block[column].notna().sum() > 1
        ]
        stuck = all(series.nunique() == 1 for series in others)
        at_limit = power[start] >= np.nanmax(power)
        if stuck and (others or not at_limit):
            frozen[start - 1 : end] = True
    return frozen


def _times_too_large(own: pd.DataFrame, power: NDArray[np.float64], capacity_kw: float) -> float | None:
    """How many times power exceeds the possible, when it is five times or more; else None.

    Compared with irradiance over 1000 W/m² where it is measured, else with the nameplate.
    """
    if not np.isfinite(power).any() or np.nanquantile(power, 0.99) <= 5.0 * capacity_kw:
        return None
    if "irradiance_w_m2" in own:
        sun = own["irradiance_w_m2"].to_numpy(dtype=float) / 1000.0
        ratio = power[sun > 0.1] / (capacity_kw * sun[sun > 0.1])
        ratio = ratio[np.isfinite(ratio) & (ratio > 5.0)]
        if ratio.size:
            return float(np.median(ratio))
    return float(np.nanquantile(power, 0.99) / capacity_kw)


def unit_issue(own: pd.DataFrame, capacity_kw: float) -> tuple[QualityIssue | None, bool]:
    """A wrong unit, and whether it makes the asset's AC power useless for judgement.

    DC power is checked against AC power (an inverter's efficiency lies between 0.80 and 1.02), AC
    power against the nameplate.
    """
    power = own["power_kw"].to_numpy(dtype=float)
    working = power > MIN_POWER_SHARE * capacity_kw
    factor = _times_too_large(own, power, capacity_kw)
    if factor is not None:
        return QualityIssue(
            kind="unit_error",
            statement=f"power_kw is {factor:.0f} times what a nameplate of {capacity_kw:g} kW can give: "
            f"probably {10.0 ** round(math.log10(factor)):g} times too large "
            "(watts instead of kilowatts?)",
            readings=int(working.sum()),
        ), True
    if "irradiance_w_m2" in own and np.isfinite(power).any() and np.nanmax(power) > 0:
        bright = (own["irradiance_w_m2"] > FULL_SUN_W_M2).to_numpy()
        if int(bright.sum()) >= 4 and np.nanquantile(power[bright], 0.9) < 0.005 * capacity_kw:
            top = float(np.nanquantile(power[bright], 0.9))
            if top > 0:
                return QualityIssue(
                    kind="unit_error",
                    statement=f"power_kw stays at {top:.3g} in full sun, nameplate {capacity_kw:g} kW: "
                    "probably given in megawatts",
                    readings=int(bright.sum()),
                ), True
    if "dc_power_kw" in own and int(working.sum()) >= 4:
        ratio = own["dc_power_kw"].to_numpy(dtype=float)[working] / power[working]
        ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
        if ratio.size >= 4:
            middle = float(np.median(ratio))
            if not EFFICIENCY[0] <= 1.0 / middle <= EFFICIENCY[1]:
                power_of_ten = 10.0 ** round(math.log10(middle))
                fits = EFFICIENCY[0] <= power_of_ten / middle <= EFFICIENCY[1]
                hint = f"divide it by {power_of_ten:g}" if fits and power_of_ten != 1 else "check both"
                return QualityIssue(
                    kind="unit_error",
                    statement=f"dc_power_kw is {middle:.1f} times power_kw, an inverter allows "
                    f"0.98 to 1.25: unit or scale error of the DC channel; {hint}",
                    readings=int(ratio.size),
                ), False
    return None, False


def issues(
    own: pd.DataFrame,
    *,
    capacity_kw: float,
    span: tuple[pd.Timestamp, pd.Timestamp],
    frozen: NDArray[np.bool_],
    unit: QualityIssue | None,
    power_useless: bool,
    config: DetectionConfig,
) -> tuple[float, list[QualityIssue]]:
    """Completeness in per cent, and the asset's data problems."""
    due = expected_readings(own["timestamp"], span)
    came = int(own["power_kw"].notna().sum())
    found: list[QualityIssue] = []
    missing = max(0, due - came)
    if missing:
        found.append(
            QualityIssue(
                kind="missing_readings",
                statement=f"{missing} of {due} readings are missing or were rejected",
                readings=missing,
            )
        )
    if frozen.any():
        found.append(
            QualityIssue(
                kind="stale_values",
                statement=f"power_kw does not change over {int(frozen.sum())} readings in a row or "
                "more: a stuck sensor or logger",
                readings=int(frozen.sum()),
            )
        )
    if unit:
        found.append(unit)
    power = config.parameters.power
    critical = power.critical_threshold / power.reference_capacity_kw * capacity_kw
    over = int((own["power_kw"] > critical).sum())
    if over and not power_useless:
        found.append(
            QualityIssue(
                kind="implausible_power",
                statement=f"{over} readings above {critical:g} kW, {critical / capacity_kw:.0%} of the "
                "nameplate: wrong capacity_kw in assets.json, or a bad meter",
                readings=over,
            )
        )
    return min(100.0, 100.0 * came / due) if due else 100.0, found
