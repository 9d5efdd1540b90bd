"""What docs/operations/symptoms/data-incomplete.md shows: a file with gaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import dead_from
from tests.fakes.platform import Platform


@contextmanager
def gaps(platform: Platform) -> Iterator[None]:
    """A day of which five hours did not come."""
    day = dead_from(9, asset="INV-004")
    done = platform.put_and_wait(day[~day["timestamp"].dt.hour.isin(range(10, 15))], "INV-004")
    assert done["status"] == "SUCCEEDED", done
    yield
