"""The time by which the embedded cloud judges alarms; a test may let it run ahead.

Executions, signatures and the journal go by `time.time()`: they must agree with the world outside.
"""

from __future__ import annotations

import time

_ahead_s = 0.0
_advances: list[tuple[float, float]] = []
"""When somebody let the time run ahead, seconds since 1970, and by how many seconds."""


def now() -> float:
    """Seconds since 1970, and what `advance` added."""
    return time.time() + _ahead_s


def advance(seconds: float) -> None:
    """Let the time run ahead. Raises ValueError for a negative number: it never goes back."""
    global _ahead_s
    if seconds < 0:
        raise ValueError(f"the clock does not go back by {-seconds:g} s")
    _advances.append((time.time(), seconds))
    _ahead_s += seconds


def age(began: float) -> float:
    """Seconds since a moment of the world outside; what was let run ahead since then is in it."""
    return time.time() - began + sum(seconds for at, seconds in _advances if at >= began)
