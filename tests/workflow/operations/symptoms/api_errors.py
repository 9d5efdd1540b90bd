"""What docs/operations/symptoms/api-errors.md shows: an API gives server errors."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def fails(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "api-ops-5xx")
