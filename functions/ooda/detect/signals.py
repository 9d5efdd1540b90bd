"""Signals: numbers that describe how an episode looks, for example its loss at noon.

Diagnose compares them with the signatures of causes. A signal is None where its channel is not measured or
there are too few readings.
"""

from __future__ import annotations

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.detect import weather_signals
from ooda.detect.case import Case
from ooda.detect.channels import (
    AT_WORK,
    FULL,
    HIGH,
    LEAST_RANKED,
    LOW,
    MIN_READINGS,
    Channels,
    Usual,
    median,
    of_usual,
    sag,
    spread,
)
from ooda.detect.peers import HELD_SHARE
from ooda.detect.sky import SLOTS, Floats, Mask
from ooda.detect.stretches import ZERO_SHARE
from ooda.detect.track import Indices, runs
from ooda.documents.detections import Signals

EARLY, LATE = 21, 27
"""Solar half hours: 10:30 and 13:30 in solar time. Noon is between them."""
CLEAR, CLOUDY = 0.75, 0.45
"""Clear-sky index (1): the sky is clear from 0.75, cloudy below 0.45."""
MOSTLY = 0.5
"""Share of its readings without power (0…1) from which on a stretch is a stop."""
AT_DAWN = 2
"""Readings. What was judged, or gave power, for more of them before has not begun with the day."""
HIDDEN = 0.67
"""A loss at full load below so much of that at high load is hidden: the modules can give more than the
inverter, here and at its neighbours."""


def _part(power: Floats, expected: Floats, where: Mask) -> float | None:
    """Loss of the members `where`, as a share of their expected energy; None where too few."""
    due = float(np.nansum(expected[where])) if np.count_nonzero(where) >= MIN_READINGS else 0.0
    if due <= 0:
        return None
    return round(1.0 - float(np.nansum(power[where])) / due, 4)


def _hidden(case: Case, power: Floats, expected: Floats, due: Floats) -> Mask:
    """Readings at full load, where the ceiling of inverters hides what modules lack there; none of a
    turbine, nor where full load loses as much as high load (`HIDDEN`)."""
    with np.errstate(invalid="ignore"):
        full, high = due >= FULL, (due >= HIGH) & (due < FULL)
    at_full, below = _part(power, expected, full), _part(power, expected, high)
    if case.track.asset.is_wind or at_full is None or below is None or at_full >= HIDDEN * below:
        return np.zeros(len(due), dtype=bool)
    return np.asarray(full)


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
    shown = ~_hidden(case, power, expected, due)
    slot = track.sky.slot[members]
    temperature = track.temperature[members]
    cell = channels.cell[members]
    at_work = members[~zero]
    of_point = channels.at_point[members]
    at_point = members[of_point]
    of_volts = at_point if len(at_point) >= MIN_READINGS else at_work
    of_volts = of_volts if len(of_volts) >= MIN_READINGS else members
    volts = median(channels.volts[of_volts])
    ratio, slope = _efficiency(ac_dc[at_work], due[~zero], usual)
    running = ~zero & np.isfinite(inside)
    plateau, level = _plateau(inside[running], due[running])
    held = case.beside.held[members]
    start = members[0]
    dawn = int(track.days.first[track.days.row[start]])
    stood = bool(zero.mean() > MOSTLY)
    today = slice(dawn, max(members[-1] + 1, int(np.searchsorted(track.sky.day, track.sky.day[start] + 1))))
    due_today = (track.sky.day[today] == track.sky.day[start]) & res.judged[today]
    due_today[members - dawn] = True  # a stop goes on where too little is due to tell more
    after = members[-1] + 1 - dawn
    back = bool((due_today[after:] & (track.share[today][after:] > ZERO_SHARE)).any())
    jump = np.abs(np.diff(measured)) if measured.size >= 4 else np.empty(0)
    heat = median(warm[members])
    return Signals(
        zero_share=round(float(zero.mean()), 3),
        loss_share=_part(power, expected, np.isfinite(expected)) or 0.0,
        loss_spread=round(float(measured.std()), 4) if measured.size else 0.0,
        day_share=round(len(members) / max(int(due_today.sum()), 1), 3),
        loss_low=_part(power, expected, low),
        loss_high=_part(power, expected, high & shown),
        loss_full=_part(power, expected, due >= FULL),
        loss_early=_part(power, expected, (slot < EARLY) & shown),
        loss_noon=_part(power, expected, (slot >= EARLY) & (slot < LATE) & shown),
        loss_late=_part(power, expected, (slot >= LATE) & shown),
        loss_clear=_part(power, expected, clear & shown),
        loss_cloudy=_part(power, expected, cloudy),
        first_slot=int(slot[0]) if slot[0] < SLOTS else None,
        from_dawn=_from_dawn(due_today[: start - dawn], track.share[dawn:start], stood=stood),
        temperature_max_c=_highest(temperature),
        temperature_correlation=rank_correlation(share, temperature),
        cell_max_c=_highest(cell),
        cell_correlation=rank_correlation(share, cell, due),
        warmth_c=round(heat - usual.warmth_c, 1)
        if heat is not None and usual.warmth_c is not None
        else None,
        voltage_ratio=of_usual(volts, median(channels.cell[of_volts]), _due(case, of_volts), usual),
        voltage_spread=spread(channels.volts[at_point]),
        voltage_sag=sag(channels.cold[at_point], due[of_point], usual),
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
            _worked(case, members, ref.own if by_own else ref.expected) if stood else None,
        ),
    )


def _from_dawn(judged: Mask, share: Floats, *, stood: bool) -> float:
    """1 where a stretch began with its day, else 0. `judged`, `share`: the day's readings before it. A
    machine that gave power before it stopped had started, though in light too weak to judge it."""
    started = stood and np.count_nonzero(share > ZERO_SHARE) > AT_DAWN
    return float(np.count_nonzero(judged) <= AT_DAWN and not started)


def _mean(values: Floats) -> float | None:
    return round(float(np.nanmean(values)), 3) if np.isfinite(values).any() else None


def _highest(values: Floats) -> float | None:
    return round(float(np.nanmax(values)), 1) if np.isfinite(values).any() else None


def _due(case: Case, rows: Indices) -> float | None:
    middle = median(case.ref.expected[rows])
    return None if middle is None else middle / case.track.capacity


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
    middle = median(inside)
    if middle is None:
        return None, None
    weak, strong = median(inside[load < LOW]), median(inside[load >= HIGH])
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
