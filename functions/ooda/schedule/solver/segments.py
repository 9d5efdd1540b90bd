"""Pieces of tours that are joined without walking through them again.

Source: Vidal, Crainic, Gendreau and Prins, Computers & Operations Research 40 (2013) 475-489.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ooda.schedule.solver.problem import EPSILON, NEVER, Window

Ways = Sequence[Sequence[float]]
"""Minutes or km between places."""
Ahead = tuple[float, float, float, int, Sequence[float], float]
"""A tour's piece from its start: its least duration, the earliest and latest departure that give it
(minutes), the place of its end, the ways from there, and the km of a call at the depot that the tour itself
does not make."""
Behind = tuple[float, float, float, int]
"""A tour's piece until its end: its least duration, the earliest and latest arrival that give it (minutes;
`EPSILON` is in the latest), and the place that it begins at."""
Gap = tuple[Ahead, Behind]
"""A place between two stops: what is ahead, and what is behind."""
Listed = tuple[int, float, "Window | None"]
"""A stop: its place, minutes and window, None where it is not allowed."""


def longer(ahead: Ahead, stop: Listed, minutes: Ways) -> Ahead | None:
    """A tour's beginning with one stop more; None where the stop is reached too late."""
    length, early, late, _, outward, extra = ahead
    place, service, window = stop
    if window is None:
        return None
    opens, closes = window
    way = length + outward[place]
    if early + way > closes + EPSILON:
        return None
    if opens - way > late:  # waiting is part of it, and there is one departure
        return opens - late + service, late, late, place, minutes[place], extra
    if opens - way > early:
        early = opens - way
    return way + service, early, closes - way if closes - way < late else late, place, minutes[place], extra


def earlier(behind: Behind, stop: Listed, minutes: Ways) -> Behind | None:
    """A tour's end with one stop more before it; None where what follows is reached too late."""
    length, early, late, there = behind
    place, service, window = stop
    if window is None:
        return None
    opens, closes = window
    way = service + minutes[place][there]
    if opens + way > late:
        return None
    if early - way > closes:
        return early - closes + length, closes, closes + EPSILON, place
    last = late - way - EPSILON
    return way + length, max(early - way, opens), (closes if closes < last else last) + EPSILON, place


class Call(NamedTuple):
    """A call at the depot that a tour could make: after how many stops, what is ahead then, and the
    minutes of the whole tour (infinite where it would be too late)."""

    at: int
    ahead: Ahead
    minutes: float


def calls(between: Sequence[Gap], depot: Listed, minutes: Ways, km: Ways) -> list[Call]:
    """The calls at the depot that are possible between a tour's stops."""
    found, home = list[Call](), depot[0]
    for at, (ahead, (rest, opens, closes, there)) in enumerate(between):
        called = longer(ahead, depot, minutes)
        if called is None:
            continue
        length, early, late, _, outward, _ = called
        here, way = ahead[3], length + outward[there]
        whole = max(way, opens - late) + rest if early + way <= closes else NEVER
        extra = km[here][home] + km[home][there] - km[here][there]
        found.append(Call(at, (*called[:5], extra), whole))
    return found


def by_the_depot(
    between: Sequence[Gap], stops: Sequence[Listed], depot: Listed, few: int, minutes: Ways, km: Ways
) -> list[tuple[int, int, Gap]]:
    """The gaps of a tour that calls at the depot once more: after how many stops it calls, after how many
    the gap is, and the gap. The gap right behind the call is there for every call; later ones for the `few`
    calls that take the least time."""
    every = calls(between, depot, minutes, km)
    found = [(call.at, call.at, (call.ahead, between[call.at][1])) for call in every]
    for call in sorted(every, key=lambda call: call.minutes)[:few]:
        ahead: Ahead | None = call.ahead
        if call.minutes == NEVER:
            break
        for behind in range(call.at, len(stops)):
            ahead = longer(ahead, stops[behind], minutes) if ahead else None
            if ahead is None:
                break
            found.append((call.at, behind + 1, (ahead, between[behind + 1][1])))
    return found
