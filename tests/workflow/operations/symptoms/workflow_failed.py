"""What docs/operations/symptoms/workflow-failed.md shows: one execution failed, and is run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.scenes import fail_for_good, on, purge
from tests.fakes.platform import Platform


@contextmanager
def once(platform: Platform) -> Iterator[None]:
    """A file's step failed once for good; what made it fail is gone."""
    fail_for_good(platform)
    try:
        with on(platform, "ooda-executions-failed", "ooda-dead-letters"):
            yield
    finally:
        purge(platform)
