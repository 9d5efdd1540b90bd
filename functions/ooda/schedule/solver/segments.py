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


def gaps(
    shift: Shift, stops: Sequence[tuple[int, float, Window | None]], minutes: Sequence[Sequence[float]]
) -> tuple[tuple[float, float], list[Gap]] | None:
    """The least duration of a tour with its latest departure, and the gaps between its stops (place,
    minutes, window each); None where a stop is reached too late."""
    length, early, late, here = 0.0, shift.opens, shift.closes, shift.start
    ahead: list[Segment] = [(length, early, late, here)]
    for place, service, window in stops:
        if window is None:
            return None
        way, (opens, closes) = length + minutes[here][place], window
        if early + way > closes + EPSILON:
            return None
        wait = opens - way - late
        if wait > 0.0:  # waiting is part of it, and there is one departure
            length, early = way + wait + service, late
        else:
            length, early, late = way + service, max(opens - way, early), min(closes - way, late)
        here = place
        ahead.append((length, early, late, here))
    least = length + minutes[here][shift.end]
    wait_at_the_end = shift.opens - least - late
    latest = late if wait_at_the_end > 0.0 else max(shift.opens - least, early)
    if early + least > shift.closes + EPSILON:
        return None
    length, early, late, here = 0.0, shift.opens, shift.closes, shift.end
    behind: list[Segment] = [(length, early, late, here)]
    for place, service, window in reversed(stops):
        if window is None:
            return None
        way, (opens, closes) = service + minutes[place][here], window
        if opens + way > late + EPSILON:
            return None
        wait = early - way - closes
        if wait > 0.0:
            length, early, late = way + wait + length, closes, closes
        else:
            length, early, late = way + length, max(early - way, opens), min(late - way, closes)
        here = place
        behind.append((length, early, late, here))
    between = [
        (a[0], a[1], a[2], minutes[a[3]], b[0], b[1], b[2] + EPSILON, a[3], b[3])
        for a, b in zip(ahead, reversed(behind), strict=True)
    ]
    return (least + max(wait_at_the_end, 0.0), latest), between
