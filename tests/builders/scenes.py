"""What the scenes of the pages of docs/operations/symptoms share: alarms that are on, work that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform

CROSSED = (
    "Threshold Crossed: of the last data points [7, 9] {than} the threshold (5): 2; "
    "needed for the state ALARM: 2"
)
"""As the embedded CloudWatch says it; a page's numbers are not compared."""


@contextmanager
def on(platform: Platform, *alarms: str, than: str = "greater than") -> Iterator[None]:
    """These alarms are on (names without `ona-` and the environment); afterwards they are off."""
    client = platform.target.client("cloudwatch")
    names = [f"ona-{alarm}-dev" for alarm in alarms]
    for name in names:
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=CROSSED.format(than=than))
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
