"""The root and the stacks: what passes between them, and what every resource of a kind must have."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from access.account_api.api import app as account_app
from forecasting.forecasting_api.api import app as forecasting_app
from local.hooks.front import Rule, routed
from local.packaging import Unread, transform
from ona.config import services
from ooda.operations_api.api import app as operations_app
from ops import templates
from tests.builders import deployed
from tests.builders.deployed import RESOURCES, STACKS, functions, of_type
from tests.paths import ROOT

FAMILIES = ("Access", "Ooda", "Delivery", "Forecasting", "ForecastTraining")
"""Applications that have functions."""


@pytest.mark.parametrize(
    "path", [ROOT / "template.yaml", *sorted((ROOT / "stacks").glob("*.yaml"))], ids=lambda p: p.name
)
def test_sams_own_reader_reads_each_template(path: Path) -> None:
    """It is stricter than the fast reader: a bare `?` within braces ends its line."""
    assert yaml_parse(path.read_text())["Resources"]


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
        ("template.yaml", "Outputs:\n", "\n" * 460 + "Outputs:\n", "lines, at most 460"),
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


def given_routes(api: str) -> set[tuple[str, str]]:
    """The routes of an API that want credentials."""
    return {
        (path, method.upper())
        for path, item in RESOURCES[api]["Properties"]["DefinitionBody"]["paths"].items()
        for method, operation in item.items()
        if "security" not in operation
    }


APIS = {
    "AccountApiFunction": (account_app, "AccountApi", "AccountIamApi"),
    "OperationsApiFunction": (operations_app, "OpsApi", "OpsIamApi"),
    "ForecastingApiFunction": (forecasting_app, "Api", "IamApi"),
}


@pytest.mark.parametrize("function", APIS)
def test_an_api_has_the_routes_of_its_function(function: str) -> None:
    app, by_key, signed = APIS[function]
    guarded = routes(app) - {("/health", "GET")}
    assert given_routes(by_key) == given_routes(signed) == guarded
    for api in (by_key, signed):
        paths = RESOURCES[api]["Properties"]["DefinitionBody"]["paths"]
        assert set(paths) == {path for path, _ in routes(app)} | {"/", "/{proxy+}"}
        for item in paths.values():  # preflight, 405 and 404 are the function's
            assert item["x-amazon-apigateway-any-method"]["security"] == [{"NONE": []}]


def test_every_family_s_api_is_listed_here() -> None:
    modules = {path.parent.parent.name for path in (ROOT / "functions").glob("*/*/api.py")}
    assert len(APIS) == len(modules) == 3
    assert {api for _, *apis in APIS.values() for api in apis} == set(of_type("AWS::Serverless::Api"))


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


@pytest.mark.parametrize("signed", [False, True])
def test_every_api_refuses_in_the_same_words(signed: bool) -> None:
    answers = [RESOURCES[apis[signed]]["Properties"]["GatewayResponses"] for _, *apis in APIS.values()]
    assert set(answers[0]) == {
        "ACCESS_DENIED",
        "MISSING_AUTHENTICATION_TOKEN",
        "THROTTLED",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
    }
    assert all(answer == answers[0] for answer in answers)
    for answer in answers[0].values():  # $context.requestTime is no ISO 8601
        text = answer["ResponseTemplates"]["application/json"]
        assert '"timestamp":null' in text or '"timestamp":"$context.authorizer.timestamp"' in text


@pytest.fixture(scope="module")
def transformed() -> dict[str, dict[str, Any]]:
    """Every stack with an API as CloudFormation gets it: its resources."""
    plain = {}
    for name in ("access", "forecasting", "ooda"):
        packaged = Unread().package(STACKS[name], ROOT / "stacks")
        given = dict.fromkeys(packaged["Parameters"], "x") | {"Release": "0123456789ab"}
        plain[name] = transform(packaged, given, "af-south-1")["Resources"]
    return plain


def _of(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: item["Properties"] for name, item in resources.items() if item["Type"] == kind}


def test_an_api_has_one_stage_throttled_and_measured(transformed: dict[str, dict[str, Any]]) -> None:
    for resources in transformed.values():
        stages = list(_of(resources, "AWS::ApiGateway::Stage").values())
        apis = _of(resources, "AWS::ApiGateway::RestApi")
        assert sorted(stage["RestApiId"]["Ref"] for stage in stages) == sorted(apis)
        for stage in stages:
            assert stage["StageName"] == {"Ref": "Environment"}
            of_all = stage["MethodSettings"][0]
            assert (of_all["HttpMethod"], of_all["ResourcePath"]) == ("*", "/*")
            for settings in stage["MethodSettings"]:  # a method has its own ones or these, not both
                assert settings["ThrottlingRateLimit"] == {"Ref": "ApiRate"}
                assert settings["ThrottlingBurstLimit"] == {"Ref": "ApiBurst"}
                assert settings["MetricsEnabled"] is True
        # a deployment that names a stage makes it, and CloudFormation sets nothing on it
        for deployment in _of(resources, "AWS::ApiGateway::Deployment").values():
            assert "StageName" not in deployment


def test_an_api_may_invoke_its_function_from_its_stage_only(transformed: dict[str, dict[str, Any]]) -> None:
    for resources in transformed.values():
        permissions = [
            item["SourceArn"]["Fn::Sub"]
            for item in _of(resources, "AWS::Lambda::Permission").values()
            if item["Principal"] == "apigateway.amazonaws.com"
        ]
        # an authorizer's permission cannot name a stage (API Gateway Developer Guide)
        routes_of = [arn for arn in permissions if isinstance(arn, str)]
        apis = _of(resources, "AWS::ApiGateway::RestApi")
        assert sorted(routes_of) == sorted(
            "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"
            f"${{{api}}}/${{Environment}}/*"
            for api in apis
        )
        others = [arn[0] for arn in permissions if not isinstance(arn, str)]
        assert all(arn.endswith(":${__ApiId__}/authorizers/*") for arn in others)


def test_api_gateway_invokes_functions_by_their_policy_not_as_the_caller(
    transformed: dict[str, dict[str, Any]],
) -> None:
    for resources in transformed.values():
        for api in _of(resources, "AWS::ApiGateway::RestApi").values():
            for item in api["Body"]["paths"].values():
                for operation in item.values():
                    assert "credentials" not in operation["x-amazon-apigateway-integration"]


def test_a_function_knows_its_two_apis() -> None:
    for function, (_, by_key, signed) in APIS.items():
        variables = functions()[function]["Environment"]["Variables"]
        assert variables["API_ID"] == {"Ref": by_key}
        assert variables["IAM_API_ID"] == {"Ref": signed}


def test_services_yaml_and_stacks_agree() -> None:
    sizes = {
        properties["Handler"].split(".")[1]: (properties["MemorySize"], properties["Timeout"])
        for properties in functions().values()
    }
    wanted = {name: (limits.memory, limits.timeout) for name, limits in services.service_limits().items()}
    assert sizes == wanted


def statements(policies: Any) -> Iterator[dict[str, Any]]:
    for policy in policies:
        if isinstance(policy, dict):  # else AWS's own, by name
            yield from policy.get("PolicyDocument", policy)["Statement"]


def test_a_star_resource_stands_only_where_aws_has_no_other() -> None:
    allowed = {"Answer", "AnswerByToken", "DeliverLogs", "SeeAlarms", "SeeStacks"}
    allowed |= {"SeeWhoChangedIt"}
    for item in RESOURCES.values():
        for statement in statements(item.get("Properties", {}).get("Policies", [])):
            if statement["Resource"] == "*":
                assert statement["Sid"] in allowed
            actions = statement["Action"]
            assert not any("*" in action for action in ([actions] if isinstance(actions, str) else actions))


def test_every_queue_has_a_policy_and_an_alarm() -> None:
    queues = {n for n, item in RESOURCES.items() if item["Type"] == "AWS::SQS::Queue"}
    named = {str(RESOURCES[name]["Properties"]["QueueName"]): name for name in queues}
    policed, watched = set(), set()
    for item in RESOURCES.values():
        if item["Type"] == "AWS::SQS::QueuePolicy":
            policed |= {queue["Ref"] for queue in item["Properties"]["Queues"]}
        if item["Type"] == "AWS::CloudWatch::Alarm" and item["Properties"].get("Namespace") == "AWS/SQS":
            watched.add(named[str(item["Properties"]["Dimensions"][0]["Value"])])
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
