"""What `ona deploy validate` says of a workflow, by answers as AWS's API references have them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.deployment import workflows
from ops.deployment.finding import Finding
from ops.deployment.versions import Published

PLACE = "af-south-1:123456789012"
MACHINE = f"arn:aws:states:{PLACE}:stateMachine:ona-flow-prod"
SOUND = {"probe": {"ok": True}}


def calls(name: str) -> dict[str, Any]:
    given = {
        "FunctionName": f"arn:aws:lambda:{PLACE}:function:ona-{name}-prod:live",
        "Payload": "{% $all %}",
    }
    retry = [{"ErrorEquals": ["States.ALL"]}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": given}
    return {**task, "Retry": retry, "Output": "{% $nothing %}", "Next": "B"}


def definition(**more: Any) -> dict[str, Any]:
    """Calls at the top, in a map and in a branch, and one that writes."""
    put = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "End": True,
           "Arguments": {"Bucket": "out", "Key": "{% 'outcomes/' & $id %}", "Body": "x"}}  # fmt: skip
    inner = {"StartAt": "I", "States": {"I": calls("inner")}}
    states = {
        "A": calls("first"),
        "Each": {"Type": "Map", "ItemProcessor": inner, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [{"StartAt": "P", "States": {"P": calls("branch")}}]},
        "Keep": put,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "A", "States": states, **more}


class Aws:
    """`answers`: what each function answers; `denied`: actions that the role has not."""

    def __init__(self, whole: dict[str, Any] | None = None) -> None:
        self.whole = whole or definition()
        self.answers: dict[str, Any] = {}
        self.denied: set[str] = set()
        self.context: list[str] = []
        self.refuses = ""
        self.tried: list[dict[str, Any]] = []
        self.simulated: list[tuple[str, str]] = []

    def __call__(self, _service: str) -> Any:
        return self

    def describe_state_machine(self, stateMachineArn: str) -> Any:  # noqa: N803
        assert stateMachineArn == f"{MACHINE}:7", "the live version, not the latest"
        return {"definition": json.dumps(self.whole), "roleArn": "arn:aws:iam::123456789012:role/flow"}

    def validate_state_machine_definition(self, definition: str) -> Any:
        bad = "Bad" in definition
        one = {"severity": "ERROR", "code": "X", "message": "no state Bad"}
        return {"result": "FAIL" if bad else "OK", "diagnostics": [one] if bad else []}

    def test_state(self, definition: str, roleArn: str, input: str) -> Any:  # noqa: N803
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "TestState")
        state = json.loads(definition)
        self.tried.append(state)
        name = state["Arguments"]["FunctionName"].split(":")[6]
        answer = self.answers.get(name, SOUND)
        if isinstance(answer, str):
            return {"status": "FAILED", "error": "Lambda.AWSLambdaException", "cause": answer}
        return {"status": "SUCCEEDED", "output": json.dumps({"Payload": answer, "StatusCode": 200})}

    def simulate_principal_policy(self, ActionNames: list[str], ResourceArns: list[str], **_: Any) -> Any:  # noqa: N803
        [action], [arn] = ActionNames, ResourceArns
        self.simulated.append((action, arn))
        decision = "implicitDeny" if action in self.denied else "allowed"
        return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision,
                                       "MissingContextValues": self.context}]}  # fmt: skip

    def found(self) -> Finding:
        item = Published("workflow", "ona-flow-prod", MACHINE, 7, {}, ())
        return workflows.finding(self, item, lambda function: {"sample of": function})


def test_every_call_is_tried_with_a_probe_and_nothing_of_its_own() -> None:
    aws = Aws()
    found = aws.found()
    assert (found.state, "3 functions answered" in found.text, "1 other call" in found.text) == (
        "ok",
        True,
        True,
    )
    names = ["ona-first-prod", "ona-inner-prod", "ona-branch-prod"]
    payloads = [state["Arguments"]["Payload"] for state in aws.tried]
    assert payloads == [{"$probe": {"input": {"sample of": name}}} for name in names]
    assert all(not {"Retry", "Catch", "Output", "Assign", "Next"} & state.keys() for state in aws.tried)
    assert {state["QueryLanguage"] for state in aws.tried} == {"JSONata"}
    assert aws.simulated == [("s3:PutObject", "arn:aws:s3:::out/outcomes/example")]


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("ona-inner-prod", "is not authorized to perform: lambda:InvokeFunction", "state I: Lambda.AWS"),
        ("ona-branch-prod", {"records": 3}, "state P: ona-branch-prod answered as if it were no probe"),
        ("ona-other-prod", "of no state here", ""),
    ],
)
def test_the_state_that_fails_is_named(name: str, answer: Any, said: str) -> None:
    aws = Aws()
    aws.answers[name] = answer
    found = aws.found()
    assert (found.state, said in found.text) == ("wrong" if said else "ok", True), found


def test_a_right_that_the_role_lacks_is_named() -> None:
    aws = Aws()
    aws.denied = {"s3:GetObject"}
    assert aws.found().state == "ok", "no state reads"
    aws.denied = {"s3:PutObject"}
    found = aws.found()
    assert (found.state, "state Keep: its role may not s3:PutObject" in found.text) == ("wrong", True)
    aws.context = ["aws:SourceVpc"]
    assert aws.found().state == "ok", "nobody knows the context beforehand"


def test_a_gap_and_a_bad_definition_are_named_before_anything_is_tried() -> None:
    for whole, said in (
        (definition(Comment="for ${Bucket}"), "${Bucket}"),
        (definition(Comment="Bad"), "no state Bad"),
    ):
        aws = Aws(whole)
        found = aws.found()
        assert (found.state, said in found.text, aws.tried) == ("wrong", True, [])
    assert Aws(definition(Comment="costs $ {none}")).found().state == "ok"


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotSupported"])
def test_what_could_not_be_tried_is_not_called_well(code: str) -> None:
    aws = Aws()
    aws.refuses = code
    found = aws.found()
    assert (found.state, code in found.text) == ("not asked", True)
    aws.refuses = "InvalidDefinition"
    assert aws.found().state == "wrong"
