"""Rotations: machines that stand one after the other, beside how often that comes by chance. Pure.

Machines that are switched off in turn hand over: one stops when another comes back, and they never stand at
once. Each day is judged by its own odds against chance, and each run of days by how many were tried.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, combinations

from ooda.detect.machine_stops import MINUTES_A_DAY, NIGHT, Stop

TURN, TURNS, TURN_PRIOR = 0.9, 3, 0.02
"""How often a stop of a rotation follows another, how many machines make one, and its odds beforehand."""
AS_LONG = (0.7, 0.25)
"""How often turns that follow each other are as long, in a rotation and by chance: trips last from minutes
to hours (ours)."""
MOST_CHANCE = 0.6
"""The most that chance may say of two stops that stand at once."""
SMOOTHED_MINUTES, AT_ANY_TIME = 90.0, 8.0
"""Around a time of day, in which the begins of all days tell how often one falls to it; and beside them so
many that might have come at any time of the light."""
HALF_A_DAY = timedelta(hours=12)
REST = timedelta(days=4)
"""Between turns of one rotation."""
IN_A_NIGHT = 0.12
"""How often a machine's own stop begins and ends in the night, to the one as to the other."""


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
            score += _as_long(one, own[n + 1]) if hit else 0.0
    for one, other in combinations(own, 2):
        a, b = _middle_end(one), _middle_end(other)
        both = (chance.share(p[0].begin + z.within, z.end - z.within) for p, z in ((one, a), (other, b)))
        by_chance = min(MOST_CHANCE, _limited(sum(both)))
        at_once = other[0].begin < a.end - a.within and one[0].begin < b.end - b.within
        score += math.log((1.0 - TURN) / by_chance if at_once else TURN / (1.0 - by_chance))
    return score


def _as_long(one: Sequence[Stop], other: Sequence[Stop]) -> float:
    """The odds that a turn is as long as the one before it; what a night or nothing cuts says nothing."""
    a, b = _middle_end(one), _middle_end(other)
    if a.from_night or b.to_night or not b.over:
        return 0.0
    apart = abs((a.end - one[0].begin) - (b.end - other[0].begin))
    return math.log(AS_LONG[0] / AS_LONG[1] if apart <= a.within else (1 - AS_LONG[0]) / (1 - AS_LONG[1]))


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
