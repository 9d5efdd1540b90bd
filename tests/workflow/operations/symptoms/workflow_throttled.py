"""What docs/operations/symptoms/workflow-throttled.md shows: a workflow is held back."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


def throttled(platform: Platform) -> AbstractContextManager[None]:
    """Its alarm is on."""
    return on(platform, "fleet-history-executions-throttled")
