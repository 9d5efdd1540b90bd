"""How an episode looks: the numbers that tell one cause from another."""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ooda.detect.case import Case
from ooda.detect.peers import HELD_SHARE
from ooda.detect.sky import MINUTE, SLOTS, Floats, Mask
from ooda.detect.stretches import ZERO_SHARE
from ooda.detect.track import Indices, runs
from ooda.documents.detections import Signals

LOW, HIGH, FULL = 0.4, 0.6, 0.93
"""Shares of capacity due: below the first an asset idles along, above the second it works, above the third
it works hard."""
EARLY, LATE = 21, 27
"""Solar half hours: 10:30 and 13:30."""
CLEAR, CLOUDY = 0.75, 0.45
"""Shares of the clear-sky irradiance."""
MIN_READINGS = 3
"""Readings that a part of a stretch needs for a loss of its own."""
AT_WORK = 0.10
"""Of capacity. From here on an asset is at work."""


@dataclass(frozen=True)
class Usual:
    """What an asset's channels usually read at work: V, AC over DC, °C above the day's coolest; None where
    it is not known."""

    volts: float | None
    efficiency: float | None
    warmth_c: float | None


@dataclass(frozen=True)
class Channels:
    """Channels beside power, computed once for all stretches: `warmth` and `ac_dc`, (n,), as the functions
    of these names say; `usual` for each of the D days."""

    warmth: Floats
    ac_dc: Floats
    usual: list[Usual]


def warmth(case: Case, where: Mask) -> Floats:
    """Device temperature above the air's where the weather is known, else above the day's coolest reading,
    °C, shape (n,), NaN outside `where`."""
    track = case.track
    if case.weather is not None and "temperature_c" in case.weather and len(case.weather) > 1:
        air = case.weather["temperature_c"].dropna()
        at = pd.DatetimeIndex(air.index).as_unit("us").asi8 / MINUTE
        nothing = np.nan
        ambient = np.interp(track.sky.minutes, at, air.to_numpy(dtype=float), left=nothing, right=nothing)
        if np.isfinite(ambient).mean() >= 0.9:
            return np.asarray(np.where(where, track.temperature - ambient, np.nan))
    return np.asarray(np.where(where, track.temperature - case.coolest[track.days.row], np.nan))


def efficiency(case: Case) -> Floats:
    """AC over DC power at work, shape (n,), NaN where either is not measured. The unit of DC does not
    matter: it is only compared with itself."""
    track = case.track
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where((track.dc_power > 0) & (track.share > 0.05), track.power / track.dc_power, np.nan)
    return np.asarray(ratio)


def working(case: Case) -> Mask:
    """Readings at a tenth of capacity or more."""
    with np.errstate(invalid="ignore"):
        return np.asarray(case.track.share > AT_WORK)


def _part(power: Floats, expected: Floats, members: Indices, where: Mask) -> float | None:
    """Loss share over some of the members, of their expected energy."""
    chosen = members[where[members]]
    due = float(np.nansum(expected[chosen])) if len(chosen) >= MIN_READINGS else 0.0
    if due <= 0:
        return None
    return round(1.0 - float(np.nansum(power[chosen])) / due, 4)


def _median(values: Floats) -> float | None:
    return float(bn.nanmedian(values)) if np.isfinite(values).any() else None


def of(case: Case, members: Indices, channels: Channels, *, by_own: bool = False) -> Signals:
    """The signals of one stretch, the readings `members`; `by_own`: against the asset's own expectation."""
    track, ref, res = case.track, case.ref, case.res
    warm, ac_dc = channels.warmth, channels.ac_dc
    usual = channels.usual[track.days.row[members[0]]]
    expected = ref.own if by_own else ref.expected
    inside = track.share[members]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1.0 - track.power[members] / expected[members] if by_own else res.share[members]
    measured = share[np.isfinite(share)]
    with np.errstate(invalid="ignore"):
        zero = inside <= ZERO_SHARE
        due = expected / track.capacity
        low, high = due < LOW, due >= HIGH
        clear, cloudy = track.clearness >= CLEAR, track.clearness < CLOUDY
    slot = track.sky.slot
    temperature = track.temperature[members]
    warm_enough = np.isfinite(temperature) & np.isfinite(share)
    correlation = None
    if warm_enough.sum() >= 6 and np.ptp(temperature[warm_enough]) > 1.0 and np.ptp(share[warm_enough]) > 0:
        correlation = round(float(spearmanr(share[warm_enough], temperature[warm_enough]).statistic), 3)
    at_work = members[~zero]
    volts = _median(track.volts[at_work if len(at_work) >= MIN_READINGS else members])
    ratio, slope = _efficiency(ac_dc, at_work, due, usual)
    running = inside[~zero & np.isfinite(inside)]
    plateau, level = _plateau(running, due[members[~zero & np.isfinite(inside)]])
    held = case.beside.held[members]
    start = members[0]
    due_today = (track.sky.day == track.sky.day[start]) & res.judged
    back = bool((due_today[members[-1] + 1 :] & (track.share[members[-1] + 1 :] > ZERO_SHARE)).any())
    jump = np.abs(np.diff(measured)) if measured.size >= 4 else np.empty(0)
    heat = _median(warm[members])
    return Signals(
        zero_share=round(float(zero.mean()), 3),
        loss_share=_part(track.power, expected, members, np.isfinite(expected)) or 0.0,
        loss_spread=round(float(measured.std()), 4) if measured.size else 0.0,
        day_share=round(len(members) / max(int(due_today.sum()), 1), 3),
        loss_low=_part(track.power, expected, members, low),
        loss_high=_part(track.power, expected, members, high),
        loss_full=_part(track.power, expected, members, due >= FULL),
        loss_early=_part(track.power, expected, members, slot < EARLY),
        loss_noon=_part(track.power, expected, members, (slot >= EARLY) & (slot < LATE)),
        loss_late=_part(track.power, expected, members, slot >= LATE),
        loss_clear=_part(track.power, expected, members, clear),
        loss_cloudy=_part(track.power, expected, members, cloudy),
        first_slot=int(slot[start]) if slot[start] < SLOTS else None,
        from_dawn=float(int(due_today[:start].sum()) <= 2),
        temperature_max_c=round(float(np.nanmax(temperature)), 1)
        if np.isfinite(temperature).any()
        else None,
        temperature_correlation=correlation,
        warmth_c=round(heat - usual.warmth_c, 1)
        if heat is not None and usual.warmth_c is not None
        else None,
        voltage_ratio=round(volts / usual.volts, 3) if volts is not None and usual.volts else None,
        efficiency_ratio=ratio,
        efficiency_slope=slope,
        plateau_share=plateau,
        plateau_level=level,
        neighbours_held=round(float(np.nanmean(held)), 3) if np.isfinite(held).any() else None,
        roughness=round(float(np.median(jump)), 4) if jump.size else None,
        stops=len(runs(zero)),
        recovered=back,
        returns=float(back),
        **_weather(case, members, share),
    )


def _efficiency(
    ac_dc: Floats, members: Indices, due: Floats, usual: Usual
) -> tuple[float | None, float | None]:
    if not usual.efficiency or len(members) < MIN_READINGS:
        return None, None
    inside = ac_dc[members]
    middle = _median(inside)
    if middle is None:
        return None, None
    load = due[members]
    weak, strong = _median(inside[load < LOW]), _median(inside[load >= HIGH])
    slope = (
        round((strong - weak) / usual.efficiency, 4) if weak is not None and strong is not None else None
    )
    return round(middle / usual.efficiency, 4), slope


def _plateau(running: Floats, due: Floats) -> tuple[float, float]:
    """The level at which power is held (the densest band of 2 % of capacity), and of the readings due
    more than 3 % above it the share held there."""
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


def _weather(case: Case, members: Indices, share: Floats) -> dict[str, float | None]:
    """What the weather did in the 24 hours before a stretch began to cost, and in its first hour."""
    out: dict[str, float | None] = {}
    if case.weather is None or case.weather.empty:
        return out
    times = case.track.times
    cost = np.cumsum(np.maximum(np.nan_to_num(share), 0.0))
    onset = int(np.searchsorted(cost, 0.1 * cost[-1])) if cost[-1] > 0 else 0
    begin = times.iloc[members[onset]]
    before = case.weather.loc[begin - pd.Timedelta(hours=24) : begin + pd.Timedelta(hours=1)]
    during = case.weather.loc[
        begin - pd.Timedelta(hours=1) : times.iloc[members[-1]] + pd.Timedelta(hours=1)
    ]

    def number(part: pd.DataFrame, column: str, how: str) -> float | None:
        if column not in part or not part[column].notna().any():
            return None
        return round(float(getattr(part[column], how)()), 2)

    out["rain_mm"] = number(before, "precipitation_mm", "sum")
    out["rain_peak_mm"] = number(before, "precipitation_mm", "max")
    out["gust_m_s"] = number(before, "wind_speed_m_s", "max")
    out["ambient_c"] = number(during, "temperature_c", "median")
    if "temperature_c" in before and before["temperature_c"].notna().sum() > 3:
        drop = before["temperature_c"].diff().min()
        out["ambient_drop_c"] = round(float(-min(drop, 0.0)), 2) if drop == drop else None
    return out
