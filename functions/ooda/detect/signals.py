"""Signals: numbers that describe how an episode looks, for example its loss at noon.

Diagnose compares them with the signatures of causes. A signal is None where its channel is not measured or
there are too few readings.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.detect import weather_signals
from ooda.detect.case import Case
from ooda.detect.peers import HELD_SHARE
from ooda.detect.sky import MINUTE, SLOTS, Floats, Mask
from ooda.detect.stretches import ZERO_SHARE
from ooda.detect.track import Indices, runs
from ooda.documents.detections import Signals

LOW, HIGH, FULL = 0.4, 0.6, 0.93
"""Expected power as a share of capacity (0…1): low load is below 0.4, high load from 0.6, full load from
0.93."""
EARLY, LATE = 21, 27
"""Solar half hours: 10:30 and 13:30 in solar time. Noon is between them."""
CLEAR, CLOUDY = 0.75, 0.45
"""Clear-sky index (1): the sky is clear from 0.75, cloudy below 0.45."""
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
"""Shares of capacity (0…1) between which the voltage is that of the maximum power point: below it falls
with the light, above the inverter may hold the modules back and lets it rise."""
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
    `cell_c`: as `cells` computes it, °C.
    """

    volts: float | None
    efficiency: float | None
    warmth_c: float | None
    cell_c: float | None


@dataclass(frozen=True)
class Channels:
    """Channels other than power, computed once for all stretches of a case.

    `warmth`: from the function `warmth`, °C, (n,). `ac_dc`: from the function `efficiency`, 1, (n,).
    `cell`: from the function `cells`, °C, (n,). `volts`: from the function `module_volts`, V, (n,).
    `at_point`: from the function `at_point`, (n,). `usual`: the usual values for each of the D days.
    `weather_days`: the site's weather by day.
    """

    warmth: Floats
    ac_dc: Floats
    cell: Floats
    volts: Floats
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
    """Which readings have the voltage of the maximum power point (`AT_POINT`), shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((case.track.share >= AT_POINT[0]) & (case.track.share < AT_POINT[1]))


def working(case: Case) -> Mask:
    """Which readings are above a tenth of capacity (`AT_WORK`), shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(case.track.share > AT_WORK)


def _part(power: Floats, expected: Floats, where: Mask) -> float | None:
    """Loss of the members `where`, as a share of their expected energy; None where too few."""
    due = float(np.nansum(expected[where])) if np.count_nonzero(where) >= MIN_READINGS else 0.0
    if due <= 0:
        return None
    return round(1.0 - float(np.nansum(power[where])) / due, 4)


def _median(values: Floats) -> float | None:
    return float(bn.nanmedian(values)) if np.isfinite(values).any() else None


def of(case: Case, members: Indices, channels: Channels, *, by_own: bool = False) -> Signals:
    """The signals of one stretch. `members`: the rows of its readings in the track.

    `by_own`: compare with the power expected from the asset's own past, without the neighbours.
    """
    track, ref, res = case.track, case.ref, case.res
    warm, ac_dc = channels.warmth, channels.ac_dc
    usual = channels.usual[track.days.row[members[0]]]
    expected = (ref.own if by_own else ref.expected)[members]
    inside, power = track.share[members], track.power[members]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1.0 - power / expected if by_own else res.share[members]
    measured = share[np.isfinite(share)]
    with np.errstate(invalid="ignore"):
        zero = inside <= ZERO_SHARE
        due = expected / track.capacity
        low, high = due < LOW, due >= HIGH
        clear, cloudy = track.clearness[members] >= CLEAR, track.clearness[members] < CLOUDY
    slot = track.sky.slot[members]
    temperature = track.temperature[members]
    cell = channels.cell[members]
    at_work = members[~zero]
    of_point = channels.at_point[members]
    at_point = members[of_point]
    of_volts = at_point if len(at_point) >= MIN_READINGS else at_work
    of_volts = of_volts if len(of_volts) >= MIN_READINGS else members
    volts = _median(channels.volts[of_volts])
    ratio, slope = _efficiency(ac_dc[at_work], due[~zero], usual)
    running = ~zero & np.isfinite(inside)
    plateau, level = _plateau(inside[running], due[running])
    held = case.beside.held[members]
    start = members[0]
    dawn = int(track.days.first[track.days.row[start]])
    today = slice(dawn, max(members[-1] + 1, int(np.searchsorted(track.sky.day, track.sky.day[start] + 1))))
    due_today = (track.sky.day[today] == track.sky.day[start]) & res.judged[today]
    due_today[members - dawn] = True  # a stop goes on where too little is due to tell more
    after = members[-1] + 1 - dawn
    back = bool((due_today[after:] & (track.share[today][after:] > ZERO_SHARE)).any())
    jump = np.abs(np.diff(measured)) if measured.size >= 4 else np.empty(0)
    heat = _median(warm[members])
    return Signals(
        zero_share=round(float(zero.mean()), 3),
        loss_share=_part(power, expected, np.isfinite(expected)) or 0.0,
        loss_spread=round(float(measured.std()), 4) if measured.size else 0.0,
        day_share=round(len(members) / max(int(due_today.sum()), 1), 3),
        loss_low=_part(power, expected, low),
        loss_high=_part(power, expected, high),
        loss_full=_part(power, expected, due >= FULL),
        loss_early=_part(power, expected, slot < EARLY),
        loss_noon=_part(power, expected, (slot >= EARLY) & (slot < LATE)),
        loss_late=_part(power, expected, slot >= LATE),
        loss_clear=_part(power, expected, clear),
        loss_cloudy=_part(power, expected, cloudy),
        first_slot=int(slot[0]) if slot[0] < SLOTS else None,
        from_dawn=float(int(due_today[: start - dawn].sum()) <= 2),
        temperature_max_c=_highest(temperature),
        temperature_correlation=rank_correlation(share, temperature),
        cell_max_c=_highest(cell),
        cell_correlation=rank_correlation(share, cell, due),
        warmth_c=round(heat - usual.warmth_c, 1)
        if heat is not None and usual.warmth_c is not None
        else None,
        voltage_ratio=_of_usual(volts, _median(channels.cell[of_volts]), usual),
        voltage_spread=_spread(channels.volts[at_point]),
        voltage_sag=_sag(channels.volts[at_point], channels.cell[at_point], due[of_point]),
        efficiency_ratio=ratio,
        efficiency_slope=slope,
        plateau_share=plateau,
        plateau_level=level,
        neighbours_off=_mean(case.beside.off[members]),
        neighbours_in_turn=_mean(case.beside.in_turn[track.days.row[members[:1]]]),
        neighbours_held=_mean(held),
        roughness=round(float(np.median(jump)), 4) if jump.size else None,
        stops=len(runs(zero & (due >= AT_WORK))),
        recovered=back,
        returns=float(back),
        **weather_signals.of_stretch(
            case.weather,
            channels.weather_days,
            track.times.iloc[members],
            share,
            _worked(case, members, ref.own if by_own else ref.expected) if zero.mean() > 0.5 else None,
        ),
    )


def _mean(values: Floats) -> float | None:
    return round(float(np.nanmean(values)), 3) if np.isfinite(values).any() else None


def _highest(values: Floats) -> float | None:
    return round(float(np.nanmax(values)), 1) if np.isfinite(values).any() else None


def _spread(volts: Floats) -> float | None:
    """How far nine of ten voltages lie apart, of their middle."""
    known = volts[np.isfinite(volts)]
    if len(known) < LEAST_RANKED or not (middle := float(np.median(known))):
        return None
    return round(float(np.subtract(*np.quantile(known, (0.95, 0.05)))) / middle, 4)


def _sag(volts: Floats, cell_c: Floats, due: Floats) -> float | None:
    """How much higher the voltage is at high power due than at low, at the same warmth, of itself.

    Sound modules stay within some hundredths; a resistance draws it down with the current, and shunted
    cells where the light is weak.
    """
    with np.errstate(invalid="ignore"):
        cold = volts / (1.0 + VOLTS_A_DEGREE * (cell_c - 25.0))
        weak, strong = cold[due < LOW], cold[due >= HIGH]
    if min(np.isfinite(weak).sum(), np.isfinite(strong).sum()) < MIN_READINGS:
        return None
    return round(float(bn.nanmedian(strong) / bn.nanmedian(weak)) - 1.0, 4)


def _of_usual(volts: float | None, cell_c: float | None, usual: Usual) -> float | None:
    """DC voltage over the usual one at the same warmth of the modules: they lose `VOLTS_A_DEGREE`."""
    if volts is None or not usual.volts:
        return None
    warmer = cell_c - usual.cell_c if cell_c is not None and usual.cell_c is not None else 0.0
    return round(volts / (usual.volts * (1.0 + VOLTS_A_DEGREE * warmer)), 3)


def rank_correlation(one: Floats, two: Floats, given: Floats | None = None) -> float | None:
    """Spearman's rank correlation of two signals, (n,), and the partial one where a third is given; None
    with fewer than `LEAST_RANKED` readings, or where one of them does not change.

    >>> rank_correlation(np.arange(8.0), np.arange(8.0) ** 2)
    1.0
    """
    columns = [one, two] if given is None else [one, two, given]
    table = np.stack(columns)[:, np.all(np.isfinite(columns), axis=0)]
    if table.shape[1] < LEAST_RANKED or (np.ptp(table, axis=1) <= 0).any():
        return None
    r = np.corrcoef(bn.rankdata(table, axis=1))
    value = r[0, 1]
    if given is not None:
        left = (1.0 - r[0, 2] ** 2) * (1.0 - r[1, 2] ** 2)
        if left <= 1e-6:
            return None
        value = (value - r[0, 2] * r[1, 2]) / np.sqrt(left)
    return round(float(value), 3)


def _efficiency(inside: Floats, load: Floats, usual: Usual) -> tuple[float | None, float | None]:
    """`inside`: AC over DC power at the readings at work; `load`: the share of capacity due there."""
    if not usual.efficiency or len(inside) < MIN_READINGS:
        return None, None
    middle = _median(inside)
    if middle is None:
        return None, None
    weak, strong = _median(inside[load < LOW]), _median(inside[load >= HIGH])
    slope = (
        round((strong - weak) / usual.efficiency, 4) if weak is not None and strong is not None else None
    )
    return round(middle / usual.efficiency, 4), slope


def _plateau(running: Floats, due: Floats) -> tuple[float, float]:
    """How many readings stay at one level (0…1), and that level as a share of capacity.

    The level is the median of the band, 2 % of capacity wide, that has the most readings. Counted are
    only readings whose expected power is more than 3 % of capacity above the level. Both are 0 with
    fewer than four readings.
    """
    if running.size < 4:
        return 0.0, 0.0
    ranked = np.sort(running)
    inside = np.searchsorted(ranked, ranked + 5 * HELD_SHARE, side="right") - np.arange(len(ranked))
    best = int(inside.argmax())
    level = float(np.median(ranked[best : best + inside[best]]))
    more = due > level + 0.03
    if int(more.sum()) < 4:
        return 0.0, round(level, 4)
    return round(float((np.abs(running[more] - level) <= 4 * HELD_SHARE).mean()), 3), round(level, 4)


def _worked(case: Case, members: Indices, expected: Floats) -> pd.Timestamp | None:
    """When it was last seen to work before a stop; None where it was not."""
    before = slice(0, int(members[0]))
    due = expected[before] / case.track.capacity
    fine = case.res.judged[before] & (due >= AT_WORK) & (case.track.share[before] > ZERO_SHARE)
    seen = np.flatnonzero(fine)
    return case.track.times.iloc[int(seen[-1])] if len(seen) else None
