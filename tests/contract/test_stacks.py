"""The root and the stacks: what passes between them, and what every resource of a kind must have."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.account_api.api import app as account_app
from forecasting.forecasting_api.api import app as forecasting_app
from local.hooks.front import Rule, routed
from ona.config import services
from ooda.operations_api.api import app as operations_app
from ops import templates
from tests.builders import deployed
from tests.builders.deployed import RESOURCES, STACKS, functions
from tests.paths import ROOT

FAMILIES = ("Access", "Ooda", "Delivery", "Forecasting", "ForecastTraining")
"""Applications that have functions."""


def test_root_and_stacks_fit_together() -> None:
    assert templates.problems(ROOT / "template.yaml") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "template.yaml",
            "Access.Outputs.AuthorizerFunctionArn",
            "Access.Outputs.Authorizer",
            "Access.Outputs.Authorizer: no application has that output",
        ),
        (
            "template.yaml",
            "        PlanningLayer: !GetAtt Foundation.Outputs.PlanningLayer\n",
            "",
            "Ooda: parameter PlanningLayer is not given",
        ),
        (
            "template.yaml",
            "        WeatherProvider: !Ref WeatherProvider\n",
            "        WeatherProvider: !Ref WeatherProvider\n        Weather: sunny\n",
            "Forecasting: forecasting.yaml has no parameter Weather",
        ),
        (
            "template.yaml",
            "        AlertEmail: !Ref AlertEmail\n",
            "        AlertEmail: !GetAtt Ooda.Outputs.StateMachineArn\n",
            "applications ask for each other",
        ),
        (
            "template.yaml",
            "      Location: stacks/delivery.yaml",
            "      Location: stacks/deliveries.yaml",
            "Delivery: no template at Location 'stacks/deliveries.yaml'",
        ),
        (
            "stacks/delivery.yaml",
            "Outputs:\n",
            "Outputs:\n  Spare: {Value: x}\n",
            "delivery.yaml: nothing uses output Spare",
        ),
        (
            "stacks/delivery.yaml",
            "Parameters:\n",
            "Parameters:\n  Spare: {Type: String, Default: x}\n",
            "delivery.yaml: nothing uses parameter Spare",
        ),
        (
            "stacks/delivery.yaml",
            "Resources:\n",
            "Resources:\n  CrewsTable: {Type: AWS::SNS::Topic}\n",
            "CrewsTable is declared in",
        ),
        ("stacks/delivery.yaml", "Outputs:\n", "\n" * 700 + "Outputs:\n", "lines, at most 700"),
        ("template.yaml", "Outputs:\n", "\n" * 300 + "Outputs:\n", "lines, at most 300"),
    ],
)
def test_a_mismatch_of_templates_is_named(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    shutil.copy(ROOT / "template.yaml", tmp_path)
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    assert any(problem in text for text in templates.problems(tmp_path / "template.yaml"))


def test_no_name_depends_on_a_stacks_name() -> None:
    for path in (ROOT / "template.yaml", *(ROOT / "stacks").glob("*.yaml")):
        assert "AWS::StackName" not in path.read_text(), path.name


def routes(app: Any) -> set[tuple[str, str]]:
    paths = app.get_openapi_schema(title="x", version="1").paths
    return {
        (path, method.upper())
        for path, item in paths.items()
        for method in ("get", "post", "patch", "delete", "put")
        if getattr(item, method) is not None
    }


def given_routes(function: str, api: str) -> set[tuple[str, str]]:
    events = [item["Properties"] for item in RESOURCES[function]["Properties"]["Events"].values()]
    return {
        (item["Path"], item["Method"])
        for item in events
        if item.get("RestApiId") == {"Ref": api} and item["Method"] != "OPTIONS"
    }


APIS = {
    "AccountApiFunction": (account_app, "AccountApi", "AccountIamApi"),
    "OperationsApiFunction": (operations_app, "OpsApi", "OpsIamApi"),
    "ForecastingApiFunction": (forecasting_app, "Api", "IamApi"),
}


@pytest.mark.parametrize("function", APIS)
def test_an_api_has_the_routes_of_its_function(function: str) -> None:
    app, by_key, signed = APIS[function]
    assert routes(app) == given_routes(function, by_key)
    assert routes(app) - {("/health", "GET")} == given_routes(function, signed)


def rules() -> list[tuple[str, Rule]]:
    """The front's rules, each with the parameter that names its API."""
    declared = [
        item["Properties"]
        for item in STACKS["front"]["Resources"].values()
        if item["Type"] == "AWS::ApiGatewayV2::RoutingRule"
    ]
    return [(item["Actions"][0]["InvokeApi"]["ApiId"]["Ref"], Rule.read(item)) for item in declared]


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        ("AccountApiFunction", "AccessApiId"),
        ("OperationsApiFunction", "OpsApiId"),
        ("ForecastingApiFunction", "ForecastingApiId"),
    ],
)
def test_the_front_sends_every_path_to_its_api_as_it_is(function: str, parameter: str) -> None:
    apis = {rule.api_id: name for name, rule in rules()}
    for path, _ in routes(APIS[function][0]):
        route = routed((rule for _, rule in rules()), path)
        assert route is not None
        assert (apis[route[0]], route[2]) == (parameter, path)


def test_every_api_refuses_in_the_same_words() -> None:
    answers = [RESOURCES[api]["Properties"]["GatewayResponses"] for _, api, _ in APIS.values()]
    assert len(answers[0]) == 6
    assert all(answer == answers[0] for answer in answers)


def test_services_yaml_and_stacks_agree() -> None:
    sizes = {
        properties["Handler"].split(".")[1]: (properties["MemorySize"], properties["Timeout"])
        for properties in functions().values()
    }
    wanted = {name: (limits.memory, limits.timeout) for name, limits in services.service_limits().items()}
    assert sizes == wanted


def statements(policies: Any) -> Iterator[dict[str, Any]]:
    for policy in policies:
        yield from policy.get("PolicyDocument", policy)["Statement"]


def test_a_star_resource_stands_only_where_aws_has_no_other() -> None:
    allowed = {"DeliverLogs"}
    for item in RESOURCES.values():
        for statement in statements(item.get("Properties", {}).get("Policies", [])):
            if "Fn::If" in statement:
                statement = statement["Fn::If"][1]
            if statement["Resource"] == "*":
                assert statement["Sid"] in allowed
            actions = statement["Action"]
            assert not any("*" in action for action in ([actions] if isinstance(actions, str) else actions))


def test_every_queue_has_a_policy_and_an_alarm_on_its_depth() -> None:
    queues = {n for n, item in RESOURCES.items() if item["Type"] == "AWS::SQS::Queue"}
    policed, watched = set(), set()
    for item in RESOURCES.values():
        if item["Type"] == "AWS::SQS::QueuePolicy":
            policed |= {queue["Ref"] for queue in item["Properties"]["Queues"]}
        if item["Type"] == "AWS::CloudWatch::Alarm" and item["Properties"]["Namespace"] == "AWS/SQS":
            watched.add(item["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
    assert queues == policed == watched


def test_buckets_are_private_encrypted_versioned_and_kept() -> None:
    for item in RESOURCES.values():
        if item["Type"] != "AWS::S3::Bucket":
            continue
        assert (item["DeletionPolicy"], item["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert item["Properties"]["VersioningConfiguration"]["Status"] == "Enabled"
        assert all(item["Properties"]["PublicAccessBlockConfiguration"].values())
        assert item["Properties"]["BucketEncryption"]


def test_every_function_has_its_own_log_group_and_dead_letter_queue() -> None:
    groups = {n for n, item in RESOURCES.items() if item["Type"] == "AWS::Logs::LogGroup"}
    used = {properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions().values()}
    assert len(used) == len(functions())
    assert used <= groups
    for properties in functions().values():
        assert properties["DeadLetterQueue"]["TargetArn"] == {"Ref": "FunctionDeadLetterQueueArn"}
    given = [deployed.ROOT_TEMPLATE["Resources"][name]["Properties"]["Parameters"] for name in FAMILIES]
    outputs = STACKS["foundation"]["Outputs"]
    for parameters in given:
        output = parameters["FunctionDeadLetterQueueArn"]["Fn::GetAtt"][1].removeprefix("Outputs.")
        assert outputs[output]["Value"]["Fn::GetAtt"][0] == "FunctionDeadLetterQueue"


def layered(layer: str) -> set[str]:
    return {n for n, p in functions().items() if {"Ref": layer} in p.get("Layers", [])}


def test_heavy_layers_stand_only_where_they_are_used() -> None:
    boosting = {"InterpolationServiceFunction", "GlobalTrainingServiceFunction", "ForecastingApiFunction"}
    assert layered("BoostingLayer") == boosting
    assert layered("PlanningLayer") == {"ScheduleFunction"}
    assert layered("AnalyticsLayer") == {"DetectFunction", "DataIngestionFunction", *boosting}
