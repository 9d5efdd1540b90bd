"""TestState on the embedded cloud: one state with a role, and no execution (AWS's API reference)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.lab import ROLE, Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
JSONATA = {"QueryLanguage": "JSONata"}


def tried(lab: Lab, state: dict[str, Any], given: str = "{}", role: str = ROLE) -> Any:
    return lab.states.test_state(definition=json.dumps(state), roleArn=role, input=given)


def test_one_state_is_run_and_no_execution_is_left(lab: Lab) -> None:
    before = len(lab.states.list_state_machines()["stateMachines"])
    passed = {
        **JSONATA,
        "Type": "Pass",
        "Output": {"twice": "{% $states.input.n * 2 %}"},
        "Next": "Elsewhere",
    }
    answer = tried(lab, passed, '{"n": 4}')
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"twice": 8})
    failed = tried(lab, {"Type": "Fail", "Error": "Mine", "Cause": "so"})
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Mine", "so")
    assert len(lab.states.list_state_machines()["stateMachines"]) == before
    assert all("TestState" not in one["executionArn"] for one in lab.platform.executions())


def test_a_task_runs_with_the_role_that_is_given(lab: Lab) -> None:
    queues = lab.platform.target.client("sqs")
    mine, other = (queues.create_queue(QueueName=unique("tried"))["QueueUrl"] for _ in range(2))
    arn = queues.get_queue_attributes(QueueUrl=mine, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]
    role = lab.role(allow, "", "states.amazonaws.com")
    send = {**JSONATA, "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    answers = [
        tried(lab, {**send, "Arguments": {"QueueUrl": url, "MessageBody": "x"}}, role=role)
        for url in (mine, other)
    ]
    assert [one["status"] for one in answers] == ["SUCCEEDED", "FAILED"], answers
    assert "is not authorized to perform" in answers[1]["cause"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"Type": "Parallel", "Branches": [], "End": True}, "ValidationException"),
        (
            {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": True},
            "ValidationException",
        ),
        ({"Type": "Nonsense"}, "NotSupported"),
        ({"Type": "Pass", "Catch": [], "End": True}, "NotSupported"),
        ({"Type": "Task", "End": True}, "InvalidDefinition"),
    ],
)
def test_what_aws_refuses_and_what_is_not_done_here_is_named(lab: Lab, state: Any, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        tried(lab, state)
    assert refused.value.response["Error"]["Code"] == code
