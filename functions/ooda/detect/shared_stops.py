"""Which stops of a site's machines have one cause: a posterior over what may have stopped them. Pure.

Of machines that stop together three things may be true: something *common* stopped them (the grid, a
feeder, their operator), a *storm* struck each, or each failed *alone* and it is chance. What tells them
apart is how close the beginnings and the returns lie, how many of the site stopped, how long they stand,
and the weather. While they stand the returns say nothing yet, so a later day may tell otherwise.
Stops that follow each other are another matter: `rotations.py`.

>>> noon = datetime(2025, 6, 10, 12)
>>> def off(machine, begin, end):
...     return Stop(machine, noon + timedelta(hours=begin), noon + timedelta(hours=end), 15.0)
>>> feeder = [off(name, 0.0, 52.0) for name in "abc"]
>>> dead = [off(name, 0.1 * n, 20.0 + 22.0 * n) for n, name in enumerate("abc")]
>>> common(feeder, {}, 8) > 0.9, common(dead, {}, 8) < 0.1
(True, True)
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ooda.detect.machine_stops import MINUTES_A_DAY, Stop, groups
from ooda.detect.rotations import in_turn
from ooda.detect.weather_signals import DROP_C, PEAK_MM, WIND_M_S

STORM_MINUTES = 120.0
"""Over which a storm strikes (ours)."""
COMMON, STORM, ALONE = 0.12, 0.03, 0.85
"""Share of a machine's stops that have this reason (ours): most are its own."""
SIZES = ((0.9, 0.5), (0.45, 0.3), (0.3, 0.17), (0.0, 0.005))
"""From which share of the machines, how many of the common stops take so many (ours). Two of many that stop
and come back at once are seen among sound inverters of one site."""
STRUCK = 0.15
"""How often a storm that strikes one machine strikes another of the site (ours)."""
OWN_RATE, RATE_DAYS = 0.02, 10.0
"""Stops of a machine a day, as is usual; and days around a stop whose others count beside it."""
TOGETHER = {"common": 0.9, "storm": 0.9, "alone": 0.02}
"""How often machines that stop in one night do so; by day it follows from the times."""
RETURNS = {
    "common": (0.74, 0.20, 0.04, 0.02),
    "storm": (0.03, 0.10, 0.27, 0.60),
    "alone": (0.06, 0.20, 0.34, 0.40),
}
"""How often two of them come back at once, within an hour, on the same day, later (ours). What is switched
comes back together, or one by one; what is damaged when somebody has mended it."""
SHORT_HOURS, MENDED_HOURS = 6.0, 100.0
"""After so long half of the common stops are over; after so long 1/e of the damaged stand."""
SEEN_LATE = 0.25
"""How often one that was switched with others is seen to stop at another time: nothing was due yet."""
STORMY = {"common": 0.2, "storm": 0.8, "alone": 0.05}
"""How often the weather is a storm's."""
RELATED, MOST_RELATED = 3.0, 2
"""How many times likelier a common cause is where most of them had stopped together before; how often that
counts."""
LOOKED_BACK = timedelta(days=30)
"""Before a stop: of what had stopped together in it the same is likelier."""


@dataclass(frozen=True)
class Shared:
    """A stop of a common cause, and until when that explains it."""

    cause: Literal["grid", "operation"]
    stop: Stop
    until: datetime


def common(
    group: Sequence[Stop], rates: Mapping[str, Sequence[datetime]], of: int, related: int = 0
) -> float:
    """How likely a group of stops (two or more) that begin together has one cause, 0…1. `rates`: when each
    machine of the site stopped; `of`: its machines; `related`: how often these had stopped so before."""
    more, others = len(group) - 1, of - 1
    size = next(rate for least, rate in SIZES if len(group) >= least * of)
    struck = math.comb(others, more) * STRUCK**more * (1.0 - STRUCK) ** (others - more)
    weights = {
        "common": COMMON * size * RELATED ** min(related, MOST_RELATED),
        "storm": STORM * struck,
        "alone": ALONE * others**more,
    }
    middle = sorted(group, key=lambda one: one.begin)[len(group) // 2]
    back = max(
        ([a, *(b for b in group if b is not a and b.over and not _apart(b, a))] for a in group if a.over),
        key=len,
        default=[],
    )
    for why in weights:
        begins = [_begins(why, one, middle, rates) for one in group if one is not middle]
        returns = [RETURNS[why][_apart(one, back[0])] for one in group if back and one is not back[0]]
        weights[why] *= math.prod(begins) * math.prod(returns) * _weather(why, group)
        weights[why] *= 1.0 if back else _stands(why, group)
    return weights["common"] / sum(weights.values())


def _begins(why: str, one: Stop, other: Stop, rates: Mapping[str, Sequence[datetime]]) -> float:
    """How likely a stop begins when another does, or, where it does not, while it lasts."""
    if one.from_night and other.from_night:
        return TOGETHER[why]
    width, at_once = 2.0 * one.within / timedelta(minutes=1), one.begins_with(other)
    if why == "common":
        return 0.9 if at_once else SEEN_LATE
    if why == "storm":
        chance = min(0.9, width / STORM_MINUTES)
        return chance if at_once else 1.0 - chance
    around, own = timedelta(days=RATE_DAYS / 2), rates.get(one.machine, ())
    seen = bisect_right(own, one.begin + around) - bisect_left(own, one.begin - around) - 1
    rate = OWN_RATE + max(0, seen) / RATE_DAYS
    minutes = width if at_once else max(width, (other.end - other.begin) / timedelta(minutes=1))
    return min(0.9, minutes * rate / MINUTES_A_DAY)


def _apart(one: Stop, other: Stop) -> int:
    """How far two returns lie apart: 0 at once, 1 within an hour, 2 on the same day, 3 later. One that
    stands while the other is back comes later."""
    if not one.over:
        late = one.end - other.end
        return 0 if late <= one.within else 1 if late <= timedelta(hours=1) else 3
    apart = abs(one.end - other.end)
    if one.to_night and other.to_night and apart < timedelta(hours=5):
        return 0
    if one.to_night != other.to_night or apart > timedelta(hours=12):
        return 3
    within = max(one.within, other.within)
    return 0 if apart <= within else 1 if apart <= within + timedelta(hours=1) else 2


def _stands(why: str, group: Sequence[Stop]) -> float:
    """How likely all of them stand for so long."""
    hours = (max(one.end for one in group) - min(one.begin for one in group)) / timedelta(hours=1)
    if why == "common":
        return 1.0 / (1.0 + hours / SHORT_HOURS)
    mended = math.exp(-hours / MENDED_HOURS)
    own = mended if why == "storm" else 0.5 * mended + 0.5 / (1.0 + hours)
    return own ** len(group)


def _weather(why: str, group: Sequence[Stop]) -> float:
    """How likely the weather is what it was; 1 where nobody knows."""
    told = [one.signals for one in group if one.signals is not None and one.signals.gust_m_s is not None]
    if not told:
        return 1.0
    bad = [
        (s.gust_m_s or 0.0) >= WIND_M_S
        or (s.rain_peak_mm or 0.0) >= PEAK_MM
        or (s.ambient_drop_c or 0.0) >= DROP_C
        for s in told
    ]
    return STORMY[why] if sum(bad) * 2 > len(bad) else 1.0 - STORMY[why]


def labelled(stops: Sequence[Stop], of: int) -> list[Shared]:
    """The stops that have a common cause, of all stops of a site with so many machines."""
    rates: dict[str, list[datetime]] = {}
    for stop in sorted(stops, key=lambda one: one.begin):
        rates.setdefault(stop.machine, []).append(stop.begin)
    together = groups(stops)
    found = [Shared("operation", stop, stop.end) for stop in in_turn(together)]
    turning = {id(one.stop) for one in found}
    seen: list[tuple[datetime, frozenset[str]]] = []
    for group in together:
        names, begin = frozenset(stop.machine for stop in group), group[0].begin
        buried = sum(stop.parts[0][1].kind == "snow" for stop in group if stop.parts)
        if len(names) < 2 or 2 * buried > len(group) or any(id(stop) in turning for stop in group):
            continue
        related = sum(
            2 * len(before & names) > len(names) for at, before in seen if begin - at <= LOOKED_BACK
        )
        if common(group, rates, of, related) < 0.5:
            continue
        seen.append((begin, names))
        until = _until(group)
        found += [Shared("grid", stop, min(stop.end, until)) for stop in group]
    return found


def _until(group: Sequence[Stop]) -> datetime:
    """Until when a common cause stops its machines: most were back, and who was not within an hour more
    has something of his own."""
    back = sorted(stop.end for stop in group if stop.over)
    if 2 * len(back) <= len(group):
        return max(stop.end for stop in group)
    middle = back[len(back) // 2] + timedelta(hours=1, minutes=group[0].step)
    return max(end for end in back if end <= middle)
