"""What docs/operations/symptoms/workflow-timed-out.md shows: an execution ran into its time limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.scenes import on
from tests.fakes.platform import Platform


@contextmanager
def late(platform: Platform) -> Iterator[None]:
    """The alarms of the workflow and of its end without a letter are on."""
    with on(platform, "ooda-executions-unfinished", "ooda-executions-timed-out"):
        yield
