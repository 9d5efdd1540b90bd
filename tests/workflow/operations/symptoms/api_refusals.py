"""What docs/operations/symptoms/api-refusals.md shows: many requests are refused."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def refused(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "api-4xx")
