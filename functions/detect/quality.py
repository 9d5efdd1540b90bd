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


def stale(own: pd.DataFrame, capacity_kw: float, config: DetectionConfig) -> NDArray[np.bool_]:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Zero (night, a stop) and the inverter's limit are honest plateaus and do not count, nor does a
    plateau of which the voltage or temperature sensor shows that the logger is alive.
    """
    minutes = interval_minutes(own["timestamp"])
    need = max(4, math.ceil(config.algorithms.duration.stale_minutes / minutes))
    power = own["power_kw"].to_numpy(dtype=float)
    top = np.nanmax(power) if np.isfinite(power).any() else 0.0
    same = np.concatenate(([False], np.diff(power) == 0.0))
    same &= (power > 0.005 * capacity_kw) & (power < 0.98 * max(top, 1e-9))
    frozen = np.zeros(len(own), dtype=bool)
    for start, end in runs(same):
        if end - start + 1 < need:
            continue
        block = own.iloc[start - 1 : end]
        alive = any(
            block[column].notna().sum() > 1 and block[column].nunique() > 1
            for column in ("voltage_v", "temperature_c", "dc_power_kw")
            if column in block
        )
        if not alive:
            frozen[start - 1 : end] = True
    return frozen


def unit_issue(own: pd.DataFrame, capacity_kw: float) -> tuple[QualityIssue | None, bool]:
    """A wrong unit, and whether it makes the asset's AC power useless for judgement.

    DC power is checked against AC power (an inverter's efficiency lies between 0.80 and 1.02), AC
    power against the nameplate.
    """
    power = own["power_kw"].to_numpy(dtype=float)
    working = power > MIN_POWER_SHARE * capacity_kw
    if np.isfinite(power).any() and np.nanquantile(power, 0.99) > 5.0 * capacity_kw:
        factor = np.nanquantile(power, 0.99) / capacity_kw
        guess = 10.0 ** round(math.log10(factor))
        return QualityIssue(
            kind="unit_error",
            statement=f"power_kw reaches {factor:.0f} times the nameplate of {capacity_kw:g} kW: "
            f"probably {guess:g} times too large (watts instead of kilowatts?)",
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
                hint = (
                    f"divide it by {power_of_ten:g}" if fits and power_of_ten != 1 else "check both"
                )
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
                statement=f"{missing} of {due} readings are missing",
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
    if over and not (unit and "power_kw reaches" in unit.statement):
        found.append(
            QualityIssue(
                kind="implausible_power",
                statement=f"{over} readings above {critical:g} kW, {critical / capacity_kw:.0%} of the "
                "nameplate: wrong capacity_kw in assets.json, or a bad meter",
                readings=over,
            )
        )
    return min(100.0, 100.0 * came / due) if due else 100.0, found
