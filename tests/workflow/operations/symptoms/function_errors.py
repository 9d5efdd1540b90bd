"""What docs/operations/symptoms/function-errors.md shows: Detect fails, and its workflow with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.scenes import fail_for_good, on, purge
from tests.fakes.platform import Platform


@contextmanager
def detect_fails(platform: Platform) -> Iterator[None]:
    """A file's step failed for good; the symptom's alarm came first, the cause's last."""
    fail_for_good(platform)
    try:
        with on(platform, "ooda-executions-failed", "ooda-dead-letters", "detect-error-rate"):
            yield
    finally:
        purge(platform)
