"""A definition that AWS refuses is refused here; beside each stands one that looks alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import definitions
from tests.fakes.lab import ROLE, Lab, unique

PASS = {"Type": "Pass", "End": True}
ONE = {"StartAt": "I", "States": {"I": PASS}}
FUNCTION = "arn:aws:states:::lambda:invoke"
OBJECT = "arn:aws:states:::aws-sdk:s3:getObject"


def machine(language: str = "JSONata", more: dict[str, Any] | None = None, **states: Any) -> dict[str, Any]:
    return {"QueryLanguage": language, "StartAt": "A", "States": states, **(more or {})}


def task(resource: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return machine(A={"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more})


def mapped(mode: dict[str, Any], **more: Any) -> dict[str, Any]:
    state = {"Type": "Map", "Items": [1], "ItemProcessor": {"ProcessorConfig": mode, **ONE}, "End": True}
    return machine(A={**state, **more})


INLINE = {"Mode": "INLINE"}
FAR = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
KNOWN = {"Bucket": "b", "Key": "k"}
OUTSIDE = machine(
    A={"Type": "Pass", "Assign": {"run": 1}, "Next": "B"},
    B={
        "Type": "Map",
        "Items": [1],
        "ItemProcessor": {
            "ProcessorConfig": FAR,
            "StartAt": "I",
            "States": {"I": {"Type": "Pass", "Output": "{% $run %}", "End": True}},
        },
        "End": True,
    },
)


def inside(mode: dict[str, Any], output: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(OUTSIDE))
    processor = changed["States"]["B"]["ItemProcessor"]
    processor["ProcessorConfig"], processor["States"]["I"]["Output"] = mode, output
    return changed


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no way on", machine(A={"Type": "Pass"}), machine(A=PASS), "'Next' and 'End'"),
    (
        "unreachable",
        machine(A=PASS, B=PASS),
        machine(A={"Type": "Pass", "Next": "B"}, B=PASS),
        "not reachable",
    ),
    (
        "a field of another type",
        machine(A={**PASS, "Retry": [{"ErrorEquals": ["E"]}]}),
        task(FUNCTION, {"FunctionName": "f"}, Retry=[{"ErrorEquals": ["E"]}]),
        "'Retry' is not supported by a Pass",
    ),
    (
        "JSONPath in JSONata",
        machine(A={**PASS, "Result": 1}),
        machine("JSONPath", A={**PASS, "Result": 1}),
        "'Result' is not supported",
    ),
    (
        "JSONata in JSONPath",
        machine("JSONPath", A={**PASS, "Output": 1}),
        machine("JSONPath", A={**PASS, "QueryLanguage": "JSONata", "Output": 1}),
        "'Output' is not supported",
    ),
    (
        "all errors, then one",
        task(
            FUNCTION, {"FunctionName": "f"}, Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]
        ),
        task(
            FUNCTION, {"FunctionName": "f"}, Retry=[{"ErrorEquals": ["E"]}, {"ErrorEquals": ["States.ALL"]}]
        ),
        "States.ALL must appear alone",
    ),
    (
        "a name twice",
        machine(A={"Type": "Parallel", "Branches": [ONE, ONE], "End": True}),
        machine(
            A={"Type": "Parallel", "Branches": [ONE, {"StartAt": "J", "States": {"J": PASS}}], "End": True}
        ),
        "Duplicate State name: I",
    ),
    (
        "a rule that leads nowhere",
        machine(A={"Type": "Choice", "Choices": [{"Condition": "{% true %}"}], "Default": "B"}, B=PASS),
        machine(A={"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}]}, B=PASS),
        "SCHEMA_VALIDATION_FAILED",
    ),
    (
        "an operation in large letters",
        task(OBJECT.replace("get", "Get"), KNOWN),
        task(OBJECT, KNOWN),
        "recognized",
    ),
    (
        "a misspelt argument",
        task(OBJECT, {**KNOWN, "key": "k"}),
        task(OBJECT, {**KNOWN, "Range": "bytes=0-1"}),
        "key",
    ),
    (
        "a missing argument",
        task(OBJECT, {"Bucket": "b"}),
        task(OBJECT, "{% $states.input %}"),
        "'Key' is required",
    ),
    (
        "a service that cannot wait",
        task(FUNCTION + ".sync", {"FunctionName": "f"}),
        task("arn:aws:states:::athena:startQueryExecution.sync", {"QueryString": "SELECT 1"}),
        "is not recognized",
    ),
    (
        "a result where there is none",
        task(FUNCTION, {"FunctionName": "{% $states.result %}"}),
        task(FUNCTION, {"FunctionName": "{% '$states.result' %}"}, Output="{% $states.result %}"),
        "$states.result is not available",
    ),
    (
        "a variable that a child does not see",
        OUTSIDE,
        inside(FAR, "{% ($run := 2; $run) %}"),
        "$run is assigned outside",
    ),
    ("the same, seen by an inline map", OUTSIDE, inside(INLINE, "{% $run %}"), "$run is assigned outside"),
    ("a label", mapped(INLINE, Label="x"), mapped(FAR, Label="x"), "'Label' is not supported in INLINE"),
    ("no type of execution", mapped({"Mode": "DISTRIBUTED"}), mapped(FAR), "ExecutionType"),
    (
        "a share over all",
        mapped(FAR, ToleratedFailurePercentage=101),
        mapped(FAR, ToleratedFailurePercentage=100),
        "between 0 and 100",
    ),
    (
        "an empty batcher",
        mapped(FAR, ItemBatcher={}),
        mapped(FAR, ItemBatcher={"MaxItemsPerBatch": 2}),
        "ItemBatcher needs",
    ),
]


@pytest.mark.parametrize(
    ("bad", "good", "why"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_aws_refuses_and_what_looks_alike(bad: Any, good: Any, why: str) -> None:
    assert any(why in problem for problem in definitions.problems(json.dumps(bad)))
    assert definitions.problems(json.dumps(good)) == []


@pytest.mark.cloud
@pytest.mark.xdist_group("cloud")
def test_a_refused_definition_spoils_no_other(lab: Lab) -> None:
    """moto kept the query languages of all parsers in one list: what a refused one left there stayed."""
    with pytest.raises(ClientError, match="InvalidDefinition"):
        lab.machine(machine(A={**PASS, "QueryLanguage": "JSONPath"}))
    assert lab.machine(machine("JSONPath", A={**PASS, "Parameters": {"x.$": "$.y"}}))


@pytest.mark.cloud
@pytest.mark.xdist_group("cloud")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "a b"}, "InvalidName"),
        ({"roleArn": "role"}, "InvalidArn"),
        ({"loggingConfiguration": {"level": "ALL", "destinations": []}}, "InvalidLoggingConfiguration"),
        ({"type": "EXPRESS", "definition": json.dumps(mapped(FAR))}, "InvalidDefinition"),
        ({}, ""),
        ({"type": "EXPRESS"}, ""),
    ],
)
def test_what_else_a_machine_may_not_have(lab: Lab, given: dict[str, Any], code: str) -> None:
    wanted = {"name": unique("lab"), "definition": json.dumps(machine(A=PASS)), "roleArn": ROLE, **given}
    if not code:
        assert lab.states.create_state_machine(**wanted)["stateMachineArn"]
        return
    with pytest.raises(ClientError) as refused:
        lab.states.create_state_machine(**wanted)
    assert refused.value.response["Error"]["Code"] == code
