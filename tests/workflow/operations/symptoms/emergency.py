"""What docs/operations/emergency.md shows: a platform that runs, with the sample fleet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.emergency import documents, holding
from tests.fakes.platform import Platform


@contextmanager
def emergency(platform: Platform) -> Iterator[None]:
    """Nothing is wrong yet."""
    try:
        yield
    finally:
        if documents.current(platform.target):
            holding.release(platform.target)
        platform.idle()
        platform.stop_timers()
