"""Aliases of functions with two versions: who gets which, what is measured, what is refused.

The rules are those of AWS's guide ("Implement Lambda canary deployments using a weighted alias", "Types of
metrics for Lambda functions"), tried through the API alone.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.lab import ROLE, Lab, task

SAYS = """
def handler(event, context):
    if event == "fail":
        raise ValueError("asked to")
    return {"word": "WORD", "arn": context.invoked_function_arn, "version": context.function_version}
"""


def publish(lab: Lab, function: str, word: str) -> str:
    """Another version of a function, which answers this word."""
    lab.functions.update_function_configuration(FunctionName=function, Description=word)
    return str(lab.functions.publish_version(FunctionName=function)["Version"])


def aliased(lab: Lab, weight: float) -> tuple[str, str, str, str]:
    """A function whose alias gives its second version this weight: alias's ARN, name, the two versions."""
    name = lab.function(SAYS.replace("WORD", "same")).rsplit(":", 1)[-1]
    first, second = publish(lab, name, "one"), publish(lab, name, "two")
    weights = {"AdditionalVersionWeights": {second: weight}}
    made = lab.functions.create_alias(
        FunctionName=name, Name="live", FunctionVersion=first, RoutingConfig=weights
    )
    return str(made["AliasArn"]), name, first, second


def invoked(lab: Lab, function: str, event: Any = None) -> tuple[dict[str, Any], str]:
    answer = lab.functions.invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), str(answer["ExecutedVersion"])


@pytest.mark.parametrize("calls", [120, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_tenth_of_the_calls_gets_the_new_version(lab: Lab, calls: int) -> None:
    arn, _, first, second = aliased(lab, 0.1)
    answers = [invoked(lab, arn) for _ in range(calls)]
    assert {answer["arn"] for answer, _ in answers} == {arn}, "a function hears the alias"
    assert all(answer["version"] == version for answer, version in answers)
    share = sum(version == second for _, version in answers) / calls
    assert {version for _, version in answers} <= {first, second}
    assert 0.07 <= share <= 0.13 if calls == 1000 else 0.02 <= share <= 0.23


@pytest.mark.parametrize(("weight", "which"), [(0.0, "first"), (1.0, "second")])
def test_none_and_all(lab: Lab, weight: float, which: str) -> None:
    arn, name, first, second = aliased(lab, weight)
    assert {invoked(lab, arn)[1] for _ in range(5)} == {first if which == "first" else second}
    assert invoked(lab, f"{name}:{second}")[1] == second, "a version is itself, whatever an alias says"
    assert invoked(lab, name)[1] == "$LATEST"


def test_reserved_concurrency_holds_for_all_versions(lab: Lab) -> None:
    """0 lets no call in, by whichever name ("Configuring reserved concurrency for a function")."""
    arn, name, first, _ = aliased(lab, 0.5)
    ways = (arn, f"{name}:{first}", name)
    lab.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    for way in ways:
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            invoked(lab, way)
    lab.functions.delete_function_concurrency(FunctionName=name)
    assert [invoked(lab, way)[0]["word"] for way in ways] == ["same"] * 3


def test_a_workflow_calls_by_weight_too(lab: Lab) -> None:
    arn, _, first, second = aliased(lab, 1.0)
    done = lab.run(task("arn:aws:states:::lambda:invoke", {"FunctionName": arn, "Payload": {}}))
    output = json.loads(done["output"])
    assert (output["ExecutedVersion"], output["Payload"]["version"]) == (second, second)
    assert first != second


def test_an_event_comes_to_the_weighted_version(lab: Lab) -> None:
    arn, name, _, second = aliased(lab, 1.0)
    lab.functions.invoke(FunctionName=arn, InvocationType="Event", Payload=b"{}")
    logs, deadline = lab.platform.target.client("logs"), time.monotonic() + 20
    while True:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        starts = [event["message"] for event in found if event["message"].startswith("START")]
        if starts or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert starts
    assert all(f"Version: {second}" in text for text in starts)


def test_errors_are_counted_by_alias_and_by_version(lab: Lab) -> None:
    arn, name, first, second = aliased(lab, 1.0)
    for event in (None, "fail", None):
        invoked(lab, arn, event)
    invoked(lab, f"{name}:{first}")  # a call past the alias counts for no alias
    watch, now = lab.platform.target.client("cloudwatch"), datetime.now(UTC)

    def total(metric: str, **dimensions: str) -> float:
        given = watch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in given["Datapoints"]))

    live = {"FunctionName": name, "Resource": f"{name}:live"}
    assert (total("Invocations", **live), total("Errors", **live)) == (3.0, 1.0)
    assert total("Errors", **live, ExecutedVersion=second) == 1.0
    assert total("Invocations", **live, ExecutedVersion=first) == 0.0
    assert total("Invocations", FunctionName=name) == 4.0


@pytest.mark.parametrize(
    ("primary", "weights", "said"),
    [
        ("2", {"1": 0.1}, ""),
        ("1", {}, ""),
        ("1", {"9": 0.1}, "does not exist"),
        ("9", {}, "does not exist"),
        ("1", {"1": 0.1}, "already included"),
        ("$LATEST", {"1": 0.1}, "LATEST"),
        ("1", {"$LATEST": 0.1}, "LATEST"),
        ("1", {"2": 0.1, "3": 0.1}, "greater than 1"),
        ("1", {"3": 0.1}, "same execution role"),
    ],
)
def test_what_an_alias_refuses(lab: Lab, primary: str, weights: dict[str, float], said: str) -> None:
    name = lab.function(SAYS).rsplit(":", 1)[-1]
    publish(lab, name, "one"), publish(lab, name, "two")
    other = lab.role([])
    lab.functions.update_function_configuration(FunctionName=name, Role=other)
    publish(lab, name, "three")
    lab.functions.update_function_configuration(FunctionName=name, Role=ROLE)
    given = {"FunctionVersion": primary, "RoutingConfig": {"AdditionalVersionWeights": weights}}
    if not said:
        assert lab.functions.create_alias(FunctionName=name, Name="live", **given)["AliasArn"]
        return
    with pytest.raises(ClientError, match=said):
        lab.functions.create_alias(FunctionName=name, Name="live", **given)
    lab.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match=said):
        lab.functions.update_alias(FunctionName=name, Name="live", **given)
    kept = lab.functions.get_alias(FunctionName=name, Name="live")
    assert (kept["FunctionVersion"], kept.get("RoutingConfig")) == ("1", None)
