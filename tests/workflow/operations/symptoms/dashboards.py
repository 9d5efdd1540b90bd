"""What docs/operations/dashboards.md shows: a platform that gets a file, and an alarm that is on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform

ALARM = {"AlarmName": "ona-detect-error-rate-dev", "StateReason": "Threshold Crossed: a test"}


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing is brought about; the page's own command puts a file."""
    platform.reset()
    yield


@contextmanager
def alarmed(platform: Platform) -> Iterator[None]:
    """An alarm of the family ooda is on."""
    cloudwatch = platform.target.client("cloudwatch")
    cloudwatch.set_alarm_state(StateValue="ALARM", **ALARM)
    try:
        yield
    finally:
        cloudwatch.set_alarm_state(StateValue="OK", **ALARM)


@contextmanager
def pictured(_: Platform) -> Iterator[None]:
    """The page is written into a folder that goes again."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
