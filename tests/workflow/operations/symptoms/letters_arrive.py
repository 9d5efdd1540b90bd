"""What docs/operations/symptoms/letters-arrive.md shows: a file of an asset that nobody registered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.scenes import on, purge
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform


@contextmanager
def quarantined(platform: Platform) -> Iterator[None]:
    """The file is rejected; its execution ends well, and only the letter's alarm is on."""
    platform.put_and_wait(sunny_day(), asset="INV-999")
    try:
        with on(platform, "ooda-dead-letters"):
            yield
    finally:
        purge(platform)
