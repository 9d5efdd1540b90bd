"""What docs/operations/symptoms/data-incomplete.md shows: files lack rows."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def incomplete(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "platform-data-completeness", than="less than")
