"""What docs/operations/symptoms/platform-stopped.md shows: the platform was stopped, and a file came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.emergency import documents, holding
from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.platform import Platform


@contextmanager
def sound(_: Platform) -> Iterator[None]:
    """Nothing is stopped."""
    yield


@contextmanager
def stopped(platform: Platform) -> Iterator[None]:
    """It is stopped, and one file waits. Alerts go on: their rules, which tests turn off, are on."""
    holding.hold(platform.target, "a bad release", "thandi")
    events = platform.target.client("events")
    for rule in events.list_rules(NamePrefix="ona-alerts-")["Rules"]:
        events.enable_rule(Name=rule["Name"])
    platform.put(sunny_day(), key=f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv")
    try:
        yield
    finally:
        if documents.current(platform.target):
            holding.release(platform.target)
        platform.idle()
        platform.stop_timers()
