"""What docs/operations/symptoms/flag-rolled-back.md shows: an alarm took a change back; it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.flags import Flags
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.flags import sound

ALARM = {"AlarmName": "ona-ooda-executions-failed-dev", "StateReason": "a test"}


@contextmanager
def taken_back(platform: Platform) -> Iterator[None]:
    """Somebody switched webhooks off slowly, and the loop failed meanwhile."""
    alarms = platform.target.client("cloudwatch")
    with sound(platform):
        Flags(platform.target).change("webhooks", False, gradually=True, why="no reason", by="thandi")
        alarms.set_alarm_state(StateValue="ALARM", **ALARM)
        try:
            yield
        finally:
            alarms.set_alarm_state(StateValue="OK", **ALARM)


@contextmanager
def over(platform: Platform) -> Iterator[None]:
    """The alarm is off again."""
    with taken_back(platform):
        platform.target.client("cloudwatch").set_alarm_state(StateValue="OK", **ALARM)
        yield
