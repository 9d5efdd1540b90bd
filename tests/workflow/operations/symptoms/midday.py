"""What docs/operations/midday.md shows: a platform that was deployed just now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform


@contextmanager
def sound(_: Platform) -> Iterator[None]:
    """Nothing is brought about."""
    yield
