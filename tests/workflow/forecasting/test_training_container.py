"""A dataset too large for a function: forecast_training asks, forecast_training_container answers.

The definitions are the deployed ones; the container itself cannot run here and is a Pass or a Fail.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ops import asl
from tests.fakes.lab import ROLE, Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

PLAN = {"customer_id": "c1", "version": "2025-01-15T00", "folds": [1, 2, 3]}


def definition(name: str) -> dict[str, Any]:
    [source] = [path for path in asl.sources() if path.name == f"{name}.asl.yaml"]
    filled = re.sub(r"\$\{(\w+)\}", r"arn:aws:x:::\1", json.dumps(asl.expanded(source)))
    loaded: dict[str, Any] = json.loads(filled)
    return loaded


def asking() -> dict[str, Any]:
    """forecast_training's question alone: what it does before and after is tried elsewhere."""
    states = definition("forecast_training")["States"]
    failed = {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $failure.Cause %}"}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Plan",
        "States": {
            "Plan": {
                "Type": "Pass",
                "Assign": {"plan": PLAN, "correlation_id": "c-1"},
                "Next": "AskForContainer",
            },
            "AskForContainer": states["AskForContainer"],
            "Decide": {"Type": "Succeed"},
            "SendToDeadLetterQueue": failed,
        },
    }


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_the_container_is_asked_for_and_answers(platform: Platform, ends: str) -> None:
    lab = Lab(platform)
    answering = definition("forecast_training_container")
    task = answering["States"]["TrainInContainer"]
    # What the container is given lands in the output of the Pass.
    given = task["Arguments"]["Overrides"]["ContainerOverrides"][0]["Environment"]
    instead: dict[str, Any] = {"Type": "Pass", "Output": given, "Next": task["Next"]}
    if ends == "badly":
        instead = {
            "Type": "Map",
            "Items": [1],
            "ItemProcessor": {
                "StartAt": "F",
                "States": {"F": {"Type": "Fail", "Error": "ECS.OutOfMemory"}},
            },
            "Catch": task["Catch"],
            "Next": task["Next"],
        }
    else:
        del answering["States"][
            "AnswerFailed"
        ]  # a Pass has no Catch, and AWS refuses what nothing leads to
    answering["States"]["TrainInContainer"] = instead
    machine = lab.machine(answering)
    events = platform.target.client("events")
    rule = unique("training")
    pattern = {"source": ["ona.platform"], "detail-type": ["Forecast Training Requested"]}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": machine, "RoleArn": ROLE}])
    try:
        done = lab.run(asking())
    finally:
        events.remove_targets(Rule=rule, Ids=["1"])
        events.delete_rule(Name=rule)
    if ends == "badly":
        assert (done["status"], done["error"]) == ("FAILED", "ECS.OutOfMemory"), done
        return
    assert done["status"] == "SUCCEEDED", done
    [answered] = lab.states.list_executions(stateMachineArn=machine)["executions"]
    platform.wait(answered["executionArn"])
    history = lab.states.get_execution_history(executionArn=answered["executionArn"])["events"]
    left = next(
        json.loads(event["stateExitedEventDetails"]["output"])
        for event in history
        if event.get("stateExitedEventDetails", {}).get("name") == "TrainInContainer"
    )
    assert {item["Name"]: item["Value"] for item in left} == {
        "ONA_CUSTOMER": "c1",
        "ONA_VERSION": "2025-01-15T00",
        "ONA_FOLDS": "3",
        "ONA_CORRELATION_ID": "c-1",
    }
