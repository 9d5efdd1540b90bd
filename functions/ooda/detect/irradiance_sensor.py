"""An irradiance sensor that reads too much or too little: since when, and by how much.

Power over irradiance leaves its level, at once or creeping, and irradiance leaves what machines tell of it.
The first goes with the season where the sensor lies otherwise than the modules, the second where the
sensor's plane was learned badly: what both have in common is a change. One machine's own fault is not in
the second. The clear sky says who moved where there are no neighbours, and where all machines moved
together: under a quiet sky about noon either the sensor or the power left its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import bottleneck as bn
import numpy as np

from ooda.detect.change_point import change_points
from ooda.detect.day_marks import Table
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import runs

LEAST = 0.06
"""Change of power over irradiance, natural logarithm, that is told. Sensors are calibrated to 2 to 3 %."""
NOISES, MOST = 3.0, 0.08
"""…and as many times the noise of levels that lie ten days apart, up to 0.08."""
NOISE = 0.012
"""Natural logarithm by which days are never trusted to differ less."""
BEGINS = 0.1
"""Share of a change, at its height, from which it has begun: what creeps begins long before it is told."""
AT_ONCE, BESIDE = 0.6, 6
"""Share of a change that came at once, from the six days before to the six after."""
NEAR_STEP = 0.8
"""Share of the highest such jump that the days beside the step have too: medians know it to a few days."""
SMOOTH = 7
"""Days of a running median between steps."""
FIRST, LOOK = 14, 90
"""Days. The level of a day is compared with the first 14 sound days of the last 90."""
OWN_SHARE = 0.5
"""Share of the change that must be seen against the neighbours too, before the machine is who moved."""
SIDE = 20
"""Sound days before a change (and after it) whose clear levels are compared with its own."""
CLEAR_QUANTILE = 0.75
"""Of the days' quiet levels on one side: the clear days', where a quarter is clear."""
CLEAR_DAYS = 3
"""Days with a quiet level that each side needs."""
SEASON, SEASON_IN_PLANE = 2.0, 0.2
"""How much of the season of the assumed plane's noon power over irradiance may follow: twice as much under
steep modules and a flat sensor, a fifth where both lie alike."""
SURE = 0.6
"""Of the change: the clear sky decides where one of the two explanations leaves so much less of it (the
other leaves twice the change)."""


@dataclass(frozen=True)
class Sensor:
    """Days, (D,), on which the sensor is off; by how much it reads more (below 0: less), shares, (D,)."""

    wrong: Mask
    share: Floats


def sensor_days(table: Table, sound: Mask) -> Sensor:
    """The days on which the irradiance sensor is off. `sound`: days whose power is right, (D,)."""
    off = np.zeros(len(table))
    ways = [
        np.where(sound, _log(table.of_sun), np.nan),
        np.where(sound, -_log(table.sensor_of_machines), np.nan),
    ]
    if not np.isfinite(table.of_neighbours).any():  # nobody but the machine itself tells of its sensor
        ways = [way for way in ways if np.isfinite(way).any()]
    known = np.flatnonzero(np.all(np.isfinite(ways), axis=0)) if ways else np.empty(0)
    known = known.astype(np.int64)
    if len(known) > FIRST:
        away = _common([_away_of(way, known) for way in ways])
        least = max(LEAST, min(MOST, NOISES * min(_slow_noise(way[known]) for way in ways)))
        jumps = _common([_jumps(way[known]) for way in ways])
        overnight = _common([np.diff(way[known], prepend=np.nan) for way in ways])
        for begin, end in _changes(away, least):
            up = np.sign(np.median(away[begin:end]))
            high = up * jumps[begin:end]
            near = (high >= NEAR_STEP * high.max()) & np.isfinite(overnight[begin:end])
            step = begin + int(np.argmax(np.where(near, up * overnight[begin:end], -np.inf)))
            at_once = abs(jumps[step]) >= max(LEAST, AT_ONCE * abs(np.median(away[step:end])))
            if at_once:
                begin = step
            if _is_sensor(table, known, away, begin, end, at_once):
                last = known[end] if end < len(known) else len(table)  # a day that says nothing goes along
                off[known[begin] : last] = -float(np.median(away[begin:end]))
                off[known[begin:end]] = -away[begin:end]
    return Sensor(off != 0.0, np.expm1(off))


def _away_of(ratio: Floats, known: Ints) -> Floats:
    """How far the level of a ratio is from the usual one on each measured day."""
    steps = [step.day for step in change_points(ratio, least=LEAST / 2.0, noise=NOISE)]
    return _away(_level(ratio[known], np.searchsorted(known, steps).tolist()), ratio[known])


def _jumps(series: Floats) -> Floats:
    """By how much each measured day and those after it lie above those just before it."""
    if len(series) < 2 * BESIDE:
        return np.zeros(len(series))
    middle = bn.move_median(series, BESIDE, min_count=1)
    out = np.zeros(len(series))
    out[1:] = bn.move_median(series[::-1], BESIDE, min_count=1)[::-1][1:] - middle[:-1]
    return out


def _common(ways: Sequence[Floats]) -> Floats:
    """What all ways of seeing it have in common: the smallest, or nothing where their signs differ."""
    every = np.array(ways)
    smallest = np.abs(every).min(axis=0) * np.sign(every[0])
    return np.where((np.sign(every) == np.sign(every[0])).all(axis=0), smallest, 0.0)


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.where(values > 0.0, values, np.nan)))


def _level(series: Floats, steps: list[int]) -> Floats:
    """A running median of each part between two steps."""
    out = np.empty(len(series))
    bounds = [0, *steps, len(series)]
    half = SMOOTH // 2
    for begin, end in pairwise(bounds):
        if begin == end:
            continue
        part = np.pad(series[begin:end], half, constant_values=np.nan)
        out[begin:end] = bn.nanmedian(np.lib.stride_tricks.sliding_window_view(part, SMOOTH), axis=1)
    return out


def _away(level: Floats, series: Floats) -> Floats:
    """How far each day's level is from that of the sound days before it."""
    away: list[float] = []
    of_first = float(np.median(series[:FIRST]))
    values, sound, middle = series.tolist(), list[int](), of_first
    chosen: list[int] = []  # the first sound days of those looked at
    for n, own in enumerate(level.tolist()):
        if n >= FIRST:
            while sound and sound[0] < n - LOOK:
                sound.pop(0)
            if sound[:FIRST] != chosen:
                chosen = sound[:FIRST]
                middle = median(values[day] for day in chosen) if chosen else of_first
        away.append(own - middle)
        if abs(away[n]) < LEAST:
            sound.append(n)
    return np.array(away)


def _slow_noise(series: Floats) -> float:
    """How much levels ten measured days apart differ beside a steady drift, 1.4826 MAD / √2: dull and clear
    weeks change power over irradiance, the more the otherwise the sensor lies."""
    apart = series[10:] - series[:-10]
    return 1.4826 * float(np.median(np.abs(apart - np.median(apart)))) / 2.0**0.5 if len(apart) else 0.0


def _changes(away: Floats, least: float) -> list[tuple[int, int]]:
    """From where to where each change goes (places of measured days): all days on its side of the level,
    from its first beginnings."""
    found: list[tuple[int, int]] = []
    for first, last in runs(np.abs(away) >= least):
        if found and last <= found[-1][1]:
            continue
        height = away[first + int(np.argmax(np.abs(away[first:last])))]
        begin, end = first, last
        while begin > 0 and away[begin - 1] / height >= BEGINS:
            begin -= 1
        while end < len(away) and away[end] / height >= 2.0 * BEGINS:
            end += 1
        found.append((begin, end))
    return found


def _is_sensor(table: Table, known: Ints, away: Floats, begin: int, end: int, at_once: bool) -> bool:
    """Whether the sensor, and not the machine, made a change."""
    inside, outside = known[begin:end], _sound_beside(known, away, begin, end)
    change = float(np.median(away[begin:end]))
    beside = _change(_log(table.of_neighbours), inside, outside, 0.5)
    if beside is not None and beside / change >= OWN_SHARE:
        return False
    verdict = _by_clear_sky(table, inside, outside, change)
    if not at_once and abs(change) - abs(_seasonal(table, inside, outside)) < LEAST:
        return False  # a sensor that lies otherwise than the modules goes with the season
    if not at_once and change > 0.0:
        return verdict >= 0  # no machine creeps above what it was
    if at_once and beside is not None:  # all machines at once: rain may wash them, nothing dirties them
        return change < 0.0 or verdict >= 0
    return verdict > 0


def _sound_beside(known: Ints, away: Floats, begin: int, end: int) -> Ints:
    """The sound days next to a change, before it and after it."""
    usual = np.abs(away) < LEAST
    before, after = np.flatnonzero(usual[:begin])[-SIDE:], np.flatnonzero(usual[end:])[:SIDE] + end
    return np.asarray(known[np.concatenate((before, after))])


def _by_clear_sky(table: Table, inside: Ints, outside: Ints, change: float) -> int:
    """Who left the level of the clear sky: 1 the sensor, -1 the machine, 0 nobody knows."""
    in_plane = _log(table.season) if _lies_in_plane(table) else 0.0
    sensor = _change(_log(table.sensor_of_clear) - in_plane, inside, outside, CLEAR_QUANTILE)
    power = _change(_log(table.power_of_clear), inside, outside, CLEAR_QUANTILE)
    if sensor is None or power is None:
        return 0
    if_sensor = abs(sensor + change) + abs(power)
    if_machine = abs(sensor) + abs(power - change)
    if abs(if_sensor - if_machine) < SURE * abs(change):
        return 0
    return 1 if if_sensor < if_machine else -1


def _lies_in_plane(table: Table) -> bool:
    """Whether the sensor goes with the season as the modules do: then its clear days lie closer together in
    their plane than on the flat."""
    level, season = _log(table.sensor_of_clear), _log(table.season)

    def spread(values: Floats) -> float:
        known = values[np.isfinite(values)]
        return float(np.quantile(known, 0.9) - np.quantile(known, 0.4)) if len(known) else 0.0

    return spread(level - season) <= spread(level)


def _seasonal(table: Table, inside: Ints, outside: Ints) -> float:
    """How much the season may change power over irradiance: little where the sensor lies as the modules."""
    change = _change(_log(table.season), inside, outside, 0.5)
    return 0.0 if change is None else change * (SEASON_IN_PLANE if _lies_in_plane(table) else SEASON)


def _change(values: Floats, inside: Ints, outside: Ints, quantile: float) -> float | None:
    """How much the level inside differs from that outside; None where there is too little of one."""
    now, usual = values[inside], values[outside]
    now, usual = now[np.isfinite(now)], usual[np.isfinite(usual)]
    if len(usual) < CLEAR_DAYS or not len(now):
        return None
    return float(np.quantile(now, quantile) - np.quantile(usual, quantile))
