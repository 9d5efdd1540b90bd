"""What the scenes of the pages of docs/operations/symptoms share: alarms that are on, work that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform

CROSSED = "Threshold Crossed: 1 out of the last 1 datapoints was beyond the threshold"


@contextmanager
def on(platform: Platform, *alarms: str) -> Iterator[None]:
    """These alarms are on (names without `ona-` and the environment); afterwards they are off."""
    client = platform.target.client("cloudwatch")
    names = [f"ona-{alarm}-dev" for alarm in alarms]
    for name in names:
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=CROSSED)
    try:
        yield
    finally:
        for name in reversed(names):
            client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the scene is over")


def fail_for_good(platform: Platform, function: str = "detect") -> None:
    """One file comes, a step fails without a retry, and its letter lies in the queue."""
    platform.inject(function, {"error": "InvalidConfiguration", "text": "thresholds"})
    platform.put_and_wait(sunny_day())


def purge(platform: Platform) -> None:
    """Take the letters away that a scene brought."""
    for queue in ("DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"):
        platform.target.client("sqs").purge_queue(QueueUrl=platform.target.outputs[queue])
