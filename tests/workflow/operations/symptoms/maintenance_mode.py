"""What docs/operations/symptoms/maintenance-mode.md shows: maintenance mode is on, and a file came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops import maintenance
from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.flags import forget


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing is closed."""
    forget(platform)
    yield


@contextmanager
def maintained(platform: Platform) -> Iterator[None]:
    """The APIs are closed, and one file waits."""
    forget(platform)
    maintenance.begin(platform.target, "the database is moved", "thandi")
    platform.put(sunny_day(), key=f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv")
    try:
        yield
    finally:
        forget(platform)
        platform.idle()
        platform.stop_timers()
