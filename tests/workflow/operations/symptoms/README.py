"""What docs/operations/README.md shows: a night on which one file failed for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from operations.reading import failures, figures
from operations.reading.failures import Failure
from tests.builders.scenes import fail_for_good, letters_wait, on, purge
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.health import with_timers


@contextmanager
def night(platform: Platform) -> Iterator[None]:
    """Detect fails for good; its letter lies in the queue."""
    platform.reset()
    fail_for_good(platform)
    own = platform.executions()[0]["executionArn"].rpartition(":")[2]
    every = failures.failures

    def only_this(*asked: Any) -> list[Failure]:
        return [one for one in every(*asked) if one.execution == own]

    with with_timers(platform), letters_wait(), patch.object(figures, "failures", only_this):
        yield  # the shared platform keeps other tests' failures


@contextmanager
def mended(platform: Platform) -> Iterator[None]:
    """The letter still lies there, and the configuration is right again; the alarm of it still rings."""
    try:
        with with_timers(platform), on(platform, "ooda-executions-failed"):
            yield
    finally:
        purge(platform)
