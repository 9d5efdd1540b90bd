"""What docs/operations/summary.md shows: a day on which two files come, one of which nobody can use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ona.store.layout import ASSETS
from operations.reading import figures
from tests.fakes.platform import Platform


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """No asset is registered yet, nothing of another day is there, and no test's failures are counted."""
    platform.reset()
    platform.s3.delete_object(Bucket=platform.target.input_bucket, Key=ASSETS)
    with patch.object(figures, "failures", return_value=[]):
        yield


@contextmanager
def refused(platform: Platform) -> Iterator[None]:
    """A file came that names a machine which nobody knows; and a customer's site has no forecast."""
    row = b"timestamp,asset_id,temperature_c,voltage_v,power_kw\n2025-01-15T10:00:00Z,INV-999,20,600,10\n"
    platform.put_and_wait(row, key="observations/2025/01/15/INV-999_20250115.csv")
    site = "sites/customer-a/north.json"
    platform.s3.put_object(Bucket=platform.target.output_bucket, Key=site, Body=b"{}")
    with patch.object(figures, "failures", return_value=[]):
        yield
