"""What docs/operations/symptoms/queue-deep.md shows: events wait while the platform is stopped."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def waiting(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "holding-depth")
