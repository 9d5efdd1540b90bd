"""The planning problem: what is to be done, by whom, when, and what the way costs.

A *task* is work at a place. A *shift* is a crew's day, or the free part of one. Times are minutes from the
plan's origin, ways are km, money is USD; tasks, shifts and places are named by their numbers.
docs/scheduling.md writes the model down.

Two places, half an hour apart; one task of an hour, one shift of eight:

>>> task = Task("repair", place=1, minutes=60.0, absence=500.0)
>>> shift = Shift("crew-1", day=0, start=0, end=0, opens=0.0, closes=480.0)
>>> half_hour = [[0.0, 30.0], [30.0, 0.0]]
>>> problem = Problem([task], [shift], half_hour, half_hour, [[(0.0, 420.0)]], 1.0, 0.5)
>>> time_unit(problem)
5
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SLOT = 5
"""Minutes between two entries of a price list: the step in which people write times down (ours)."""
NEVER = math.inf
"""Minutes, or USD: no limit."""
EPSILON = 1e-7
"""Minutes by which two computed times may differ and still be the same (rounding of floats)."""
DEPOT = -1
"""The call at the depot among a tour's stops."""
Window = tuple[float, float]
"""Earliest and latest time, minutes."""


@dataclass(frozen=True)
class Task:
    """Work to do. `minutes`: how long; `people`: how many must come; `tools` (kept) and `parts` (used up,
    pieces by kind): what they must carry.

    `prices`: USD by the slot in which it begins (production lost until then and while it is done), None
    where time costs nothing. `absence`: USD for leaving it out, infinite where it must be done.
    """

    name: str
    place: int
    minutes: float
    absence: float = NEVER
    people: int = 1
    tools: frozenset[int] = frozenset()
    parts: tuple[int, ...] = ()
    prices: Sequence[float] | None = None


@dataclass(frozen=True)
class Shift:
    """When and from where a crew may be out (`opens`, `closes`), for how many minutes (`longest`), and what
    it carries. Of the shifts of one crew and day one is used at most. `depot`: a place with every tool and
    part, or None."""

    crew: str
    day: int
    start: int
    end: int
    opens: float
    closes: float
    longest: float = NEVER
    tools: frozenset[int] = frozenset()
    stock: tuple[int, ...] = ()
    depot: int | None = None


class OpenShifts(Sequence["Window | None"]):
    """When one task may begin in each of so many shifts, of which only those that are possible are stored.

    >>> row = OpenShifts({2: (0.0, 60.0)}, 4)
    >>> row[2], row[3], len(row)
    ((0.0, 60.0), None, 4)
    """

    __slots__ = ("size", "windows")

    def __init__(self, windows: dict[int, Window], size: int) -> None:
        self.windows, self.size = windows, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, shift: Any) -> Any:
        return self.windows.get(range(self.size)[shift])

    def __iter__(self) -> Iterator[Window | None]:
        return map(self.windows.get, range(self.size))


def open_shifts(row: Sequence[Window | None]) -> dict[int, Window]:
    """The windows of one task by shift, of those that are possible."""
    if isinstance(row, OpenShifts):
        return row.windows
    return {shift: window for shift, window in enumerate(row) if window is not None}


@dataclass(frozen=True)
class Problem:
    """What is to be planned.

    `minutes[a][b]`, `km[a][b]`: the way between two places. `windows[task][shift]`: the earliest and latest
    begin there, None where the crew cannot or may not (`OpenShifts` stores the others only). `surcharge`:
    USD for a task in a shift, where a change costs something. `together`: tours at once in the fleet at
    most, with those that are `taken` (from, to) already.
    """

    tasks: Sequence[Task]
    shifts: Sequence[Shift]
    minutes: Sequence[Sequence[float]]
    km: Sequence[Sequence[float]]
    windows: Sequence[Sequence[Window | None]]
    usd_per_minute: float
    usd_per_km: float
    together: int = 1_000_000
    surcharge: Mapping[tuple[int, int], float] = field(default_factory=dict)
    taken: Sequence[Window] = ()

    def groups(self) -> list[int]:
        """For each shift the number of its crew and day."""
        numbers: dict[tuple[str, int], int] = {}
        return [numbers.setdefault((shift.crew, shift.day), len(numbers)) for shift in self.shifts]


def time_unit(problem: Problem) -> int:
    """The minutes that all times are multiples of: a slot's, or one; 0 where they are not even that."""
    times = {shift.opens for shift in problem.shifts} | {task.minutes for task in problem.tasks}
    times |= {minutes for row in problem.minutes for minutes in row}
    times |= {window[0] for row in problem.windows for window in open_shifts(row).values()}
    for unit in (SLOT, 1):
        if all(abs(value / unit - round(value / unit)) < 1e-9 for value in times):
            return unit
    return 0
