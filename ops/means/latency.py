"""Where the time between a file's put and its work order goes: by state, from execution histories. Pure.

Percentiles are of nearest rank: the p95 of 20 values is the 19th.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.explain import Step

BEFORE = "put → start"
"""The row between the beginning of the put and the start of the execution: put, event, rule, queue."""
WHOLE = "put → order"
"""The row of what a customer sees: from the beginning of the put until the order is written."""
ORDERED = "OrderEach"
"""The state of the loop that ends when its orders are written."""


@dataclass(frozen=True)
class Walk:
    """One file's way: when its put began, when its execution began, and the visits of states."""

    put: datetime
    started: datetime
    steps: Sequence[Step]

    @property
    def ordered(self) -> datetime | None:
        """When its orders were written; None for a file that brought none."""
        return next((step.left for step in self.steps if step.name == ORDERED), None)


@dataclass(frozen=True)
class Row:
    """One state over all files: visits, and seconds at the median, at 95 % and in all."""

    name: str
    visits: int
    p50: float
    p95: float
    total: float


def percentile(values: Iterable[float], share: float) -> float:
    """The value of nearest rank; NaN of none.

    >>> percentile(range(1, 21), 0.95), percentile([3.0], 0.5), percentile([1, 2, 3, 4], 0.5)
    (19, 3.0, 2)
    """
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def rows(walks: Iterable[Walk]) -> list[Row]:
    """The states of the files that brought an order, in the order of the way, the whole last.

    A state that a file visits several times counts with the sum of its visits.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    whole: list[float] = []
    for walk in walks:
        if walk.ordered is None:
            continue
        seconds[BEFORE].append((walk.started - walk.put).total_seconds())
        of_this: dict[str, float] = defaultdict(float)
        for step in walk.steps:
            if step.entered is not None and step.entered < walk.ordered:
                of_this[step.name] += step.seconds or 0.0
        for name, took in of_this.items():
            seconds[name].append(took)
        whole.append((walk.ordered - walk.put).total_seconds())
    told = [_row(name, values) for name, values in seconds.items()]
    return [*told, _row(WHOLE, whole)]


def _row(name: str, values: Sequence[float]) -> Row:
    return Row(name, len(values), percentile(values, 0.5), percentile(values, 0.95), sum(values))
