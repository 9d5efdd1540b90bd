"""Channels other than power: how warm, at which voltage, how well converted, and what is usual there.

A voltage is compared with the usual one at the same warmth and in the same light (`of_usual`).
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.detect.case import Case
from ooda.detect.sky import MINUTE, Floats, Mask
from ooda.detect.stretches import ZERO_SHARE

LOW, HIGH, FULL = 0.4, 0.6, 0.93
"""Expected power as a share of capacity (0…1): low load is below 0.4, high load from 0.6, full load from
0.93."""
MIN_READINGS = 3
"""Readings. A part of a stretch (its noon, its clear hours) with fewer has no loss of its own."""
AT_WORK = 0.10
"""Share of capacity (0…1). An asset that gives more is at work."""
CELL_RISE_C = 28.0
"""°C by which modules at full power are warmer than the air (NOCT 45 °C: 31 °C at 1 kW/m² in 1 m/s of wind,
IEC 61215; 28 °C with the wind of most sites)."""
VOLTS_A_DEGREE = -0.0032
"""1/°C. Change of the voltage at the maximum power point of crystalline silicon: that of the power (−0.29
to −0.40 % a °C in data sheets) without that of the current."""
AT_POINT = (0.15, 0.93)
"""Shares of capacity (0…1), due, between which the voltage is that of the maximum power point: below it
falls with the light, above the inverter may hold the modules back and lets it rise."""
ANY_WARMTH = 0.04
"""Share by which the voltage moves within a month with the warmth of the air, about 12 °C."""
SAG_OVER = 0.5
"""Share of capacity (0…1) by which high load lies above low load, from middle to middle."""
DUE_RISE_C = 25.0
"""°C by which a device at full power is warmer than one that idles (heatsinks 20 to 40 °C, modules
28 °C)."""
STEADY_VOLTS = 0.025
"""Share of its middle (0…1). Modules' voltage moves by more between weak and full light, cold and warm."""
LEAST_RANKED = 8
"""Readings. A rank correlation of fewer says nothing."""


@dataclass(frozen=True)
class Usual:
    """Usual values of an asset's channels at work, from earlier days; None where no earlier day has one.

    `volts`: DC voltage, V. `efficiency`: AC over DC power, 1. `warmth_c`: as `warmth` computes it, °C.
    `cell_c`: as `cells` computes it, °C. `due`: the share of capacity that was due while `volts` was
    measured. `sag`: as `sag` computes it.
    """

    volts: float | None
    efficiency: float | None
    warmth_c: float | None
    cell_c: float | None
    due: float | None
    sag: float | None


@dataclass(frozen=True)
class Channels:
    """Channels other than power, computed once for all stretches of a case.

    `warmth`: from the function `warmth`, °C, (n,). `ac_dc`: from the function `efficiency`, 1, (n,).
    `cell`: from the function `cells`, °C, (n,). `volts`: from the function `module_volts`, V, (n,).
    `cold`: the same as it were at 25 °C. `at_point`: from the function `at_point`, (n,). `usual`: the
    usual values for each of the D days.
    `weather_days`: the site's weather by day.
    """

    warmth: Floats
    ac_dc: Floats
    cell: Floats
    volts: Floats
    cold: Floats
    at_point: Mask
    usual: list[Usual]
    weather_days: pd.DataFrame


def air(case: Case) -> Floats | None:
    """The air's temperature, °C, shape (n,); None where the weather lacks it for a tenth of the
    readings."""
    track = case.track
    if case.weather is None or "temperature_c" not in case.weather or len(case.weather) <= 1:
        return None
    hours = case.weather["temperature_c"].dropna()
    at = pd.DatetimeIndex(hours.index).as_unit("us").asi8 / MINUTE
    ambient = np.interp(track.sky.minutes, at, hours.to_numpy(dtype=float), left=np.nan, right=np.nan)
    return np.asarray(ambient) if np.isfinite(ambient).mean() >= 0.9 else None


def warmth(case: Case, where: Mask, ambient: Floats | None) -> Floats:
    """How much warmer the device is than the air, without the warmth of the work that is due, °C, shape
    (n,); NaN outside `where`.

    Without `ambient` the day's coolest device temperature stands for the air.
    """
    track = case.track
    ground = ambient if ambient is not None else case.coolest[track.days.row]
    with np.errstate(invalid="ignore"):
        work = DUE_RISE_C * np.clip(case.ref.expected / track.capacity, 0.0, 1.0)
    return np.asarray(np.where(where, track.temperature - ground - work, np.nan))


def cells(case: Case, ambient: Floats | None) -> Floats:
    """How warm the modules should be, °C, shape (n,): the air, and the expected power's share of
    `CELL_RISE_C`; without the air's temperature that of the device."""
    if ambient is None:
        return case.track.temperature
    with np.errstate(invalid="ignore"):
        return np.asarray(ambient + CELL_RISE_C * case.ref.expected / case.track.capacity)


def efficiency(case: Case) -> Floats:
    """AC over DC power, shape (n,); NaN where one is not measured, or power is at most 5 % of capacity.

    DC power may have any unit: the ratio is only compared with the same asset's earlier ratios.
    """
    track = case.track
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where((track.dc_power > 0) & (track.share > 0.05), track.power / track.dc_power, np.nan)
    return np.asarray(ratio)


def module_volts(case: Case) -> Floats:
    """The modules' voltage, V, shape (n,); NaN throughout where it hardly moves from dawn to dusk, as that
    of the grid or of a stage that holds it."""
    volts = case.track.volts
    known = volts[volts > 0]
    if len(known) < LEAST_RANKED:
        return volts
    least, middle, most = np.quantile(known, (0.02, 0.5, 0.98))
    return np.full(len(volts), np.nan) if most - least < STEADY_VOLTS * middle else volts


def at_point(case: Case) -> Mask:
    """Which readings have the voltage of the maximum power point, shape (n,): those at work while
    `AT_POINT` is due. The light counts and not the power: modules beside a lost string see all of it."""
    with np.errstate(invalid="ignore"):
        due, share = case.ref.expected / case.track.capacity, case.track.share
        return np.asarray((due >= AT_POINT[0]) & (due < AT_POINT[1]) & (share > ZERO_SHARE))


def cold(volts: Floats, cell_c: Floats, due: Floats) -> Floats:
    """Voltages as they were at 25 °C; where no temperature is known, as if the air had that. `due`: the
    share of capacity that is due."""
    warmth_c = np.where(np.isfinite(cell_c), cell_c, 25.0 + CELL_RISE_C * due)
    return np.asarray(volts / (1.0 + VOLTS_A_DEGREE * (warmth_c - 25.0)))


def working(case: Case) -> Mask:
    """Which readings are above a tenth of capacity (`AT_WORK`), shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(case.track.share > AT_WORK)


def median(values: Floats) -> float | None:
    """The median of the known values; None without any."""
    return float(bn.nanmedian(values)) if np.isfinite(values).any() else None


def spread(volts: Floats) -> float | None:
    """How far nine of ten voltages lie apart, of their middle."""
    known = volts[np.isfinite(volts)]
    if len(known) < LEAST_RANKED or not (middle := float(np.median(known))):
        return None
    return round(float(np.subtract(*np.quantile(known, (0.95, 0.05)))) / middle, 4)


def sag(cold: Floats, due: Floats, usual: Usual) -> float | None:
    """How much higher the voltage is at high power due than at low, at the same warmth, of itself, over
    the same on the machine's usual days.

    A resistance draws it down with the current, and shunted cells where the light is weak. What sound
    modules do depends on their make, and on how warm they get.
    """
    with np.errstate(invalid="ignore"):
        weak, strong = cold[due < LOW], cold[due >= HIGH]
    if usual.sag is None or min(np.isfinite(weak).sum(), np.isfinite(strong).sum()) < MIN_READINGS:
        return None
    return round(float(bn.nanmedian(strong) / bn.nanmedian(weak)) - 1.0 - usual.sag, 4)


def of_usual(volts: float | None, cell_c: float | None, due: float | None, usual: Usual) -> float | None:
    """DC voltage over the usual one at the same warmth of the modules, of which they lose
    `VOLTS_A_DEGREE`, and in the same light; without a temperature less what warmth alone can do."""
    if volts is None or not usual.volts:
        return None
    warmer = cell_c - usual.cell_c if cell_c is not None and usual.cell_c is not None else None
    lighter = due - usual.due if due is not None and usual.due is not None else 0.0
    alike = (1.0 + VOLTS_A_DEGREE * (warmer or 0.0)) * (1.0 + (usual.sag or 0.0) * lighter / SAG_OVER)
    ratio = volts / (usual.volts * alike)
    if warmer is None:
        ratio = min(max(1.0, ratio * (1.0 - ANY_WARMTH)), ratio * (1.0 + ANY_WARMTH))
    return round(ratio, 3)
