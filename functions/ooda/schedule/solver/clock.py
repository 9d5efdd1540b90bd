"""The one clock that every phase obeys.

The budget is CPU seconds of this process: a machine that is busy with other work plans as well as an idle
one, only later. There is a limit of real time as well, because a function has one. Whichever ends first
ends the planning.

>>> ticks = iter([0.0, 4.0, 9.0])
>>> clock = Clock(10.0, cpu=lambda: next(ticks), now=lambda: 0.0)
>>> clock.left(), clock.left()
(6.0, 1.0)
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable

WALL = 2.0
"""Seconds of real time for each second of CPU, where nobody says another limit (ours)."""
Seconds = Callable[[], float]
"""A source of seconds that only grow."""


class Clock:
    """A budget: `seconds` of CPU, at most `wall` seconds of real time (None: `WALL` times as many)."""

    def __init__(
        self,
        seconds: float,
        wall: float | None = None,
        *,
        cpu: Seconds = time.process_time,
        now: Seconds = time.monotonic,
    ) -> None:
        self._cpu, self._now = cpu, now
        self._ends = cpu() + seconds
        self._latest = now() + (WALL * seconds if wall is None else wall)
        self._kept, self._left, self._process = 0.0, seconds, os.getpid()

    def left(self) -> float:
        """Seconds that are left, below 0 when time is up."""
        return min(self._ends - self._cpu(), self._latest - self._now()) - self._kept

    def left_of_wall(self) -> float:
        """Seconds of real time that are left."""
        return self._latest - self._now() - self._kept

    def over(self) -> bool:
        """Whether time is up."""
        return self.left() <= 0.0

    def keeping(self, seconds: float) -> Clock:
        """The same clock for a phase that must leave so many seconds to later ones."""
        phase = copy.copy(self)
        phase._kept += max(seconds, 0.0)
        phase._left = phase.left()
        return phase

    def part(self, share: float) -> Clock:
        """The same clock for a phase that may take that share of what is left."""
        return self.keeping((1.0 - share) * max(self.left(), 0.0))

    def at_least(self, seconds: float) -> Clock:
        """The same clock for a phase that has so many seconds even where time is up."""
        phase = copy.copy(self)
        phase._kept, phase._left = 0.0, max(self.left(), seconds)
        phase._ends = max(self._ends - self._kept, self._cpu() + seconds)
        phase._latest = max(self._latest - self._kept, self._now() + WALL * seconds)
        return phase

    def here(self) -> Clock:
        """The clock of this process: a fork's CPU seconds begin anew, and it has what was left at
        `keeping`."""
        if os.getpid() == self._process:
            return self
        own = copy.copy(self)
        own._process, own._ends = os.getpid(), self._cpu() + self._left + self._kept
        return own
