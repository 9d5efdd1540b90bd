"""What docs/operations/symptoms/function-slow.md shows: a function is slow."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def slow(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "order-duration")
