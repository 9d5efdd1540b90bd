"""Every function and workflow is called through its alias, and a new release comes to it slowly and back.

SAM's own translator makes the templates that are looked at here; what AWS does with them is from its
documentation, named beside each test.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from local.packaging import Unread, read_template, transform
from tests.builders import deployed
from tests.builders.deployed import STACKS
from tests.paths import ROOT

FAMILIES = sorted(
    name
    for name, stack in STACKS.items()
    if any(item["Type"] == "AWS::Serverless::Function" for item in stack["Resources"].values())
)
"""Stacks with functions."""


@cache
def plain(name: str, release: str = "0123456789ab", tracing: str = "Active") -> dict[str, Any]:
    """A stack's resources as CloudFormation gets them."""
    folder = ROOT / "stacks"
    template = read_template(folder / f"{name}.yaml")
    packaged = Unread().package(template, folder)
    given = dict.fromkeys(template["Parameters"], "x") | {"Release": release, "Tracing": tracing}
    resources: dict[str, Any] = transform(packaged, given, "af-south-1")["Resources"]
    return resources


def of(kind: str, name: str) -> dict[str, dict[str, Any]]:
    return {key: item for key, item in plain(name).items() if item["Type"] == kind}


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    else:
        yield str(node)


def attributes(node: Any) -> Iterator[tuple[str, str]]:
    """Every Fn::GetAtt: the resource and its attribute."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::GetAtt":
                parts = value.split(".") if isinstance(value, str) else value
                yield parts[0], parts[1]
            else:
                yield from attributes(value)
    elif isinstance(node, list):
        for value in node:
            yield from attributes(value)


def unaliased(stack: dict[str, Any]) -> list[str]:
    """Where a stack names a function itself instead of its alias, but for its own parts."""
    functions = {key for key, item in stack["Resources"].items() if item["Type"].endswith("less::Function")}
    found = [f"{name}.{attribute}" for name, attribute in attributes(stack) if name in functions]
    named = re.compile(
        r":function:ona-(?!deployHook)[A-Za-z]+-\$\{Environment\}(?!:live)"
    )  # CodeDeploy's way
    return found + [text for text in texts(stack) if named.search(text)]


@pytest.mark.parametrize("name", FAMILIES)
def test_everything_that_calls_a_function_calls_its_alias(name: str) -> None:
    """A policy for the unqualified ARN does not allow a call through the alias (AWS Lambda Developer
    Guide, "Using Lambda aliases in event sources and permissions policies")."""
    assert unaliased(STACKS[name]) == []


def test_a_call_past_the_alias_is_found() -> None:
    stack = copy.deepcopy(STACKS["ooda"])
    machine = stack["Resources"]["OodaStateMachine"]["Properties"]
    machine["DefinitionSubstitutions"]["DetectFunctionArn"] = {"Fn::GetAtt": ["DetectFunction", "Arn"]}
    assert unaliased(stack) == ["DetectFunction.Arn"]
    stack = copy.deepcopy(STACKS["ooda"])
    route = stack["Resources"]["OpsApi"]["Properties"]["DefinitionBody"]["paths"]["/"]
    uri = route["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
    uri["Fn::Sub"] = uri["Fn::Sub"].replace(":live/", "/")
    assert len(unaliased(stack)) == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_a_release_publishes_a_version_of_every_function_and_keeps_the_old_one(name: str) -> None:
    """CloudFormation drops a version whose logical id is gone, unless its DeletionPolicy is Retain. A
    version whose description alone changes would be replaced, and the old one deleted (AWS CloudFormation,
    AWS::Lambda::Version and DeletionPolicy)."""
    functions, versions = of("AWS::Lambda::Function", name), of("AWS::Lambda::Version", name)
    assert {item["Properties"]["FunctionName"]["Ref"] for item in versions.values()} == set(functions)
    later = plain(name, "ba9876543210")
    assert not versions.keys() & later.keys()
    assert all(item["DeletionPolicy"] == "Retain" for item in versions.values())
    assert not any("Description" in item["Properties"] for item in versions.values())
    for key, item in functions.items():
        # Lambda publishes no version of what has not changed: the release changes it (PublishVersion)
        assert item["Properties"]["Environment"]["Variables"]["ONA_RELEASE"] == {"Ref": "Release"}
        assert item["Properties"]["Description"] != later[key]["Properties"]["Description"]
        assert len(item["Properties"]["Description"]) + 41 <= 256


@pytest.mark.parametrize("name", FAMILIES)
def test_the_alias_shifts_by_codedeploy_under_the_familys_alarm(name: str) -> None:
    functions, aliases = of("AWS::Lambda::Function", name), of("AWS::Lambda::Alias", name)
    groups = of("AWS::CodeDeploy::DeploymentGroup", name)
    assert {item["Properties"]["FunctionName"]["Ref"] for item in aliases.values()} == set(functions)
    assert {item["Properties"]["Name"] for item in aliases.values()} == {"live"}
    alarms = {
        str(item["Properties"]["AlarmName"]): item["Properties"]
        for item in of("AWS::CloudWatch::Alarm", name).values()
    }
    for item in aliases.values():
        policy = item["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[policy["DeploymentGroupName"]["Ref"]]["Properties"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        own = {"Fn::GetAtt": ["DeployShiftRole", "Arn"]}
        assert group["ServiceRoleArn"] == (own if name == "deployment" else {"Ref": "DeployRole"})
        assert policy["BeforeAllowTrafficHook"] == {"Fn::Sub": "ona-deployHook-${Environment}"}
        [alarm] = group["AlarmConfiguration"]["Alarms"]
        watched = {
            dimension["Value"]["Fn::Sub"]
            for metric in alarms[str(alarm["Name"])]["Metrics"]
            if "MetricStat" in metric
            for dimension in metric["MetricStat"]["Metric"]["Dimensions"]
            if dimension["Name"] == "Resource"
        }
        names = {function["Properties"]["FunctionName"]["Fn::Sub"] for function in functions.values()}
        assert watched == {f"{function}:live" for function in names}
        assert len(watched) <= 10, "metrics of one alarm (PutMetricAlarm)"


def machines() -> Iterator[tuple[str, str]]:
    for name in FAMILIES:
        yield from ((name, key) for key in of("AWS::StepFunctions::StateMachine", name))


@pytest.mark.parametrize(("name", "machine"), list(machines()))
def test_a_workflow_has_an_alias_that_events_start(name: str, machine: str) -> None:
    """Permission to start an alias is asked for by the workflow's own ARN (AWS Step Functions Developer
    Guide, "Authorization for versions and aliases"), which SAM's own policy does not name."""
    there = plain(name)
    alias = f"{machine}Aliaslive"
    assert there[alias]["Type"] == "AWS::StepFunctions::StateMachineAlias"
    for kind in ("DeletionPolicy", "UpdateReplacePolicy"):
        assert there[f"{machine}Version"][kind] == "Retain"
    rules = [
        target
        for item in of("AWS::Events::Rule", name).values()
        for target in item["Properties"]["Targets"]
        if str(target["Arn"]) in (str({"Ref": alias}), str({"Ref": machine}))
    ]
    started = there[machine]["Properties"]["StateMachineName"]["Fn::Sub"]
    for target in rules:
        assert target["Arn"] == {"Ref": alias}
        role = target["RoleArn"]["Fn::GetAtt"][0]
        allowed = [
            resource["Fn::Sub"].rsplit(":", 1)[1]
            for item in of("AWS::IAM::Policy", name).values()
            if {"Ref": role} in item["Properties"]["Roles"]
            for resource in item["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]
        ]
        assert started in allowed


@pytest.mark.parametrize("name", FAMILIES)
def test_traces_are_written_only_where_tracing_is_on(name: str) -> None:
    """PassThrough traces what a caller traces already (AWS::Lambda::Function, TracingConfig)."""
    for item in of("AWS::Lambda::Function", name).values():
        assert item["Properties"]["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
    for item in of("AWS::StepFunctions::StateMachine", name).values():
        assert item["Properties"]["TracingConfiguration"] == {
            "Enabled": {"Fn::If": ["Traces", True, False]}
        }
        role = plain(name)[item["Properties"]["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        assert "XRay" in str(role["ManagedPolicyArns"]) or "Xray" in str(role["ManagedPolicyArns"])


def test_every_parameter_of_scale_reaches_its_stack() -> None:
    root = deployed.ROOT_TEMPLATE
    scale = [
        name
        for name in root["Parameters"]
        if re.match(r"Reserved[A-Z]|ForecastsProvisioned|Api[RB]u?", name)
    ]
    assert {"ReservedDeliver", "ForecastsProvisionedMax", "ApiRate", "ApiBurst"} <= set(scale)
    for name in scale:
        assert {"Ref": name} in [
            item["Properties"]["Parameters"].get(name) for item in root["Resources"].values()
        ]
