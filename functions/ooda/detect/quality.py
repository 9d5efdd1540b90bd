"""Data quality of one machine: completeness, gaps, stuck values, outliers, clock, units.

A problem of the data is told as such; no loss is booked for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.config.detection import DetectionConfig
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs
from ooda.documents.detections import QualityIssue

EFFICIENCY = (0.80, 1.02)
"""AC over DC power of an inverter at work; outside it one of the two has a wrong unit or sensor."""
MIN_POWER_SHARE = 0.10
TOO_SMALL, FOLLOWS = 0.005, 0.8
"""A machine at work gives more than half a per cent of what the sun allows; less, that still follows the
sun, is a unit."""
GAP_MINUTES = 60.0
BLIND_HOURS = 4.0
"""A machine that cannot be judged for so long is one that nobody watches."""
NIGHT_SHARE = 0.03
"""More power than this share of capacity without the sun is none."""
CLIP_LEAST, CLIP_QUANTILE, CLIP_BAND, CLIP_RATIO = 0.3, 0.995, 0.995, 3.0
"""A ceiling: three times as many readings in its half per cent as in the one below it."""
TWILIGHT_MINUTES = 30.0
SPIKE_SHARE = 0.25
CLOCK_MINUTES = 40.0
"""A day's power that begins and ends this much early, or late, is told by a clock that is wrong."""
CLOCK_AGREEMENT = 25.0
MIN_CLOCK_READINGS = 8
STUCK_CHANNELS = ("volts", "temperature", "dc_power")


@dataclass(frozen=True)
class Checked:
    """Readings that cannot be judged, of those of the day; the problems; completeness in per cent."""

    unusable: Mask
    issues: list[QualityIssue]
    completeness: float


def check(
    whole: Track,
    track: Track,
    light: Mask,
    span: tuple[pd.Timestamp, pd.Timestamp],
    config: DetectionConfig,
) -> Checked:
    """All checks of one machine's readings: the `whole`, those of the day in `track`; `light` marks those
    of the whole in which it should produce."""
    unit, useless = unit_issue(track)
    frozen = stale(track, config)
    spikes = outliers(track)
    shifted, shift = clock_shift(track)
    shifted &= ~useless
    due = round((span[1] - span[0]).total_seconds() / 60.0 / track.step) + 1
    came = int(np.isfinite(whole.power).sum())
    missing = max(0, due - came)
    issues = []
    if missing:
        issues.append(
            _issue("missing_readings", f"{missing} of {due} readings are missing or were rejected", missing)
        )
    issues += gaps(whole, light)
    if frozen.any():
        count = int(frozen.sum())
        issues.append(
            _issue(
                "stale_values",
                f"power_kw does not change over {count} readings in a row or more: "
                "a stuck sensor or logger",
                count,
                count * track.hours >= BLIND_HOURS,
            )
        )
    if unit:
        issues.append(unit)
    spikes &= ~useless
    if spikes.any():
        count = int(spikes.sum())
        issues.append(
            _issue(
                "outliers",
                f"{count} readings of power_kw stand alone, far from their neighbours or from what the "
                "sun allows",
                count,
            )
        )
    if shifted.any():
        late = "late" if shift > 0 else "early"
        hint = "; a daylight-saving change or a wrong time zone?" if abs(abs(shift) % 60 - 30) > 15 else ""
        issues.append(
            _issue("clock_shift", f"power comes and goes {abs(shift):.0f} minutes {late} by the sun{hint}",
                   int(shifted.sum()), True)
        )  # fmt: skip
    power = config.parameters.power
    critical = power.critical_threshold / power.reference_capacity_kw * track.capacity
    with np.errstate(invalid="ignore"):
        over = int(((track.power > critical) & ~useless).sum())
    if over:
        issues.append(
            _issue(
                "implausible_power",
                f"{over} readings above {critical:g} kW, {critical / track.capacity:.0%} of the "
                "nameplate: wrong capacity_kw in assets.json, or a bad meter",
                over,
            )
        )
    unusable = frozen | spikes | shifted | useless
    completeness = min(100.0, 100.0 * came / due) if due else 100.0
    return Checked(unusable, issues, completeness)


def _issue(kind: str, statement: str, readings: int, blinding: bool = False) -> QualityIssue:
    return QualityIssue(kind=kind, statement=statement, readings=readings, blinding=blinding)


def gaps(track: Track, light: Mask) -> list[QualityIssue]:
    """Silences of an hour or more between readings of which at least one should have been in the light."""
    known = np.flatnonzero(np.isfinite(track.power))
    if len(known) < 2:
        return []
    minutes = track.sky.minutes[known]
    silent = np.diff(minutes)
    long = np.flatnonzero(silent >= max(GAP_MINUTES, 2.5 * track.step))
    found = []
    for n in long:
        if not (light[known[n]] or light[known[n + 1]]):
            continue
        begin, hours = track.times.iloc[known[n]], silent[n] / 60.0
        found.append(
            _issue(
                "communication_gap",
                f"nothing was heard for {hours:.1f} h from {begin:%Y-%m-%d %H:%M} UTC: the logger or its "
                "connection; no outage is concluded and no loss booked",
                int(silent[n] / track.step),
                hours >= BLIND_HOURS,
            )
        )
    return found


def stale(track: Track, config: DetectionConfig) -> Mask:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Zero (night, a stop) does not count. Where other channels are measured they decide: if one of them
    moves, the logger is alive and the plateau is honest. Where none is, a plateau at the machine's highest
    power is taken for its or the grid's limit.
    """
    need = max(4, math.ceil(config.algorithms.duration.stale_minutes / track.step))
    power = track.power
    with np.errstate(invalid="ignore"):
        same = np.concatenate(([False], np.diff(power) == 0.0)) & (power > 0.005 * track.capacity)
    frozen = np.zeros(len(track), dtype=bool)
    if not same.any():
        return frozen
    highest = np.nanmax(power)
    for start, end in runs(same):
        if end - start + 1 < need:
            continue
        block = slice(start - 1, end)
        others = [
            values[np.isfinite(values)]
            for name in STUCK_CHANNELS
            if np.isfinite(values := getattr(track, name)[block]).sum() > 1
        ]
        stuck = all(np.ptp(values) == 0.0 for values in others)
        if stuck and (others or power[start] < highest):
            frozen[block] = True
    return frozen


def clipped(share: Floats) -> Mask:
    """Readings at the machine's own ceiling, shape (n,): within 0.5 % of its highest usual power (the
    0.995-quantile of what it gives at work), two in a row, if more time is spent there than just below.

    No fault: the inverter's or the contract's limit. The expectation is clipped too.
    """
    known = share[np.isfinite(share) & (share > CLIP_LEAST)]
    if known.size < 20:
        return np.zeros(len(share), dtype=bool)
    ceiling = float(np.quantile(known, CLIP_QUANTILE))
    with np.errstate(invalid="ignore"):
        near = share >= CLIP_BAND * ceiling
        below = (share >= (2 * CLIP_BAND - 1) * ceiling) & ~near
    if int(near.sum()) < CLIP_RATIO * max(int(below.sum()), 1):
        return np.zeros(len(share), dtype=bool)
    paired = near & (np.roll(near, 1) | np.roll(near, -1))
    return np.asarray(paired)


def outliers(track: Track) -> Mask:
    """Readings far from both neighbours while these agree, or with power in the dark, shape (n,).

    A spike lies a quarter of the capacity above both neighbours, and more than irradiance moved; a
    cloud takes power away, so that only readings above their neighbours are called spikes.
    """
    share = track.share
    before, after = np.roll(share, 1), np.roll(share, -1)
    with np.errstate(invalid="ignore"):
        above = share - np.maximum(before, after)
        spike = (above > SPIKE_SHARE) & (np.abs(before - after) < SPIKE_SHARE / 2)
        if np.isfinite(track.irradiance).any():
            sun = track.irradiance / 1000.0
            spike &= ~(sun - np.maximum(np.roll(sun, 1), np.roll(sun, -1)) > SPIKE_SHARE / 3)
    spike[[0, -1]] = False
    if track.asset.is_wind:
        return np.zeros(len(track), dtype=bool)
    reach = math.ceil(TWILIGHT_MINUTES / track.step)
    night = track.sky.clear_ghi <= 0.0
    near = np.convolve(~night, np.ones(2 * reach + 1), mode="same")[: len(night)] > 0
    with np.errstate(invalid="ignore"):
        dark = ~near & (share > NIGHT_SHARE) & np.isfinite(track.sky.clear_ghi)
    return np.asarray(spike | dark)


def clock_shift(track: Track) -> tuple[Mask, float]:
    """Readings of days whose power begins and ends early, or late, alike; and by how many minutes at most.

    Compared are the first and last reading above 1 % of capacity with the sun's rising and setting over the
    horizon; only both together tell a clock from a late start or an early stop.
    """
    shifted = np.zeros(len(track), dtype=bool)
    if track.asset.is_wind or not np.isfinite(track.sky.clear_ghi).any():
        return shifted, 0.0
    with np.errstate(invalid="ignore"):
        works = track.share > 0.01
    lit = track.sky.clear_ghi > 10.0
    days, minutes = track.days, track.sky.minutes
    wide = days.count(works) >= MIN_CLOCK_READINGS

    def ends(mask: Mask) -> tuple[Floats, Floats]:
        table = days.table(minutes, mask)
        return np.asarray(bn.nanmin(table, axis=1)), np.asarray(bn.nanmax(table, axis=1))

    with np.errstate(all="ignore"):
        rise, set_ = ends(lit)
        first, last = ends(works)
        early, late = first - rise, last - set_
        whole = days.count(lit) * track.step >= 360.0
        off = (early + late) / 2.0
        agree = (np.sign(early) == np.sign(late)) & (np.abs(early - late) <= CLOCK_AGREEMENT)
        wrong = wide & whole & agree & (np.minimum(np.abs(early), np.abs(late)) >= CLOCK_MINUTES)
    if not wrong.any():
        return shifted, 0.0
    return np.asarray(wrong[days.row]), float(np.median(off[wrong]))


def unit_issue(track: Track) -> tuple[QualityIssue | None, Mask]:
    """A wrong unit, and the readings, (n,), whose AC power it makes useless: whole days.

    AC power is checked against irradiance over 1000 W/m² where it is measured, else against the
    nameplate; DC power against AC power (an inverter's efficiency lies between 0.80 and 1.02).
    """
    capacity, days = track.capacity, track.days
    sun = track.irradiance / 1000.0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = days.median(track.share / sun, (sun > 0.1) & (track.power > 0))
        top = _top(track)
        large = (top > 5.0) & ~(ratio <= 5.0)
        lit = (sun > 0.1) & np.isfinite(track.power)
        tiny = (top > 0.0) & (top < TOO_SMALL) & (ratio < TOO_SMALL) & (days.count(lit) >= 6)
        tiny &= days.count(lit & (track.power > 0)) >= 0.9 * days.count(lit)
        small = tiny & _follows(track, sun, lit, tiny)
    row = days.row
    if large.any():
        factor = float(np.median(np.where(np.isfinite(ratio), ratio, top)[large]))
        readings = int((large[row] & (track.share > MIN_POWER_SHARE)).sum())
        return _issue(
            "unit_error",
            f"power_kw is {factor:.0f} times what a nameplate of {capacity:g} kW can give: "
            f"probably {10.0 ** round(math.log10(factor)):g} times too large "
            "(watts instead of kilowatts?)",
            readings,
            True,
        ), (large | small)[row]
    if small.any():
        return _issue(
            "unit_error",
            f"power_kw stays at {float(np.max(top[small])) * capacity:.3g} in full sun, nameplate "
            f"{capacity:g} kW: probably given in megawatts",
            int(small[row].sum()),
            True,
        ), small[row]
    return _dc_unit(track), np.zeros(len(track), dtype=bool)


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
    return _issue(
        "unit_error",
        f"dc_power_kw is {middle:.1f} times power_kw, an inverter allows "
        f"0.98 to 1.25: unit or scale error of the DC channel; {hint}",
        int(ratio.size),
    )
