"""Callbacks: task tokens and stops reach the running execution."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.fakes.lab import Lab, task, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_a_task_token_wakes_the_execution(lab: Lab) -> None:
    sqs = lab.platform.target.client("sqs")
    url = sqs.create_queue(QueueName=unique("tokens"))["QueueUrl"]
    arguments = {"QueueUrl": url, "MessageBody": {"token": "{% $states.context.Task.Token %}"}}
    outcomes = []
    for tell in ("success", "failure"):
        arn = lab.start(
            task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", arguments, HeartbeatSeconds=20)
        )
        deadline = time.monotonic() + 15
        messages: list[Any] = []
        while not messages and time.monotonic() < deadline:
            messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        token = json.loads(messages[0]["Body"])["token"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
        if tell == "success":
            lab.states.send_task_heartbeat(taskToken=token)
            lab.states.send_task_success(taskToken=token, output='{"ok": 1}')
        else:
            lab.states.send_task_failure(taskToken=token, error="Refused", cause="no")
        outcomes.append(lab.platform.wait(arn))
    assert json.loads(outcomes[0]["output"]) == {"ok": 1}
    assert (outcomes[1]["status"], outcomes[1]["error"]) == ("FAILED", "Refused")


def test_a_running_execution_can_be_stopped(lab: Lab) -> None:
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3000, "End": True}}}
    arn = lab.start(definition)
    time.sleep(0.5)
    lab.states.stop_execution(executionArn=arn, error="Enough", cause="test")
    assert lab.platform.wait(arn)["status"] == "ABORTED"


@pytest.mark.parametrize("begun_s", [0.0, 0.1, 0.5], ids=["at once", "soon", "running"])
def test_nothing_of_a_stopped_execution_goes_on(lab: Lab, begun_s: float) -> None:
    """Also when it had just been started, and its definition was still read."""
    bucket, key = lab.platform.target.output_bucket, f"lab/stopped-{begun_s}"
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {"Bucket": bucket, "Key": key, "Body": "went on"},
        "End": True,
    }
    wait = {"Type": "Wait", "Seconds": 50, "Next": "Put"}  # 1 s here
    arn = lab.start({"StartAt": "Wait", "States": {"Wait": wait, "Put": put}})
    time.sleep(begun_s)
    lab.states.stop_execution(executionArn=arn)
    time.sleep(2)
    assert lab.platform.keys("lab/") == []
    described = lab.states.describe_execution(executionArn=arn)
    assert described["status"] == "ABORTED"
