"""What docs/operations/symptoms/reprocess-a-month.md shows: an asset's file of June was done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.platform import Platform


@contextmanager
def month(platform: Platform) -> Iterator[None]:
    """One file of the asset is done."""
    key = f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv"
    if not platform.s3.list_objects_v2(Bucket=platform.target.input_bucket, Prefix=key).get("KeyCount"):
        platform.put_and_wait(sunny_day(), key=key)
    yield
