"""Pieces of tours that are joined without walking through them again.

Source: Vidal, Crainic, Gendreau and Prins, Computers & Operations Research 40 (2013) 475-489.
"""

from __future__ import annotations

from collections.abc import Sequence

from ooda.schedule.solver.problem import EPSILON

Segment = tuple[float, float, float, int]
"""A piece of a tour: its least duration, the earliest and latest departure that give it (minutes), and the
place of its open end."""


def join(one: Segment, other: Segment, minutes: Sequence[Sequence[float]], place: int) -> Segment | None:
    """Two segments in a row, None where the second cannot be reached in time; `minutes`: the ways between
    places, `place`: the open end of the whole."""
    way = one[0] + minutes[one[3]][other[3]]
    if one[1] + way > other[2] + EPSILON:
        return None
    wait = max(other[1] - way - one[2], 0.0)
    return (way + wait + other[0], max(other[1] - way, one[1]) - wait, min(other[2] - way, one[2]), place)
