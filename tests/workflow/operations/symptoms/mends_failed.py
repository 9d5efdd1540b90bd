"""What docs/operations/symptoms/mends-failed.md shows: reconciliation could not mend."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def failed(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "reconcile-mends-failed")
