"""What docs/operations/alerts.md shows: an empty log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """The log is empty."""
    yield
