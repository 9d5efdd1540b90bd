"""Waits: SFN_WAIT_SCALE shortens pauses, not the number of retries."""

from __future__ import annotations

import pytest

from tests.fakes.lab import Lab, task

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_waits_are_scaled_but_retries_are_made(lab: Lab) -> None:
    arn = lab.function("class Busy(Exception): pass\ndef handler(e, c): raise Busy('x')\n")
    definition = task(
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": arn, "Payload": {}},
        Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 1}],
    )
    done = lab.run(definition)
    history = lab.states.get_execution_history(executionArn=done["executionArn"], maxResults=500)
    assert sum(event["type"] == "TaskScheduled" for event in history["events"]) == 4
    assert (done["status"], done["error"]) == ("FAILED", "Busy")
