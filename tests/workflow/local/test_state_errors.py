"""Step Functions: a failed state shows its real error and cause, wherever one looks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.lab import Lab, task

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

INVOKE = "arn:aws:states:::lambda:invoke"


def machine(states: dict[str, Any], start: str = "T", language: str = "JSONata") -> dict[str, Any]:
    return {"QueryLanguage": language, "StartAt": start, "States": states}


def handler(lab: Lab, error: str, text: str = "as it is") -> str:
    """A function that raises an error of this name, `States.*` too."""
    return lab.function(f"def handler(e, c): raise type({error!r}, (Exception,), {{}})({text!r})\n")


def invoke(arn: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": arn, "Payload": {}},
        "End": True,
        **more,
    }


def inside(kind: str, state: dict[str, Any]) -> dict[str, Any]:
    """A machine whose state fails by itself, in an iteration, or in a branch."""
    inner = {"StartAt": "T", "States": {"T": state}}
    if kind == "iteration":
        outer: dict[str, Any] = {"Type": "Map", "Items": [1], "ItemProcessor": inner, "End": True}
    elif kind == "branch":
        outer = {"Type": "Parallel", "Branches": [inner], "End": True}
    else:
        outer = state
    return machine({"Outer": outer}, "Outer")


def last_event(lab: Lab, done: dict[str, Any]) -> dict[str, Any]:
    history = lab.states.get_execution_history(executionArn=done["executionArn"], reverseOrder=True)
    detail: dict[str, Any] = history["events"][0]["executionFailedEventDetails"]
    return detail


@pytest.mark.parametrize("where", ["alone", "iteration", "branch"])
@pytest.mark.parametrize("error", ["Poisoned", "States.Permissions", "States.Http.Socket"])
def test_an_error_keeps_its_name_wherever_it_happens(lab: Lab, where: str, error: str) -> None:
    done = lab.run(inside(where, invoke(handler(lab, error))))
    assert (done["status"], done["error"]) == ("FAILED", error)
    assert json.loads(done["cause"])["errorMessage"] == "as it is"
    event = last_event(lab, done)
    assert (event["error"], event["cause"]) == (done["error"], done["cause"])


@pytest.mark.parametrize("where", ["alone", "iteration", "branch"])
def test_a_catch_sees_the_real_error_and_cause(lab: Lab, where: str) -> None:
    definition = inside(where, invoke(handler(lab, "States.Permissions")))
    outer = definition["States"]["Outer"]
    outer["Catch"] = [
        {"ErrorEquals": ["States.Permissions"], "Output": "{% $states.errorOutput %}", "Next": "Seen"}
    ]
    definition["States"]["Seen"] = {"Type": "Succeed"}
    seen = json.loads(lab.run(definition)["output"])
    assert seen["Error"] == "States.Permissions"
    assert json.loads(seen["Cause"])["errorMessage"] == "as it is"


def big_table(lab: Lab) -> str:
    """A table with one item; its conditional put fails."""
    name = f"t-{lab.bucket()}"
    table = lab.platform.target.client("dynamodb")
    table.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "h", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName=name, Item={"h": {"S": "a"}})
    return name


def test_a_services_error_has_the_integrations_name(lab: Lab) -> None:
    table, bucket = big_table(lab), lab.bucket()
    put = {"TableName": table, "Item": {"h": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(h)"}
    unknown = {**put, "ConditionExpression": "what("}
    cases = [
        ("dynamodb:putItem", put, "DynamoDB.ConditionalCheckFailedException"),
        ("aws-sdk:dynamodb:putItem", put, "DynamoDb.ConditionalCheckFailedException"),
        ("dynamodb:putItem", unknown, "DynamoDB.AmazonDynamoDBException"),
        ("aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "none"}, "S3.NoSuchKeyException"),
        ("lambda:invoke", {"FunctionName": "none", "Payload": {}}, "Lambda.ResourceNotFoundException"),
        ("sqs:sendMessage", {"QueueUrl": "none", "MessageBody": "x"}, "SQS.AmazonSQSException"),
        (
            "events:putEvents",
            {"Entries": [{"Source": "aws.s3", "DetailType": "d", "Detail": {"a": 1}}]},
            "EventBridge.FailedEntry",
        ),
        (
            "events:putEvents",
            {"Entries": [{"Source": "ona", "DetailType": "d", "Detail": {"a": 1}}] * 11},
            "EventBridge.ValidationException",
        ),
    ]
    for resource, arguments, error in cases:
        done = lab.run(task(f"arn:aws:states:::{resource}", arguments))
        assert done.get("error") == error, (resource, done)
        assert done["cause"], resource


def test_a_time_out_is_a_time_out(lab: Lab) -> None:
    slow = lab.function("import time\ndef handler(e, c): time.sleep(5)\n", Timeout=10)
    done = lab.run(inside("iteration", invoke(slow, TimeoutSeconds=1)))
    assert (done["status"], done["error"]) == ("FAILED", "States.Timeout")
    table = task(
        "arn:aws:states:::dynamodb:putItem",
        {"TableName": "{% $nothing.here.at.all ~> $error %}", "Item": {}},
    )
    assert lab.run(table)["error"] == "States.QueryEvaluationError", "not AmazonDynamoDBException"


def test_a_choice_that_nothing_matches(lab: Lab) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 1 = 2 %}", "Next": "S"}]}
    done = lab.run(machine({"T": choice, "S": {"Type": "Succeed"}}))
    assert done["error"] == "States.NoChoiceMatched"
    assert "state 'T'" in done["cause"]
    assert "does not point to a next state" in done["cause"]


def test_a_wrong_expression_and_a_wrong_path(lab: Lab) -> None:
    done = lab.run(machine({"T": {"Type": "Pass", "Output": "{% $sum('a') %}", "End": True}}))
    assert done["error"] == "States.QueryEvaluationError"
    assert "state 'T'" in done["cause"]
    for field in ("InputPath", "OutputPath"):
        state = {"Type": "Pass", field: "$.none", "End": True}
        done = lab.run(machine({"T": state}, language="JSONPath"), {"some": 1})
        assert done["error"] == "States.Runtime"
        assert "'$.none'" in done["cause"]
        assert "NoSuchJsonPathError" not in done["cause"]


def test_states_runtime_is_never_caught_and_the_neighbour_is(lab: Lab) -> None:
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Seen"}
    for error, status in (("States.Runtime", "FAILED"), ("States.Permissions", "SUCCEEDED")):
        state = invoke(handler(lab, error), Catch=[caught])
        done = lab.run(machine({"T": state, "Seen": {"Type": "Succeed"}}))
        assert done["status"] == status, (error, done)
    by_name = invoke(handler(lab, "States.Runtime"), Catch=[{**caught, "ErrorEquals": ["States.Runtime"]}])
    assert lab.run(machine({"T": by_name, "Seen": {"Type": "Succeed"}}))["status"] == "FAILED"


def test_a_fail_state_says_what_it_was_told(lab: Lab) -> None:
    fail = {"Type": "Fail", "Error": "States.Permissions", "Cause": "no"}
    done = lab.run(machine({"T": fail}))
    assert (done["error"], done["cause"]) == ("States.Permissions", "no")


def test_an_answer_without_a_request_id_is_the_services_error_too() -> None:
    """A service that goes down answers so; moto's own code ends in a KeyError."""
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service

    from local.hooks import state_errors

    def down(_self: Any, _env: Any) -> None:
        raise ClientError({"Error": {"Code": "500", "Message": "down"}}, "Invoke")  # type: ignore[arg-type]

    with pytest.raises(ClientError) as caught:
        state_errors.described(down)(state_task_service.StateTaskService, None)
    assert caught.value.response["ResponseMetadata"]["RequestId"] == ""
