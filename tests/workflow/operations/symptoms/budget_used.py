"""What docs/operations/symptoms/budget-used.md shows: most of the budget is used."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def used(platform: Platform) -> AbstractContextManager[None]:
    """The alarm of four fifths of the budget is on."""
    return on(platform, "platform-budget-80")
