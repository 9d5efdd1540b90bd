"""What docs/operations/symptoms/cost-high.md shows: a day cost too much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from operations.reading import figures
from tests.builders.scenes import on
from tests.fakes.platform import Platform


@contextmanager
def dear(platform: Platform) -> Iterator[None]:
    """The alarm of the functions' cost is on; no other test's failures are counted."""
    platform.reset()
    with on(platform, "platform-functions-cost"), patch.object(figures, "failures", return_value=[]):
        yield
