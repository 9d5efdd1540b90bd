"""The time that a plan may take, which each of its phases obeys.

>>> clock = Clock.of(0.0)
>>> clock.left(), clock.share(0.5)
(0.0, 0.0)
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Ends at a moment of `time.monotonic`, seconds."""

    ends: float

    @classmethod
    def of(cls, seconds: float) -> Clock:
        """A clock that ends so many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left, 0 when time is up."""
        return max(self.ends - time.monotonic(), 0.0)

    def share(self, part: float) -> float:
        """Seconds of a phase that may take that part of what is left."""
        return part * self.left()

    def part(self, share: float) -> Clock:
        """The clock of a phase that may take that part of what is left."""
        return Clock.of(self.share(share))
