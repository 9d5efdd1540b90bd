"""What docs/operations/symptoms/certificate-expires.md shows; here no address has a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from operations.reading import doors
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.health import with_timers


@contextmanager
def _valid(platform: Platform, left: timedelta) -> Iterator[None]:
    """A certificate that was imported is valid so long; nothing else is to be told."""
    now = datetime.now(UTC)
    found = doors.validity("api.example.com", now + left, now, imported=True)
    platform.put_and_wait(sunny_day())
    with patch.object(doors, "certificates", return_value=iter([found])), with_timers(platform):
        yield


@contextmanager
def expiring(platform: Platform) -> Iterator[None]:
    """Four days are left."""
    with _valid(platform, timedelta(days=4, hours=1)):
        yield


@contextmanager
def renewed(platform: Platform) -> Iterator[None]:
    """A year is left."""
    with _valid(platform, timedelta(days=365, hours=1)):
        yield
