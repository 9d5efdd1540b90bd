"""What docs/operations/symptoms/function-throttled.md shows: calls of a function are refused."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def throttled(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "diagnose-throttles")
