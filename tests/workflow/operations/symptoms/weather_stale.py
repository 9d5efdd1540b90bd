"""What docs/operations/symptoms/weather-stale.md shows: no new weather for a place."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def stale(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "weatherCache-stale")
