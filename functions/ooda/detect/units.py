"""Wrong units: watts or megawatts for kilowatts, and a DC channel on another scale."""

from __future__ import annotations

import math

import numpy as np

from ona.documents.assets import MOST_OF_NAMEPLATE
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs
from ooda.documents.detections import QualityIssue

EFFICIENCY = (0.80, 1.02)
"""AC over DC power of an inverter at work: lowest, highest. Outside it one of the two has a wrong unit or
sensor. Inverters reach 0.95 to 0.99; the rest is room for the errors of both meters."""
MIN_POWER_SHARE = 0.10
"""Of capacity. From here on an asset is at work."""
TOO_SMALL, FOLLOWS = 0.005, 0.8
"""An asset at work gives more than half a per cent of what the sun allows. Less, that still follows the sun
(rank correlation above 0.8), is a wrong unit."""
RATED_M_S = 13.0
"""Wind speed at which turbines give all they can, about 11 to 14 m/s; below it power goes with its cube."""
TOO_LARGE = MOST_OF_NAMEPLATE
"""Of capacity, or of what the sun allows. More is a wrong unit."""


def unit_issue(track: Track, due: Floats) -> tuple[QualityIssue | None, Mask]:
    """A wrong unit, and the readings, (n,), whose AC power it makes useless: whole days.

    AC power is checked against irradiance over 1000 W/m² where it is measured, against `due`, the share of
    capacity that witnesses foretell, (n,), or against the wind; else against the nameplate. DC power is
    checked against AC power (an inverter's efficiency lies between 0.80 and 1.02).
    """
    capacity, days = track.capacity, track.days
    sun = np.where(np.isfinite(track.irradiance), track.irradiance / 1000.0, due)
    if track.asset.is_wind:
        sun = np.minimum((track.wind / RATED_M_S) ** 3, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = days.median(track.share / sun, (sun > 0.1) & (track.power > 0))
        top = _top(track)
        large = (top > TOO_LARGE) & ~(ratio <= TOO_LARGE)
        lit = (sun > 0.1) & np.isfinite(track.power)
        tiny = (top > 0.0) & (top < TOO_SMALL) & (ratio < TOO_SMALL) & (days.count(lit) >= 6)
        tiny &= days.count(lit & (track.power > 0)) >= 0.9 * days.count(lit)
        small = tiny & _follows(track, sun, lit, tiny)
        for start, end in runs((top > 0.0) & (top < TOO_SMALL)):  # days with little light beside them
            small[start:end] = small[start:end].any()
    row = days.row
    if large.any():
        factor = float(np.median(np.where(np.isfinite(ratio), ratio, top)[large]))
        readings = int((large[row] & (track.share > MIN_POWER_SHARE)).sum())
        return _unit_error(
            f"power_kw is {factor:.0f} times what a nameplate of {capacity:g} kW can give: "
            f"probably {10.0 ** round(math.log10(factor)):g} times too large "
            "(watts instead of kilowatts?)",
            readings,
            blinding=True,
        ), (large | small)[row]
    if small.any():
        return _unit_error(
            f"power_kw stays at {float(np.max(top[small])) * capacity:.3g} in full sun, nameplate "
            f"{capacity:g} kW: probably given in megawatts",
            int(small[row].sum()),
            blinding=True,
        ), _with_parts_of_days(small[row], track, lit)
    return _dc_unit(track), np.zeros(len(track), dtype=bool)


def _with_parts_of_days(wrong: Mask, track: Track, lit: Mask) -> Mask:
    """Wrong days with what is as small in the days beside them, (n,): a unit changes within a day. A
    machine that stands gives nothing there, and this is no unit."""
    with np.errstate(invalid="ignore"):
        tiny = ~(track.share >= TOO_SMALL)
    out, day = wrong.copy(), track.days.row
    for start, end in runs(wrong):
        before = np.flatnonzero(~tiny[:start])
        after = np.flatnonzero(~tiny[end:])
        first = before[-1] + 1 if len(before) else 0
        last = end + after[0] if len(after) else len(wrong)
        for rows in (np.arange(first, start), np.arange(end, last)):
            beside = rows[np.abs(day[rows] - day[start if len(rows) and rows[0] < start else end - 1]) == 1]
            at_work = beside[lit[beside]]
            if (track.power[at_work] > 0.0).sum() >= 0.9 * len(at_work):
                out[beside] = True
    return out


def impossible(track: Track) -> Mask:
    """Readings, (n,), that no machine of the nameplate can give: of a wrong unit, or of a bad meter."""
    with np.errstate(invalid="ignore"):
        return np.asarray(track.share > TOO_LARGE)


def possible_power(track: Track) -> Floats:
    """Power, kW, (n,), without the readings that are `impossible`: they are no energy either."""
    return np.where(impossible(track), np.nan, track.power)


def _unit_error(statement: str, readings: int, *, blinding: bool = False) -> QualityIssue:
    return QualityIssue(kind="unit_error", statement=statement, readings=readings, blinding=blinding)


def _follows(track: Track, sun: Floats, lit: Mask, days: Mask) -> Mask:
    """Of the D days those, among `days`, on which power follows the sun, however small it is."""
    out = np.zeros(len(track.days), dtype=bool)
    for n in np.flatnonzero(days):
        rows = lit & (track.days.row == n)
        power, light = (np.argsort(np.argsort(values[rows])) for values in (track.power, sun))
        out[n] = float(np.corrcoef(power, light)[0, 1]) > FOLLOWS
    return out


def _top(track: Track) -> Floats:
    """Each day's second highest share of capacity, (D,): one wild reading is no unit."""
    table = track.days.table(track.share)
    if table.shape[1] < 2:
        return np.asarray(table.max(axis=1, initial=0.0))
    ranked = np.sort(np.where(np.isfinite(table), table, -np.inf), axis=1)
    return np.asarray(np.maximum(ranked[:, -2], 0.0))


def _dc_unit(track: Track) -> QualityIssue | None:
    with np.errstate(invalid="ignore", divide="ignore"):
        working = track.share > MIN_POWER_SHARE
        ratio = track.dc_power[working] / track.power[working]
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if ratio.size < 4:
        return None
    middle = float(np.median(ratio))
    if EFFICIENCY[0] <= 1.0 / middle <= EFFICIENCY[1]:
        return None
    power_of_ten = 10.0 ** round(math.log10(middle))
    fits = EFFICIENCY[0] <= power_of_ten / middle <= EFFICIENCY[1]
    hint = f"divide it by {power_of_ten:g}" if fits and power_of_ten != 1 else "check both"
    return _unit_error(
        f"dc_power_kw is {middle:.1f} times power_kw, an inverter allows "
        f"0.98 to 1.25: unit or scale error of the DC channel; {hint}",
        int(ratio.size),
    )
