"""Interpolated stretches: power that runs along a straight line, because somebody filled a gap with it.

>>> import numpy as np
>>> power = np.array([0.0, 2.0, 5.0, 9.0, 14.0, 12.0, 10.0, 8.0, 6.0, 5.0, 2.0])
>>> np.flatnonzero(straight(power, least=4, tolerance=1e-6)).tolist()  # from 14 down to 6
[4, 5, 6, 7, 8]
"""

from __future__ import annotations

import math

import numpy as np

from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs

MINUTES, READINGS = 60.0, 5
"""A straight line is as long as this, minutes, and has at least so many readings: within an hour a
morning's ramp bends more than a rounding error."""
CHANCE = 1e-6
"""Chance by which so many readings in a row may lie straight, where each does as often as the file's
others: coarse readings and smooth weather make short lines."""
MOST_DECIMALS, SAME = 6, 1e-9
"""Decimals beyond which values are not rounded: they are computed."""
ROUNDING = 1e-7
"""Share of capacity by which computed values may differ from a line."""
MOVES = 10.0
"""Resolutions by which a line must rise or fall in all: power that is held is another matter (`stale`)."""
TRIMS = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 2))
"""Readings left out at the two ends of a stretch without bends: one that was measured may lie near the
line."""
BESIDE, MOST_BESIDE = ("volts", "temperature", "dc_power"), 0.8
"""Channels that show whether power on a level line was measured, and the share of the line's readings on
which one of them runs straight too."""
STOPPED, WORKED, HIGH_SUN, GONE = 0.005, 0.05, 15.0, 0.5
"""Shares of capacity: no power, and surely some; degrees of the sun above the horizon between which a
machine does not end its day; share of the usual voltage below which there is none."""


def interpolated(track: Track) -> Mask:
    """Readings on a straight line, shape (n,): none of them was measured.

    A line of power at work rises or falls. Where power is level, or nothing, another channel of the machine
    that runs straight at the same time tells that nobody measured: at a limit, or at a stop, it does not.
    One that is level itself tells so only where no other is alive: the dead voltage of a machine that
    stands is level too. And what fills a gap begins where the last measured reading was.
    """
    with np.errstate(invalid="ignore"):
        at_work = track.power > STOPPED * track.capacity
    found = _lines(track, track.power, track.capacity, at_work) & at_work
    level = _lines(track, track.power, track.capacity, at_work, level=True) & ~found
    level &= track.sky.light & ~_stops(track, level)
    if not level.any():
        return found
    moving, still, alive = (np.zeros(len(track), dtype=bool) for _ in range(3))
    for name in BESIDE:
        values = getattr(track, name)
        there = np.isfinite(values) & (values != 0.0)
        if name == "volts" and there.any():
            usual = np.median(values[there & at_work]) if (there & at_work).any() else np.inf
            there &= values >= GONE * usual
        if there.any():
            scale = float(np.abs(values[there]).max())
            moving |= there & _lines(track, values, scale, there)
            if name != "dc_power":  # it is level under a limit as power is
                still |= there & _lines(track, values, scale, there, level=True)
                bend = np.abs(np.diff(values, 2)) > 2.0 * _tolerance(resolution_of(values), scale)
                alive[1:-1] |= bend & there[1:-1]
    for start, end in runs(level):
        part = slice(start, end)
        dead = alive[part].mean() <= 1.0 - MOST_BESIDE and (moving | still)[part].mean() >= MOST_BESIDE
        found[part] |= dead or moving[part].mean() >= MOST_BESIDE
    return found


def _stops(track: Track, level: Mask) -> Mask:
    """Of readings on level lines those of machines that stopped, or came back, under a high sun, (n,)."""
    stops = np.zeros(len(track), dtype=bool)
    adjacent = np.diff(track.sky.minutes, prepend=-np.inf, append=np.inf) <= 1.5 * track.step
    with np.errstate(invalid="ignore"):
        works = track.power > WORKED * track.capacity
        nothing = ~(track.power > STOPPED * track.capacity)
        high = track.sky.elevation > HIGH_SUN
    for start, end in runs(level & nothing):
        fell = adjacent[start] and high[start] and works[max(0, start - 2) : start].any()
        rose = adjacent[end] and high[end - 1] and works[end : end + 2].any()
        stops[start:end] = fell or rose
    return stops


def _tolerance(resolution: float, scale: float) -> float:
    """By how much a value may lie beside a line."""
    return max(1.01 * resolution, ROUNDING * scale)


def _lines(track: Track, values: Floats, scale: float, there: Mask, *, level: bool = False) -> Mask:
    """Readings of a channel, (n,), on straight lines longer than chance makes them, as those that are
    `there` show it; `scale`: the largest value. `level`: others and level ones count as well."""
    resolution = resolution_of(values)
    tolerance = _tolerance(resolution, scale)
    gaps = np.diff(track.sky.minutes, prepend=-np.inf) > 1.5 * track.step
    breaks = gaps | ~there
    whole = ~(breaks[1:-1] | breaks[2:])
    if not whole.any():
        return np.zeros(len(track), dtype=bool)
    with np.errstate(invalid="ignore"):
        by_chance = float(np.mean(np.abs(np.diff(values, 2))[whole] <= 2.0 * tolerance))
    least = shortest = max(READINGS, math.ceil(MINUTES / track.step) + 1)
    if by_chance > 0.0:
        least = max(least, 2 + math.ceil(math.log(CHANCE) / math.log(min(by_chance, 0.99))))
    found = straight(values, least, tolerance, gaps if level else breaks, level=level)
    if resolution > 0.0:  # values between those that the meter can show are computed
        with np.errstate(invalid="ignore"):
            computed = np.abs(values - np.round(values / resolution) * resolution) > ROUNDING * scale
        if computed.any():
            found |= computed & straight(values, shortest, ROUNDING * scale, breaks)
    return found


def straight(
    power: Floats, least: int, tolerance: float, breaks: Mask | None = None, *, level: bool = False
) -> Mask:
    """Values on straight lines of at least `least` readings, (n,), none further than `tolerance` from the
    line. A level line does not count, or where `level` is asked. `breaks`: where a line cannot go on
    from the value before."""
    flags = np.zeros(len(power), dtype=bool)
    if len(power) < max(3, least):
        return flags
    bend = np.abs(np.diff(power, 2))
    with np.errstate(invalid="ignore"):
        even = bend <= 2.0 * tolerance
    if breaks is not None:
        even &= ~(breaks[1:-1] | breaks[2:])
    for start, end in runs(even):
        for before, after in TRIMS:
            first, last = start + before, end + 2 - after
            if last - first >= least and _is_line(power[first:last], tolerance, level):
                flags[first:last] = True
                break
    return flags


def _is_line(values: Floats, tolerance: float, level: bool) -> bool:
    rise = values[-1] - values[0]
    moves = abs(rise) >= MOVES * tolerance and abs(rise) >= 2.0 * tolerance * len(values)
    if not (moves or level):
        return False
    line = values[0] + rise * np.arange(len(values)) / (len(values) - 1)
    return bool(np.abs(values - line).max() <= tolerance)


def resolution_of(values: Floats) -> float:
    """The resolution of the values: 0.01 where all have two decimals, 0.0 where they are not rounded."""
    known = values[np.isfinite(values)][:2000]
    for decimals in range(MOST_DECIMALS + 1):
        if np.abs(known - np.round(known, decimals)).max(initial=0.0) <= SAME:
            return float(10.0**-decimals)
    return 0.0
