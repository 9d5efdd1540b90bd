"""What docs/operations/symptoms/detection-slow.md shows: Detect is slow."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def slow(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "platform-detection-latency")
