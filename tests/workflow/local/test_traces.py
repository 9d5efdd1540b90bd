"""X-Ray's header in the embedded cloud: what a function finds, and what all of an execution share."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.fakes.lab import ROLE, Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
SOURCE = "import os\ndef handler(e, c): return os.environ.get('_X_AMZN_TRACE_ID')\n"
SHAPE = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24});Parent=([0-9a-f]{16});Sampled=([01])")
GIVEN = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def parts(header: Any) -> tuple[str, str, str]:
    found = SHAPE.fullmatch(str(header))
    assert found, header
    return found[1], found[2], found[3]


def invoked(lab: Lab, arn: str) -> tuple[str, str, str]:
    return parts(json.loads(lab.functions.invoke(FunctionName=arn, Payload=b"{}")["Payload"].read()))


def two_steps(one: str, other: str) -> dict[str, Any]:
    """Two functions, one of them within a parallel state; out come both their headers."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Output": "{% $states.result.Payload %}",
    }
    first = {
        **task,
        "Arguments": {"FunctionName": one},
        "Assign": {"first": "{% $states.result.Payload %}"},
    }
    branch = {"StartAt": "B", "States": {"B": {**task, "Arguments": {"FunctionName": other}, "End": True}}}
    both = {"Type": "Parallel", "Branches": [branch], "End": True}
    states = {"A": {**first, "Next": "P"}, "P": {**both, "Output": "{% [$first, $states.result[0]] %}"}}
    return {"QueryLanguage": "JSONata", "StartAt": "A", "States": states}


def test_a_function_always_has_a_header_and_its_tracing_decides_whether_it_is_sampled(lab: Lab) -> None:
    """AWS Lambda Developer Guide: the variable is set in each invocation, and changes with each."""
    quiet, active = lab.function(SOURCE), lab.function(SOURCE, TracingConfig={"Mode": "Active"})
    one, other = invoked(lab, quiet), invoked(lab, quiet)
    assert one[0] != other[0], "two requests are two traces"
    assert (one[2], invoked(lab, active)[2]) == ("0", "1")


def test_all_functions_of_an_execution_share_its_root(lab: Lab) -> None:
    definition = two_steps(lab.function(SOURCE), lab.function(SOURCE))
    traced = lab.states.create_state_machine(
        name=unique("lab"),
        definition=json.dumps(definition),
        roleArn=ROLE,
        tracingConfiguration={"enabled": True},
    )["stateMachineArn"]

    assert lab.states.describe_state_machine(stateMachineArn=traced)["tracingConfiguration"] == {
        "enabled": True
    }

    def run(**more: str) -> tuple[list[tuple[str, str, str]], dict[str, Any]]:
        started = lab.states.start_execution(stateMachineArn=traced, name=unique("run"), **more)
        done = lab.platform.wait(started["executionArn"], 60)
        return [parts(header) for header in json.loads(done["output"])], done

    (first, second), plain = run()
    assert first[0] == second[0]
    assert first[1] != second[1], "each call is a part of its own"
    assert (first[2], second[2]) == ("1", "1")
    assert "traceHeader" not in plain
    (again, _), _ = run()
    assert again[0] != first[0], "another execution is another trace"
    (given, too), told = run(traceHeader=GIVEN)
    assert {given[0], too[0]} == {"1-5759e988-bd862e3fe1be46a994272793"}
    assert told["traceHeader"] == GIVEN
    with pytest.raises(lab.states.exceptions.ClientError, match="ValidationException"):
        lab.states.start_execution(stateMachineArn=traced, traceHeader="R" * 257)


def test_a_workflow_whose_tracing_is_off_is_not_sampled_and_has_a_root_all_the_same(lab: Lab) -> None:
    function = lab.function(SOURCE)
    done = lab.run(two_steps(function, function))
    first, second = (parts(header) for header in json.loads(done["output"]))
    assert first[0] == second[0]
    assert (first[2], second[2]) == ("0", "0")
