"""What docs/operations/weekly.md shows: a platform of today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing has come yet."""
    platform.reset()
    yield
