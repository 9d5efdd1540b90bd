"""What docs/operations/logs.md shows: an order that was made and told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import dead_from
from tests.fakes.platform import Platform


@contextmanager
def ordered(platform: Platform) -> Iterator[None]:
    """One dead inverter, its order, and the message to the operators."""
    done = platform.put_and_wait(dead_from(9, asset="INV-005"), "INV-005")
    assert done["status"] == "SUCCEEDED", done
    assert len(platform.messages()) == 1
    yield
