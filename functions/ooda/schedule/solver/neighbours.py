"""Which tasks lie near each other: the few that a ruin or a tour looks at."""

from __future__ import annotations

import numpy as np

from ooda.schedule.solver.problem import Problem

NEAREST = 100
"""Tasks near a task that are looked at (ours)."""


def neighbours(problem: Problem) -> list[list[int]]:
    """For each task itself and the nearest others by the way, the nearest first; at most `NEAREST`."""
    places = np.array([task.place for task in problem.tasks], dtype=np.int32)
    listed = []
    for place in places:
        row = np.asarray(problem.minutes[int(place)], dtype=np.float32)[places]
        listed.append([int(n) for n in np.argsort(row, kind="stable")[: NEAREST + 1]])
    return listed
