"""What docs/operations/weekly.md shows: a platform of today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from operations.reading import figures
from tests.fakes.platform import Platform


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing has come yet."""
    platform.reset()
    with patch.object(figures, "failures", return_value=[]):
        yield
