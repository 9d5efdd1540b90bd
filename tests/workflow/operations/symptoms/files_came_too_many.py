"""What docs/operations/symptoms/files-came-too-many.md shows: three files came at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.emergency import documents, holding
from tests.builders.telemetry import DAY, sunny_day, to_csv
from tests.fakes.platform import Platform


@contextmanager
def burst(platform: Platform) -> Iterator[None]:
    """Three files came just now."""
    body = to_csv(sunny_day())
    for place in range(3):
        platform.put(body, key=f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}_{place}.csv")
    try:
        yield
    finally:
        if documents.current(platform.target):
            holding.release(platform.target)
        platform.idle()
        platform.stop_timers()
