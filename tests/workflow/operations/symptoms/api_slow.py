"""What docs/operations/symptoms/api-slow.md shows: an API is slow."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def slow(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "api-latency")
