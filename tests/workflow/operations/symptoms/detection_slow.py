"""What docs/operations/symptoms/detection-slow.md shows: one file, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import dead_from
from tests.fakes.platform import Platform


@contextmanager
def slow(platform: Platform) -> Iterator[None]:
    """A file of usual size: what is looked at is the same for a slow one."""
    done = platform.put_and_wait(dead_from(9, asset="INV-004"), "INV-004")
    assert done["status"] == "SUCCEEDED", done
    yield
