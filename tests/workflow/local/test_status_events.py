"""Events of executions' ends: their content, their size, and that a kill loses none."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from local import cloud
from local.hooks.status_events import PAYLOAD_BYTES, detail_of
from tests.fakes.roles import almighty

MACHINE = "arn:aws:states:af-south-1:000000000000:stateMachine:slow"
QUEUE = "arn:aws:sqs:af-south-1:000000000000:ends"


def record(status: str, **more: Any) -> dict[str, Any]:
    named = {"executionArn": "arn:x", "stateMachineArn": MACHINE, "name": "x", "input": "{}"}
    return {**named, "status": status, "startDate": None, "stopDate": None, **more}


@pytest.mark.parametrize(
    ("status", "redrivable", "error", "output"),
    [
        ("RUNNING", False, None, None),
        ("SUCCEEDED", False, None, "{}"),
        ("FAILED", True, "E", None),
        ("TIMED_OUT", True, "E", None),
        ("ABORTED", True, "E", None),
    ],
)
def test_what_the_event_says(status: str, redrivable: bool, error: str | None, output: str | None) -> None:
    detail = detail_of(record(status, error="E", cause="C", output="{}"), lambda moment: moment)
    assert detail["status"] == status
    assert (detail["redriveStatus"] == "REDRIVABLE") is redrivable
    assert (detail["error"], detail["output"]) == (error, output)
    assert detail["inputDetails"] == {"included": True}
    assert detail["outputDetails"] == (None if output is None else {"included": True})


FULL = PAYLOAD_BYTES - 2
"""Letters that are with their quotes just as much as an event takes."""


@pytest.mark.parametrize(
    ("given", "output", "input_in", "output_in"),
    [
        ("x" * FULL, "", True, True),
        ("x" * (FULL + 1), "", False, True),
        ("é" * (FULL // 2), "", True, True),
        ("é" * (FULL // 2 + 1), "", False, True),
        ('"' * (FULL // 2 + 1), "", False, True),
        ("x" * (FULL - 5), "xyz", True, True),
        ("x" * (FULL - 4), "xyz", False, True),
        ("x", "y" * (FULL + 1), False, False),
    ],
    ids=[
        "as much",
        "a byte more",
        "two bytes each",
        "one too many",
        "escaped",
        "together",
        "more",
        "output",
    ],
)
def test_what_is_too_large_is_left_out(given: str, output: str, input_in: bool, output_in: bool) -> None:
    """Escaped, in bytes, and together: 248 KiB."""
    detail = detail_of(record("SUCCEEDED", input=given, output=output), lambda moment: moment)
    assert (detail["inputDetails"]["included"], detail["outputDetails"]["included"]) == (
        input_in,
        output_in,
    )
    assert (detail["input"] is not None, detail["output"] is not None) == (input_in, output_in)


def received(running: cloud.Cloud, url: str) -> list[Any]:
    """All messages of the queue, as often as they are there."""
    sqs, found, deadline = running.client("sqs"), [], time.monotonic() + 15
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        found += [json.loads(item["Body"])["detail"] for item in answer]
        if found and not answer:
            return found
        time.sleep(0.1)
    return found


@pytest.mark.cloud
def test_an_execution_that_a_kill_ended_is_told_of_once(tmp_path: Path) -> None:
    """One runs while the server is killed, one failed before and was told of: each once, also after a
    second restart."""
    running = cloud.start(tmp_path, port=cloud.free_port(0))
    try:
        role = almighty(running.client("iam"))
        sqs, events = running.client("sqs"), running.client("events")
        states = running.client("stepfunctions")
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        url = sqs.create_queue(QueueName="ends", Attributes={"Policy": policy})["QueueUrl"]
        pattern = {"source": ["aws.states"], "detail": {"status": ["FAILED"]}}
        events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="ends", Targets=[{"Id": "1", "Arn": QUEUE}])
        for name, state in (
            ("slow", {"Type": "Wait", "Seconds": 3600, "Next": "End"}),
            ("bad", {"Type": "Pass", "Next": "End"}),
        ):
            end = {"Type": "Succeed"} if name == "slow" else {"Type": "Fail", "Error": "E", "Cause": "C"}
            definition = {"StartAt": "Begin", "States": {"Begin": state, "End": end}}
            states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        bad = states.start_execution(stateMachineArn=MACHINE.replace("slow", "bad"))["executionArn"]
        while states.describe_execution(executionArn=bad)["status"] == "RUNNING":
            time.sleep(0.05)
        assert [item["executionArn"] for item in received(running, url)] == [bad]
        arn = states.start_execution(stateMachineArn=MACHINE, input='{"a": 1}')["executionArn"]
        cloud.stop(tmp_path, kill=True)
        running = cloud.start(tmp_path)
        [told] = received(running, url)
        assert (told["executionArn"], told["status"], told["error"], told["input"]) == (
            arn,
            "FAILED",
            "States.ServiceRestart",
            '{"a": 1}',
        )
        cloud.stop(tmp_path)
        running = cloud.start(tmp_path)
        time.sleep(1)
        count = running.client("sqs").get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        assert sum(int(number) for number in count.values()) == 2, (
            "the two that were received, and no third"
        )
    finally:
        cloud.stop(tmp_path, kill=True)
