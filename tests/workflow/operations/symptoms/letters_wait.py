"""What docs/operations/symptoms/letters-wait.md shows: a letter of yesterday."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.scenes import fail_for_good, on, purge
from tests.fakes.platform import Platform


@contextmanager
def lying(platform: Platform) -> Iterator[None]:
    """Work failed for good, and nobody took its letter."""
    fail_for_good(platform)
    try:
        with on(platform, "ooda-dead-letters-waiting"):
            yield
    finally:
        purge(platform)
