"""What docs/operations/symptoms/canary-rolled-back.md shows: calls fail through the aliases."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def rolled_back(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "ooda-live-errors")
