"""A deployment that fails says which resource failed, of what type, and why: to the API and to `ona up`."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import deploy, reasons
from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

MANY = 70
"""Resources of a large stack: it is made and rolled back with more than one page of events (100)."""


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def role(**more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}, **more},
    }


BROKEN = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/none",
        "Code": {"ZipFile": "def handler(event, context): return 1"},
    },
}
SAID = "The role defined for the function cannot be assumed by Lambda."


class Stack:
    """A stack of its own, deployed as `ona up` deploys."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.file = lab, folder / "template.yaml"
        self.name = f"why-{uuid.uuid4().hex[:8]}"
        self.cloudformation = lab.platform.target.client("cloudformation")

    def deploy(self, resources: dict[str, Any], **sections: Any) -> str:
        """Deploy; what the user is told when it fails."""
        self.file.write_text(yaml.safe_dump({"Resources": resources, **sections}))
        try:
            deploy.deploy(self.lab.platform.target.client, self.file, self.name)
        except deploy.DeployError as error:
            return str(error)
        return ""

    def events(self, stack: str = "") -> list[dict[str, Any]]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack or self.name
        )
        return [event for page in pages for event in page["StackEvents"]]

    def failed(self, stack: str = "") -> dict[str, tuple[str, str]]:
        return {
            event["LogicalResourceId"]: (event["ResourceType"], event["ResourceStatusReason"])
            for event in self.events(stack)
            if event["ResourceStatus"].endswith("_FAILED")
        }


@pytest.fixture
def stack(lab: Lab, tmp_path: Path) -> Stack:
    return Stack(lab, tmp_path)


def test_a_resource_that_fails_is_named_with_type_and_reason(stack: Stack) -> None:
    told = stack.deploy({"Good": queue(), "Broken": {**BROKEN, "DependsOn": "Good"}})
    assert f"{stack.name} is ROLLBACK_COMPLETE" in told
    assert f"Broken (AWS::Lambda::Function): {SAID}" in told
    assert stack.failed() == {"Broken": ("AWS::Lambda::Function", SAID)}
    rolled = [event for event in stack.events() if event["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"]
    assert rolled[0]["ResourceStatusReason"].startswith(
        "The following resource(s) failed to create: [Broken]."
    )


def test_the_reason_is_told_also_of_a_large_stack(stack: Stack) -> None:
    """The failure lies behind more than a page of the roll-back's own events."""
    many = {f"Queue{number}": queue() for number in range(MANY)}
    told = stack.deploy({**many, "Broken": {**BROKEN, "DependsOn": sorted(many)}})
    assert len(stack.events()) > 100
    assert f"Broken (AWS::Lambda::Function): {SAID}" in told


def test_an_update_that_fails_tells_of_its_own_failures_only(stack: Stack) -> None:
    assert stack.deploy({"Good": queue()}) == ""
    assert "First (AWS::Lambda::Function)" in stack.deploy({"Good": queue(), "First": BROKEN})
    told = stack.deploy({"Good": queue(), "Second": BROKEN})
    assert "UPDATE_ROLLBACK_COMPLETE" in told
    assert f"Second (AWS::Lambda::Function): {SAID}" in told
    assert "First" not in told
    assert stack.deploy({"Good": queue(VisibilityTimeout=45)}) == "", "and a good one afterwards is good"


def test_what_is_found_before_anything_is_made_is_told_too(stack: Stack) -> None:
    """CloudFormation keeps it apart, in DescribeEvents."""
    bucket = stack.lab.bucket()
    told = stack.deploy({"Taken": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}})
    assert "Taken (AWS::S3::Bucket)" in told
    assert bucket in told


@pytest.mark.parametrize("value", [{"Fn::GetAtt": ["Good", "NoSuch"]}, {"Fn::Select": ["x", ["a"]]}])
def test_an_output_that_cannot_be_resolved_is_told(stack: Stack, value: Any) -> None:
    told = stack.deploy({"Good": queue()}, Outputs={"Wrong": {"Value": value}})
    assert "ROLLBACK_COMPLETE" in told
    assert re.search(r"\(AWS::CloudFormation::Stack\): \S+", told)
    assert reasons.NO_REASON not in told


@pytest.mark.parametrize(
    "resources",
    [
        {"Odd": {**queue(), "Properties": {"QueueName": {"Fn::Select": ["x", ["a"]]}}}},
        {"Odd": role(ManagedPolicyArns=7)},
        {"Odd": {"Type": "AWS::Events::Rule", "Properties": {"Targets": 3}}},
        {"Odd": {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": 5}}},
        {"Odd": {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": "id"}}},
    ],
    ids=["select", "role", "rule", "bucket", "table"],
)
def test_nonsense_ends_with_a_reason_and_never_hangs(stack: Stack, resources: dict[str, Any]) -> None:
    stack.cloudformation.create_stack(
        StackName=stack.name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_IAM"],
    )
    deadline = time.monotonic() + 30
    while True:
        described = stack.cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
        if not described["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert not described["StackStatus"].endswith("IN_PROGRESS"), "it has ended"
    if described["StackStatus"] != "CREATE_COMPLETE":
        told = reasons.of(stack.cloudformation, described)
        assert re.search(r"(Odd|why-\w+) \(AWS::\w+::\w+\): \S+", told)
        assert reasons.NO_REASON not in told


def test_a_nested_stacks_resource_is_named_through_its_parent(stack: Stack) -> None:
    s3, bucket = stack.lab.platform.s3, stack.lab.bucket()
    child = {"Resources": {"Inner": BROKEN}}
    s3.put_object(Bucket=bucket, Key="child.json", Body=json.dumps(child).encode())
    url = f"https://s3.af-south-1.amazonaws.com/{bucket}/child.json"
    told = stack.deploy(
        {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    )
    assert "Child (AWS::CloudFormation::Stack): Embedded stack arn:" in told
    assert f"Inner (AWS::Lambda::Function): {SAID}" in told
    (arn,) = set(re.findall(r"arn:\S+:stack/\S+", told))
    assert stack.failed(arn)["Inner"] == ("AWS::Lambda::Function", SAID)
