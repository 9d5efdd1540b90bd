"""Definitions: a wrong one is refused, and so is what the embedded cloud cannot do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import definitions
from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nope"}}}, "no state 'Nope'"),
        ({"StartAt": "X", "States": {"A": {"Type": "Pass", "End": True}}}, "no state 'X'"),
        ({"StartAt": "A", "States": {"A": {"Type": "Nonsense"}}}, "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_a_bad_definition_is_refused_when_it_is_created(lab: Lab, definition: Any, problem: str) -> None:
    with pytest.raises(ClientError, match=problem):
        lab.machine(definition)
    checked = lab.states.validate_state_machine_definition(definition=json.dumps(definition))
    assert checked["result"] == "FAIL"
    good = lab.machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    with pytest.raises(ClientError, match=problem):
        lab.states.update_state_machine(stateMachineArn=good, definition=json.dumps(definition))


def test_what_it_cannot_do_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(ClientError, match="RedriveExecution"):
        lab.states.redrive_execution(executionArn=f"{lab.platform.target.machine}:x")


def test_definitions_in_yaml_are_read() -> None:
    assert definitions.problems("StartAt: A\nStates:\n  A: {Type: Pass, End: true}\n") == []
    nested = {
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map",
                "End": True,
                "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Gone"}}},
            }
        },
    }
    assert definitions.missing_targets(nested) == ["/States/M/ItemProcessor/States/A: no state 'Gone'"]


def test_executions_of_one_definition_at_once_keep_what_is_their_own(lab: Lab) -> None:
    """The definition is read once for all of them; variables, counts and answers are each one's."""
    counting = {
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": {
                "Type": "Pass",
                "Assign": {"left": "{% $states.input.n %}", "all": 0},
                "Next": "Each",
            },
            "Each": {
                "Type": "Map",
                "Items": "{% [1..$left] %}",
                "ItemProcessor": {
                    "StartAt": "I",
                    "States": {"I": {"Type": "Pass", "Output": "{% $states.input * $left %}", "End": True}},
                },
                "Assign": {"all": "{% $sum($states.result) %}"},
                "Next": "More",
            },
            "More": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $left > 1 %}", "Next": "Less"}],
                "Default": "End",
            },
            "Less": {"Type": "Pass", "Assign": {"left": "{% $left - 1 %}"}, "Next": "More"},
            "End": {"Type": "Pass", "Output": "{% {'left': $left, 'sum': $all} %}", "End": True},
        },
    }
    machine = lab.machine(counting)
    runs = {
        number: lab.states.start_execution(stateMachineArn=machine, input=json.dumps({"n": number}))
        for number in range(1, 9)
    }
    for number, run in runs.items():
        done = lab.platform.wait(run["executionArn"], 60)
        total = number * number * (number + 1) // 2
        assert json.loads(done.get("output", "null")) == {"left": 1, "sum": total}

    counting["States"]["End"]["Output"] = "new"  # type: ignore[index]
    lab.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(counting))
    run = lab.states.start_execution(stateMachineArn=machine, input='{"n": 1}')
    assert json.loads(lab.platform.wait(run["executionArn"], 60)["output"]) == "new"


def test_what_an_execution_changes_in_a_result_is_not_in_the_next_one_s(lab: Lab) -> None:
    """Retries are counted anew, too: both executions fail after as many attempts."""
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}]
    get = "arn:aws:states:::aws-sdk:s3:getObject"
    states = {
        "Begin": {"Type": "Pass", "Result": {"place": {}}, "Next": "Look"},
        "Look": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.place.by", "IsPresent": True, "Next": "Old"}],
            "Default": "Write",
        },
        "Old": {"Type": "Fail", "Error": "Old"},
        "Write": {"Type": "Pass", "Result": "this one", "ResultPath": "$.place.by", "Next": "Try"},
        "Try": {
            "Type": "Task",
            "Resource": get,
            "Parameters": {"Bucket": lab.bucket(), "Key": "no"},
            "Retry": retry,
            "End": True,
        },
    }
    machine = lab.machine({"StartAt": "Begin", "States": states})
    for _ in range(2):
        run = lab.states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        assert lab.platform.wait(run, 60)["error"] != "Old"
        events = lab.states.get_execution_history(executionArn=run, maxResults=100)["events"]
        assert [event["type"] for event in events].count("TaskFailed") == 3
