"""A country that is too large for one problem as regions that are planned one by one.

Crews are split where they lie, so that no region has more than so many jobs: the longer side of the map is
cut where so large a share of the jobs lies on one side, then each part again. A job belongs to one crew's
region: at first to that of the nearest crew that is able to do it, later to that of the crew that does it.

Borders cost something: a job near one is offered to the crews of one side only. So a second pass cuts
elsewhere (`cut`), begins from the first pass's plan, and offers it to those of the other side.

>>> [region.crews for region in regions([(0, 0), (0, 1), (0, 8), (0, 9)], [0, 1, 2, 3], most=2)]
[[0, 1], [2, 3]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_JOBS = 1_000
"""Jobs of a region at most: what one function plans in its time and memory (ours; measured)."""
CUTS = (0.5, 0.3)
"""The share of jobs on the first side of each cut, pass by pass (ours)."""
Point = tuple[float, float]
"""Latitude and longitude, degrees."""


@dataclass(frozen=True)
class Region:
    """Crews and jobs that are planned together, by their numbers."""

    crews: list[int]
    jobs: list[int]


def regions(
    crews: Sequence[Point],
    owners: Sequence[int],
    most: int = MOST_JOBS,
    cut: float = CUTS[0],
    most_crews: int | None = None,
) -> list[Region]:
    """The regions of crews at these places. `owners`: the crew that each job belongs to; `most`: jobs of a
    region, unless one crew has more; `most_crews`: crews of a region, None for any number; `cut`: the share
    of the jobs on the first side of each cut."""
    jobs: list[list[int]] = [[] for _ in crews]
    for job, crew in enumerate(owners):
        jobs[crew].append(job)
    listed: list[Region] = []
    waiting = [list(range(len(crews)))]
    while waiting:
        part = waiting.pop()
        held = sum(len(jobs[crew]) for crew in part)
        many = most_crews is not None and len(part) > most_crews
        if len(part) < 2 or (held <= most and not many):
            listed.append(Region(sorted(part), sorted(job for crew in part for job in jobs[crew])))
            continue
        part.sort(key=_along(crews, part))
        if held <= most:  # only its crews are too many: cut these
            first = max(1, int(cut * len(part)))
            waiting += [part[first:], part[:first]]
            continue
        first, so_far = 1, len(jobs[part[0]])
        while first < len(part) - 1 and so_far + len(jobs[part[first]]) <= cut * held:
            so_far += len(jobs[part[first]])
            first += 1
        waiting += [part[first:], part[:first]]
    return listed


def _along(crews: Sequence[Point], part: Sequence[int]):  # type: ignore[no-untyped-def]
    """The order of crews along the longer side of the map on which they lie."""
    latitudes, longitudes = [crews[c][0] for c in part], [crews[c][1] for c in part]
    height = max(latitudes) - min(latitudes)
    middle = math.radians(sum(latitudes) / len(latitudes))
    width = (max(longitudes) - min(longitudes)) * math.cos(middle)
    axis = 0 if height > width else 1
    return lambda crew: (crews[crew][axis], crew)
