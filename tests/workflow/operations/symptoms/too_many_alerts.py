"""What docs/operations/symptoms/too-many-alerts.md shows: twelve alarms of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform
from tests.workflow.operations.alerting import alarm, alarms_heard, settle

FUNCTIONS = (
    "accountApi", "apiAuthorizer", "dataIngestion", "deliver", "detect", "diagnose", "forecastingApi",
    "globalTrainingService", "interpolationService", "order", "schedule", "weatherCache",
)  # fmt: skip


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Ten are told, one goes to the next level, one waits."""
    names = [f"ona-{name}-unwell-dev" for name in FUNCTIONS]
    try:
        with alarms_heard(platform):
            for name in names:
                before = len(settle(platform))
                alarm(platform, name)
                settle(platform, before + 1)
            yield
    finally:
        for name in names:
            alarm(platform, name, "OK")
