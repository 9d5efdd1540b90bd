"""Nested applications on the embedded cloud: each a stack, updated when it changed, moved, deleted."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
import yaml

from local import deploy
from ops import customers
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def queue(name: str, **more: Any) -> dict[str, Any]:
    properties = {"QueueName": name, **more}
    return {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete", "Properties": properties}


class Tree:
    """A root with applications of queues, deployed beside the platform."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        self.name = f"tree-{uuid.uuid4().hex[:8]}"
        self.cloudformation = platform.target.client("cloudformation")
        self.stacks: dict[str, dict[str, Any]] = {}

    def queue(self, name: str, **more: Any) -> dict[str, Any]:
        return queue(f"{self.name}-{name}", **more)

    def deploy(self, say: deploy.Say = lambda _: None) -> dict[str, str]:
        outputs = {}
        applications = {}
        for name, resources in self.stacks.items():
            urls = {f"{queue}Url": {"Value": {"Ref": queue}} for queue in resources}
            template = {"Resources": resources, "Outputs": urls}
            (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(template))
            properties = {"Location": f"{name}.yaml"}
            applications[name] = {"Type": "AWS::Serverless::Application", "Properties": properties}
            outputs |= {url: {"Value": {"Fn::GetAtt": [name, f"Outputs.{url}"]}} for url in urls}
        root = self.folder / "root.yaml"
        root.write_text(yaml.safe_dump({"Resources": applications, "Outputs": outputs}))
        return deploy.deploy(self.platform.target.client, root, self.name, say=say)

    def events(self) -> dict[str, int]:
        count = {}
        for name in [self.name, *(deploy.nested_name(self.name, item) for item in self.stacks)]:
            pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
            count[name] = sum(len(page["StackEvents"]) for page in pages)
        return count

    def owned(self, application: str) -> list[str]:
        stack = deploy.nested_name(self.name, application)
        found = self.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        return sorted(item["LogicalResourceId"] for item in found)


@pytest.fixture
def tree(_platform: Platform, tmp_path: Path) -> Tree:
    made = Tree(_platform, tmp_path)
    made.stacks = {"Base": {"First": made.queue("first")}, "Top": {"Second": made.queue("second")}}
    return made


def test_only_the_stack_that_changed_is_updated(tree: Tree) -> None:
    outputs = tree.deploy()
    assert sorted(outputs) == ["FirstUrl", "SecondUrl"]
    root = deploy.find(tree.cloudformation, tree.name)
    assert root is not None
    assert {item["OutputKey"]: item["OutputValue"] for item in root["Outputs"]} == outputs
    before = tree.events()
    assert tree.deploy() == outputs
    assert tree.events() == before, "deployed again, nothing changes"
    tree.stacks["Top"]["Second"] = tree.queue("second", VisibilityTimeout=45)
    assert tree.deploy() == outputs
    after = tree.events()
    assert after[f"{tree.name}-top"] > before[f"{tree.name}-top"]
    assert after[f"{tree.name}-base"] == before[f"{tree.name}-base"]
    sqs = tree.platform.target.client("sqs")
    read = sqs.get_queue_attributes(QueueUrl=outputs["SecondUrl"], AttributeNames=["VisibilityTimeout"])
    assert read["Attributes"] == {"VisibilityTimeout": "45"}


def test_a_resource_moves_to_the_stack_that_declares_it_now(tree: Tree) -> None:
    sqs = tree.platform.target.client("sqs")
    outputs = tree.deploy()
    sqs.send_message(QueueUrl=outputs["FirstUrl"], MessageBody="still here")
    tree.stacks["Top"]["First"] = tree.stacks["Base"].pop("First")
    tree.stacks["Base"]["Third"] = tree.queue("third")
    assert tree.deploy()["FirstUrl"] == outputs["FirstUrl"]
    assert (tree.owned("Base"), tree.owned("Top")) == (["Third"], ["First", "Second"])
    received = sqs.receive_message(QueueUrl=outputs["FirstUrl"])["Messages"]
    assert [item["Body"] for item in received] == ["still here"]


def test_the_stack_of_an_application_that_is_gone_is_deleted(tree: Tree) -> None:
    tree.deploy()
    del tree.stacks["Top"]
    assert sorted(tree.deploy()) == ["FirstUrl"]
    assert deploy.find(tree.cloudformation, f"{tree.name}-top") is None
    listed = tree.platform.target.client("sqs").list_queues(QueueNamePrefix=tree.name)["QueueUrls"]
    assert [url.rsplit("/", 1)[1] for url in listed] == [f"{tree.name}-first"]


def test_a_stack_that_fails_is_named_with_its_reason(tree: Tree) -> None:
    tree.stacks["Top"]["Second"] = {"Type": "AWS::SQS::Nothing", "Properties": {}}
    with pytest.raises(Exception, match=r"AWS::SQS::Nothing"):
        tree.deploy()
    assert deploy.find(tree.cloudformation, f"{tree.name}-base") is None, "what came before it went, too"
    tree.stacks["Top"]["Second"] = tree.queue("second")
    assert sorted(tree.deploy()) == ["FirstUrl", "SecondUrl"], "mended, the next deployment goes on"


def test_a_stack_whose_first_deployment_failed_is_made_anew_when_it_is_mended(tree: Tree) -> None:
    """CloudFormation rolls such a stack back and takes no update of it."""
    good = tree.stacks["Top"]["Second"] if "Second" in tree.stacks["Top"] else tree.queue("second")
    tree.stacks["Top"]["Second"] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": f"{tree.name}-broken",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/none",
            "Code": {"ZipFile": "def handler(event, context): return 1"},
            "Layers": ["NoSuchLayer"],
        },
    }
    with pytest.raises(deploy.DeployError, match="ROLLBACK_COMPLETE"):
        tree.deploy()
    tree.stacks["Top"]["Second"] = good
    assert sorted(tree.deploy()) == ["FirstUrl", "SecondUrl"]


# ------------------------------------------------------------------ the front


def asked(platform: Platform, method: str, path: str, **headers: str) -> Any:
    return urllib3.request(
        method, f"{platform.target.api_url}{path}", headers=headers, retries=False, timeout=60
    )


@pytest.mark.parametrize("path", ["/quota/usage", "/ops/work-orders", "/ops/schedule", "/ops/incidents"])
def test_one_address_and_one_key_open_the_apis_of_all_families(platform: Platform, path: str) -> None:
    key = customers.add_key(platform.target, "customer-001", "standard")
    answer = asked(platform, "GET", path, **{"X-API-Key": key})
    assert answer.status == 200, answer.data
    assert answer.json()["success"]
    for wrong in ({}, {"X-API-Key": "ona_wrong"}):
        answer = asked(platform, "GET", path, **wrong)
        assert (answer.status, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("name", ["2025-01-01T00:00:00Z", "a:b:c/d", ":", "a*b", "a b", "é", "wo-1"])
def test_a_name_in_a_path_may_have_any_letters(deployed: Platform, name: str) -> None:
    """The authorizer is told the caller's own path. Its colons were taken for those of an ARN: 500."""
    path = f"/ops/work-orders/{quote(name, safe='')}"
    key = customers.add_key(deployed.target, "customer-001", "standard")
    answer = asked(deployed, "GET", path, **{"X-API-Key": key})
    assert answer.status in (400, 404), answer.data
    assert asked(deployed, "GET", path).status == 401


@pytest.mark.parametrize("path", ["/nothing", "/ops/nothing", "/quota/nothing", "/health/x", "/opsx", "/"])
def test_an_unknown_path_is_refused_in_the_envelope(deployed: Platform, path: str) -> None:
    answer = asked(deployed, "GET", path, Origin="https://localhost")
    assert (answer.status, answer.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://localhost"


@pytest.mark.parametrize("path", ["/quota/usage", "/health", "/ops/work-orders", "/forecast"])
def test_a_page_may_ask_before_it_calls(deployed: Platform, path: str) -> None:
    answer = asked(deployed, "OPTIONS", path, Origin="https://localhost")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://localhost")


def test_an_apis_own_address_has_the_same_paths(platform: Platform) -> None:
    own = platform.target.outputs["OpsApiUrl"].removeprefix("https://").split(".")[0]
    assert platform.target.embedded is not None
    address = f"{platform.target.embedded.endpoint}/_aws/execute-api/{own}/dev"
    key = customers.add_key(platform.target, "customer-001", "standard")
    answer = urllib3.request("GET", f"{address}/ops/schedule", headers={"X-API-Key": key}, timeout=60)
    assert answer.status == 200


def test_two_rules_of_one_priority_are_refused(platform: Platform, tmp_path: Path) -> None:
    name = f"front-{uuid.uuid4().hex[:8]}"
    rule = {
        "Type": "AWS::ApiGatewayV2::RoutingRule",
        "Properties": {
            "DomainNameArn": f"arn:aws:apigateway:af-south-1::/domainnames/{name}.example",
            "Priority": 1,
            "Conditions": [{"MatchBasePaths": {"AnyOf": [name]}}],
            "Actions": [{"InvokeApi": {"ApiId": "abc", "Stage": "none", "StripBasePath": False}}],
        },
    }
    (tmp_path / "t.yaml").write_text(yaml.safe_dump({"Resources": {"One": rule, "Two": rule}}))
    with pytest.raises(deploy.DeployError, match="priority 1 has a routing rule already"):
        deploy.deploy(platform.target.client, tmp_path / "t.yaml", name)
