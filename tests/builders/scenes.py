"""What the scenes of the pages of docs/operations/symptoms share: alarms that are on, work that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from operations.reading import flow, newest_fault, ringing
from operations.reading.newest_fault import Fault
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform

CURED = timedelta(minutes=6)
"""So long ago an alarm's newest fault was in a scene: the cure has helped, and the alarm still rings."""
_WORDS = {"GreaterThanThreshold": "greater than", "LessThanThreshold": "less than"}


def crossed(alarm: Mapping[str, Any]) -> str:
    """Why an alarm is on, as the embedded CloudWatch says it: by the alarm's own threshold and periods."""
    threshold, than = float(alarm["Threshold"]), _WORDS[alarm["ComparisonOperator"]]
    count = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    value = beyond(threshold, than)
    shown = ", ".join([f"{value:g}"] * min(count, 3))
    told = f"of the last data points [{shown}] {than} the threshold ({threshold:g}): {count}"
    return f"Threshold Crossed: {told}; needed for the state ALARM: {count}"


def beyond(threshold: float, than: str) -> float:
    """A value that crosses a threshold."""
    return threshold + 1 if than == "greater than" else threshold - 1


def _faults(_: Any, alarms: Iterable[Mapping[str, Any]], now: datetime, **_how: bool) -> dict[str, Fault]:
    """Each alarm's newest fault was a while ago: the shared platform's own metrics are other tests' too."""
    at = now - CURED
    told = {}
    for alarm in alarms:
        value = beyond(float(alarm["Threshold"]), _WORDS[alarm["ComparisonOperator"]])
        what = f"{alarm.get('MetricName') or 'value'} {value:g}"
        told[alarm["AlarmName"]] = Fault(at=at, what=what, over_by=now + timedelta(minutes=9))
    return told


@contextmanager
def on(platform: Platform, *alarms: str) -> Iterator[None]:
    """These alarms are on (names without `ona-` and the environment); afterwards they are off."""
    client = platform.target.client("cloudwatch")
    names = [f"ona-{alarm}-dev" for alarm in alarms]
    known = {one["AlarmName"]: one for one in client.describe_alarms(AlarmNames=names)["MetricAlarms"]}
    for name in names:
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=crossed(known[name]))
    try:
        # the shared platform has values of other tests' failures: they are none of a scene's
        first = patch.object(ringing, "_began", return_value=None)
        with patch.object(newest_fault, "newest_faults", _faults), first:
            yield
    finally:
        for name in reversed(names):
            client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the scene is over")


@contextmanager
def letters_wait() -> Iterator[None]:
    """CloudWatch knows since when a letter waits, which it does a minute after the first has come."""
    since = datetime.now(UTC) - CURED
    ages = {"ona-ooda-dead-letters-dev": (since.timestamp() + 60.0, 60.0)}
    with patch.object(flow, "_ages", return_value=ages):
        yield


def fail_for_good(platform: Platform, function: str = "detect") -> None:
    """One file comes, a step fails without a retry, and its letter lies in the queue."""
    platform.inject(function, {"error": "InvalidConfiguration", "text": "thresholds"})
    platform.put_and_wait(sunny_day())


def purge(platform: Platform) -> None:
    """Take the letters away that a scene brought."""
    for queue in ("DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"):
        platform.target.client("sqs").purge_queue(QueueUrl=platform.target.outputs[queue])
