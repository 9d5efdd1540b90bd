"""Which stops of a site's machines have one cause: a posterior over what may have stopped them. Pure.

A stop goes from its first reading to the last, over nights. Of machines that stop together three things
may be true: something *common* stopped them (the grid, a feeder, their operator), a *storm* struck each, or
each failed *alone* and it is chance. What tells them apart is how close the beginnings and the returns lie,
how many of the site stopped, how long they stand, and the weather. While they stand the returns say nothing
yet, so a later day may tell otherwise. Stops that follow each other are a *rotation* where that comes too
often for chance.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate, combinations
from typing import Literal

from ooda.detect.weather_signals import DROP_C, PEAK_MM, WIND_M_S
from ooda.documents.asset_history import HistoryDay
from ooda.documents.detections import Episode, Signals

STOPPED = ("outage", "site_outage", "operation")
"""Kinds of episodes that are stops; those under snow are some where nothing came (`ALL`)."""
ALL = 0.9
"""Share of a stop's readings without power."""
MINUTES_A_DAY, STORM_MINUTES = 600.0, 120.0
"""Of light, in which a machine may stop; over which a storm strikes (ours)."""
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
TURN, TURNS, TURN_PRIOR = 0.9, 3, 0.02
"""How often a stop of a rotation follows another, how many machines make one, and its odds beforehand."""
MOST_CHANCE = 0.6
"""The most that chance may say of two stops that stand at once."""
SMOOTHED_MINUTES, AT_ANY_TIME = 90.0, 8.0
"""Around a time of day, in which the begins of all days tell how often one falls to it; and beside them so
many that might have come at any time of the light."""
NOTHING = 0.02
"""Of what was due on a day: a machine that gave no more stood still on it."""
BLURRED, MOST_BESIDE = timedelta(hours=4), 12
"""How far apart stops may seem to begin that did so together, where little was due; groups looked at."""
HALF_A_DAY = timedelta(hours=12)
NIGHT, REST = timedelta(hours=18), timedelta(days=4)
"""The longest night; between turns of one rotation."""
IN_A_NIGHT = 0.12
"""How often a machine's own stop begins and ends in the night, to the one as to the other."""
LOOKED_BACK = timedelta(days=30)
"""Before a stop: of what had stopped together in it the same is likelier."""


@dataclass(frozen=True, eq=False)
class Stop:
    """A machine's stop, UTC. `begin`, `end`: first and last reading without power; `step`: minutes between
    readings. `from_night`: nobody saw it begin; `to_night`: it had come back by the next morning. `over`:
    it came back. `parts`: its episodes by day."""

    machine: str
    begin: datetime
    end: datetime
    step: float
    from_night: bool = False
    to_night: bool = False
    over: bool = True
    signals: Signals | None = None
    parts: tuple[tuple[str, Episode], ...] = field(default=())

    @property
    def day(self) -> str:
        """The solar day on which it began."""
        return self.parts[0][0] if self.parts else f"{self.begin:%Y-%m-%d}"

    @property
    def within(self) -> timedelta:
        """What is at once: a reading, and a little for clocks."""
        return timedelta(minutes=self.step + 5.0)

    def begins_with(self, other: Stop) -> bool:
        """Whether both begin at once, or in the same night."""
        if self.from_night != other.from_night:
            return False
        apart = timedelta(hours=5) if self.from_night else max(self.within, other.within)
        return abs(self.begin - other.begin) <= apart

    def ends_with(self, other: Stop) -> bool:
        """Whether both came back at once by day, and stood together for most of the time."""
        if not (self.over and other.over) or self.to_night or other.to_night:
            return False
        at_once = abs(self.end - other.end) <= max(self.within, other.within)
        return at_once and abs(self.begin - other.begin) <= BLURRED and self.during(other) >= 0.2

    def followed_by(self, other: Stop) -> bool:
        """Whether the other stops when this one comes back."""
        if not self.over or self.to_night != other.from_night:
            return False
        if self.to_night:
            return timedelta(0) < other.begin - self.end < NIGHT
        return abs(other.begin - self.end) <= max(self.within, other.within)

    def during(self, other: Stop) -> float:
        """Share of the other's time in which this one stands."""
        both = min(self.end, other.end) - max(self.begin, other.begin)
        return max(0.0, both / max(other.end - other.begin, timedelta(minutes=other.step)))


@dataclass(frozen=True)
class Shared:
    """A stop of a common cause, and until when that explains it."""

    cause: Literal["grid", "operation"]
    stop: Stop
    until: datetime


# ------------------------------------------------------------------ stops


def stops_of(machine: str, days: Mapping[str, HistoryDay]) -> list[Stop]:
    """A machine's stops, over nights, in order of time; those that a log explains or names are none."""
    found: list[Stop] = []
    stands = False
    for day in sorted(day for day, item in days.items() if item.judged_hours > 0):
        item = days[day]
        episodes = sorted(item.episodes, key=lambda one: one.window.start)
        own = [e for e in episodes if _is_stop(e) and not e.events]
        nothing = item.measured_kwh <= NOTHING * item.expected_kwh
        if stands and not nothing and not (own and own[0].signals.from_dawn >= 0.5):
            found[-1], stands = replace(found[-1], over=True, to_night=True), False
        for episode in own:
            part, over = (day, episode), episode.signals.recovered
            if stands:
                parts = (*found[-1].parts, part)
                found[-1] = replace(found[-1], end=episode.window.end, over=over, parts=parts)
            else:
                night, step = episode.signals.from_dawn >= 0.5, max(item.step_minutes, 1.0)
                ends = (episode.window.start, episode.window.end)
                found.append(Stop(machine, *ends, step, night, False, over, episode.signals, (part,)))
            stands = not over
    return found


def _is_stop(episode: Episode) -> bool:
    return episode.kind in STOPPED or (episode.kind == "snow" and episode.signals.zero_share >= ALL)


def groups(stops: Iterable[Stop]) -> list[list[Stop]]:
    """Stops that begin together, or within hours of each other and end together, each machine once, in
    order of time."""
    found: list[list[Stop]] = []
    for stop in sorted(stops, key=lambda one: (one.begin, one.machine)):
        for last in reversed(found[-MOST_BESIDE:]):
            if stop.machine not in {one.machine for one in last} and (
                stop.begins_with(last[-1]) or any(stop.ends_with(one) for one in last)
            ):
                last.append(stop)
                break
        else:
            found.append([stop])
    return found


# ------------------------------------------------------------------ together


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


# ------------------------------------------------------------------ one after the other


def in_turn(group: Sequence[Sequence[Stop]]) -> list[Stop]:
    """The stops of rotations among groups that begin together, in order of their beginnings; none where
    chance does as well.

    Each day is judged by its own odds (`_odds`): a day of chance lowers them, however often it comes. Named
    are runs of days that are likelier a rotation than chance among all such runs of the days looked at.
    """
    links, begins = _links(group), [part[0].begin for part in group]
    spells = [_day_odds(spell, group) for spell in _spells(links, begins)]
    tried = sum(len(own) > 1 or own[0][0].to_night for own in _by_day(group).values())
    of_day: dict[str, list[tuple[int, int]]] = {}
    for link in links:
        of_day.setdefault(group[link[0]][0].day, []).append(link)
    stops: list[Stop] = []
    for odds, chosen in spells:
        for days in _runs(odds, tried, math.log(TURN_PRIOR) - chosen):
            own = [link for day in days for link in of_day.get(day, ())]
            sets = [{stop.machine for stop in group[n]} for n in {n for link in own for n in link}]
            if len(set().union(*sets)) < TURNS or len(own) < TURNS - 1:
                continue
            last = max(group[m][0].day for _, m in own)
            those = [
                part
                for part in group
                if days[0] <= part[0].day <= last
                and any({stop.machine for stop in part} <= s for s in sets)
            ]
            stops += [stop for part in _all_of(those, group, sets) for stop in part]
    return list({id(stop): stop for stop in stops}.values())


def _links(group: Sequence[Sequence[Stop]]) -> list[tuple[int, int]]:
    """Which group stops when which other comes back, of other machines, that had worked till then."""
    begins = [part[0].begin for part in group]
    links: list[tuple[int, int]] = []
    for n, one in enumerate(group):
        last = _middle_end(one)
        near = range(bisect_left(begins, last.end - NIGHT), bisect_right(begins, last.end + NIGHT))
        after = [
            m for m in near if m != n and last.followed_by(group[m][0]) and _apart_in_time(one, group[m])
        ]
        links += [(n, after[0])] if after else []
    return links


def _day_odds(
    spell: Sequence[tuple[int, int]], group: Sequence[Sequence[Stop]]
) -> tuple[dict[str, float], float]:
    """For each day of a spell that can tell: the odds, as a logarithm, of a rotation to chance. Of the
    machines that follow each other all stops count, also those that nothing followed."""
    numbers = {n for link in spell for n in link}
    machines = {stop.machine for n in numbers for stop in group[n]}
    most, begun = max(len(group[n]) for n in numbers), group[spell[0][0]][0].day
    ended = max(group[m][0].day for _, m in spell)
    those = [
        part
        for part in group
        if begun <= part[0].day <= ended and len(part) <= most and {s.machine for s in part} <= machines
    ]
    by_day = _by_day(those)
    stopped = {s.machine for part in group if begun <= part[0].day <= ended for s in part}
    chosen = math.log(math.comb(len(stopped | machines), len(machines)))
    chance = Chance([part[0].begin for part in those])
    followed, linked = {id(group[n]) for n, _ in spell}, {id(group[n]) for n in numbers}
    found: dict[str, float] = {}
    before: list[tuple[datetime, set[str]]] = []
    for day, own in sorted(by_day.items()):
        if len(own) > 1 or own[0][0].to_night:
            sets = [{stop.machine for stop in part} for part in own if id(part) in linked and len(part) > 1]
            lately = [names for at, names in before if own[0][0].begin - at <= REST]
            found[day] = _odds(own, followed, chance) + _same_again(sets, lately, len(machines))
            before += [(own[0][0].begin, names) for names in sets]
    return found, chosen


def _odds(own: Sequence[Sequence[Stop]], followed: set[int], chance: Chance) -> float:
    """The odds of one day. Counted are the groups, all but the last, that another follows, and those that
    none follows, and which of them stand at once; beside how often that comes where as many stops of the
    same length begin at any time. A stop over night is to begin and end in it."""
    score = 0.0
    for n, one in enumerate(own):
        end = _middle_end(one)
        if end.to_night:
            score += math.log(TURN / IN_A_NIGHT) if id(one) in followed else 0.0
        elif n < len(own) - 1:
            hit = id(one) in followed
            others = sum(map(len, own[n + 1 :])) if hit else len(own) - n - 1
            later = chance.share(one[0].begin, one[0].begin + HALF_A_DAY)
            by_chance = _limited(others * chance.share(end.end - end.within, end.end + end.within) / later)
            score += math.log(TURN / by_chance if hit else (1.0 - TURN) / (1.0 - by_chance))
    for one, other in combinations(own, 2):
        a, b = _middle_end(one), _middle_end(other)
        both = (chance.share(p[0].begin + z.within, z.end - z.within) for p, z in ((one, a), (other, b)))
        by_chance = min(MOST_CHANCE, _limited(sum(both)))
        at_once = other[0].begin < a.end - a.within and one[0].begin < b.end - b.within
        score += math.log((1.0 - TURN) / by_chance if at_once else TURN / (1.0 - by_chance))
    return score


def _same_again(sets: Iterable[set[str]], before: Sequence[set[str]], of: int) -> float:
    """The odds that the machines that stop together are those that did so before, or some of them."""
    score = 0.0
    known = {frozenset(one) for one in before if not any(one < other for other in before)}
    free = of - len(set().union(*known))
    for own in sets:
        if any(own & one for one in known):
            same = all(own <= one or own >= one for one in known if own & one)
            ways = sum(
                math.comb(len(one), len(own))
                if len(own) <= len(one)
                else math.comb(free, len(own) - len(one))
                for one in known
            )
            by_chance = min(0.98, max(0.01, ways / math.comb(of, len(own))))
            score += math.log(TURN / by_chance if same else (1.0 - TURN) / (1.0 - by_chance))
    return score


def _runs(odds: Mapping[str, float], tried: int, prior: float) -> list[list[str]]:
    """The runs of days that are likelier a rotation than chance, where so many days were tried: a run is
    one of as many as they hold of its length."""
    days = list(odds)
    sums = list(accumulate(odds.values(), initial=0.0))
    best = max(
        (
            (sums[b] - sums[a] + prior - _tries(tried / (b - a)), a, b)
            for a in range(len(days))
            for b in range(a + 1, len(days) + 1)
        ),
        default=(0.0, 0, 0),
    )
    if best[0] <= 0.0:
        return []
    before, after = days[: best[1]], days[best[2] :]
    return [
        *_runs({day: odds[day] for day in before}, tried, prior),
        days[best[1] : best[2]],
        *_runs({day: odds[day] for day in after}, tried, prior),
    ]


def _tries(runs: float) -> float:
    """What the choice of a run costs where the days hold so many of its length, and longer ones."""
    return math.log(runs) + math.log(1.0 + math.log(runs))


class Chance:
    """When stops begin by chance: at the times of day at which those of these days do."""

    def __init__(self, begins: Sequence[datetime]) -> None:
        self.clock = sorted(_minute(at) + around for at in begins for around in (-1440.0, 0.0, 1440.0))
        self.many = len(begins)

    def share(self, since: datetime, until: datetime) -> float:
        """The share of stops that begin between these times of day."""
        long = max(0.0, (until - since) / timedelta(minutes=1))
        middle, wide = _minute(since) + long / 2.0, max(long / 2.0, SMOOTHED_MINUTES)
        seen = bisect_right(self.clock, middle + wide) - bisect_left(self.clock, middle - wide)
        at_any_time = min(long / MINUTES_A_DAY, 0.5)
        return (seen * long / (2.0 * wide) + AT_ANY_TIME * at_any_time) / (self.many + AT_ANY_TIME)


def _limited(expected: float) -> float:
    """How likely at least one comes where so many are expected; nothing is sure."""
    return min(0.98, max(0.01, 1.0 - math.exp(-expected)))


def _minute(at: datetime) -> float:
    return at.hour * 60.0 + at.minute


def _all_of(
    those: Sequence[Sequence[Stop]], group: Sequence[Sequence[Stop]], sets: Sequence[set[str]]
) -> list[Sequence[Stop]]:
    """The groups of a rotation, with those that clouds or the night cut from it: of the same machines,
    within `REST` of it, at no time at which another of them stands."""
    first = min(part[0].begin for part in those) - REST
    last = max(stop.end for part in those for stop in part) + REST
    found, by_day, taken = list(those), _by_day(those), {id(part) for part in those}
    for part in group:
        if first <= part[0].begin <= last and id(part) not in taken:
            own, beside = {stop.machine for stop in part}, by_day.setdefault(part[0].day, [])
            free = not any(a.during(b) > 0.5 for one in beside for a in one for b in part)
            if free and any(own <= names for names in sets):
                found.append(part)
                beside.append(part)
    return found


def _by_day(groups: Iterable[Sequence[Stop]]) -> dict[str, list[Sequence[Stop]]]:
    """Groups by the day on which they began."""
    found: dict[str, list[Sequence[Stop]]] = {}
    for part in groups:
        found.setdefault(part[0].day, []).append(part)
    return found


def _apart_in_time(one: Sequence[Stop], other: Sequence[Stop]) -> bool:
    """Whether these are other machines, which work while the first stand."""
    if {a.machine for a in one} & {a.machine for a in other}:
        return False
    return max(a.during(b) for a in other for b in one) < 0.5


def _spells(links: Sequence[tuple[int, int]], begins: Sequence[datetime]) -> list[list[tuple[int, int]]]:
    """Links in spells of days without a longer gap between them than `REST`."""
    found: list[list[tuple[int, int]]] = []
    for link in links:
        if found and begins[link[0]] - begins[found[-1][-1][1]] <= REST:
            found[-1].append(link)
        else:
            found.append([link])
    return found


def _middle_end(group: Sequence[Stop]) -> Stop:
    """The stop of a group whose end is the middle one."""
    return sorted(group, key=lambda stop: stop.end)[(len(group) - 1) // 2]


# ------------------------------------------------------------------ the whole


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
