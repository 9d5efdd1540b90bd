"""What docs/operations/symptoms/table-throttled.md shows: a table refuses reads or writes."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def throttled(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "table-crews-throttled")
