"""What docs/operations/symptoms/cost-high.md shows: a day cost too much."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def dear(platform: Platform) -> AbstractContextManager[None]:
    """The alarm of the functions' cost is on."""
    return on(platform, "platform-functions-cost")
