"""What docs/operations/symptoms/forecasts-inaccurate.md shows: forecasts are inaccurate."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def inaccurate(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "platform-forecast-accuracy")
