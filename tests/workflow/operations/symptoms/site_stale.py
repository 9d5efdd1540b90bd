"""What docs/operations/symptoms/site-stale.md shows: a site that sent every 15 minutes, and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from operations.reading import freshness
from operations.reading.freshness import Arrival
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.health import sound, with_timers

__all__ = ["silent", "sound"]


@contextmanager
def silent(platform: Platform) -> Iterator[None]:
    """S3 says when an object was written, and a test cannot write in the past: the times are made here."""
    last = datetime.now(UTC) - timedelta(hours=30)
    came = [Arrival("INV-001.parquet", last - number * timedelta(minutes=15)) for number in range(600)]
    with patch.object(freshness, "_arrivals", return_value=came), with_timers(platform):
        yield
