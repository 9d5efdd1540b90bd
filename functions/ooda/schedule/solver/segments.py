"""Pieces of tours that are joined without walking through them again.

Source: Vidal, Crainic, Gendreau and Prins, Computers & Operations Research 40 (2013) 475-489.
"""

from __future__ import annotations

from collections.abc import Sequence

from ooda.schedule.solver.problem import EPSILON, Shift, Window

Segment = tuple[float, float, float, int]
"""A piece of a tour: its least duration, the earliest and latest departure that give it (minutes), and the
place of its open end."""
Gap = tuple[float, float, float, Sequence[float], float, float, float, int, int]
"""A place between two stops. What is ahead: its least duration, the earliest and latest departure that give
it, the ways from its end. What is behind: its least duration, the earliest and latest arrival (minutes;
`EPSILON` is in the latest). The places of both ends."""


def join(one: Segment, other: Segment, minutes: Sequence[Sequence[float]], place: int) -> Segment | None:
    """Two segments in a row, None where the second cannot be reached in time; `minutes`: the ways between
    places, `place`: the open end of the whole."""
    way = one[0] + minutes[one[3]][other[3]]
    if one[1] + way > other[2] + EPSILON:
        return None
    wait = max(other[1] - way - one[2], 0.0)
    return (way + wait + other[0], max(other[1] - way, one[1]) - wait, min(other[2] - way, one[2]), place)


def gaps(
    shift: Shift, stops: Sequence[tuple[int, float, Window | None]], minutes: Sequence[Sequence[float]]
) -> tuple[tuple[float, float], list[Gap]] | None:
    """The least duration of a tour with its latest departure, and the gaps between its stops (place,
    minutes, window each); None where a stop is reached too late."""
    ahead: list[Segment] = [(0.0, shift.opens, shift.closes, shift.start)]
    services: list[Segment] = []
    for place, service, window in stops:
        if window is None:
            return None
        services.append((service, window[0], window[1], place))
        joined = join(ahead[-1], services[-1], minutes, place)
        if joined is None:
            return None
        ahead.append(joined)
    behind: list[Segment] = [(0.0, shift.opens, shift.closes, shift.end)]
    for one in reversed(services):
        joined = join(one, behind[-1], minutes, one[3])
        if joined is None:
            return None
        behind.append(joined)
    whole = join(ahead[-1], behind[0], minutes, shift.end)
    if whole is None:
        return None
    between = [
        (a[0], a[1], a[2], minutes[a[3]], b[0], b[1], b[2] + EPSILON, a[3], b[3])
        for a, b in zip(ahead, reversed(behind), strict=True)
    ]
    return (whole[0], whole[1]), between
