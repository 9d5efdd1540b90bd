"""What docs/operations/scaling.md shows: arithmetic, which asks no platform."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from tests.fakes.platform import Platform


def sound(_: Platform) -> AbstractContextManager[None]:
    """Nothing has to be brought about."""
    return nullcontext()
