"""Removing a deployment, with and without its data, and what one left behind; with two small stacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import deploy
from ops.deployment import names, removing
from tests.fakes.lab import unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

ROOT = """
Parameters: {Name: {Type: String}}
Resources:
  Store:
    Type: AWS::Serverless::Application
    Properties: {Location: store.yaml, Parameters: {Name: !Ref Name}}
  Work:
    Type: AWS::Serverless::Application
    Properties: {Location: work.yaml, Parameters: {Name: !GetAtt Store.Outputs.Name}}
"""
STORE = """
Parameters: {Name: {Type: String}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties: {BucketName: !Sub "${Name}-data"}
  Letters:
    Type: AWS::SQS::Queue
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties: {QueueName: !Sub "${Name}-letters"}
Outputs: {Name: {Value: !Ref Name}}
"""
WORK = """
Parameters: {Name: {Type: String}}
Resources:
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/${Name}/logs"}}
"""
Scene = tuple[Callable[[str], Any], Path, str, names.Plan]


@pytest.fixture
def scene(platform: Platform, tmp_path: Path) -> Scene:
    for name, text in (("template", ROOT), ("store", STORE), ("work", WORK)):
        (tmp_path / f"{name}.yaml").write_text(text)
    name, client = unique("lab"), platform.target.client
    deploy.deploy(client, tmp_path / "template.yaml", name, {"Name": name})
    client("s3").put_object(Bucket=f"{name}-data", Key="precious", Body=b"1")
    plan = names.plan(
        tmp_path / "template.yaml", {"Name": name}, account="000000000000", region="af-south-1"
    )
    return client, tmp_path / "template.yaml", name, plan


def remove(scene: Scene) -> list[str]:
    client, _, name, _ = scene
    found = [item["StackName"] for item in removing.stacks(client, name)]
    for stack in found:
        removing.delete_stack(client, stack)
    return found


def test_without_its_data_a_deployment_goes_and_they_stay(scene: Scene) -> None:
    client, template, name, _ = scene
    assert set(remove(scene)) == {name, f"{name}-store", f"{name}-work"}
    assert removing.stacks(client, name) == []
    body = client("s3").get_object(Bucket=f"{name}-data", Key="precious")["Body"].read()
    assert body == b"1"
    assert template.exists()


def test_a_stack_of_another_root_stays(scene: Scene, platform: Platform, tmp_path: Path) -> None:
    client, template, name, _ = scene
    other = f"{name}-2"
    deploy.deploy(client, template, other, {"Name": other})
    remove(scene)
    assert {item["StackName"] for item in removing.stacks(client, other)} >= {other, f"{other}-store"}
    assert platform.target.outputs["Environment"] == "dev"


def test_what_stayed_is_a_leftover_and_goes_with_all_that_is_in_it(scene: Scene) -> None:
    client, _, name, plan = scene
    assert removing.left(client, plan, name) == [], "what a stack owns is no leftover"
    remove(scene)
    found = removing.left(client, plan, name)
    assert {item.name for item in found} == {f"{name}-data", f"{name}-letters"}
    for item in found:
        removing.delete(client, item)
    assert removing.left(client, plan, name) == []
    with pytest.raises(client("s3").exceptions.ClientError):
        client("s3").head_bucket(Bucket=f"{name}-data")
