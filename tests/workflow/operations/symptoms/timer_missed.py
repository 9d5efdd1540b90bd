"""What docs/operations/symptoms/timer-missed.md shows: a timer did not go off."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def missed(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "reconcile-timer-missed")
