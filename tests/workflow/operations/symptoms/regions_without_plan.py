"""What docs/operations/symptoms/regions-without-plan.md shows: a region has no plan."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def waiting(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "ooda-regions-without-plan")
