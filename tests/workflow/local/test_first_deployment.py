"""A first deployment that fails leaves nothing, an update that fails loses nothing, an import keeps data.

Every stack of `stacks/` is tried, with those of its resources that outlive it.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import deploy
from ops.deployment import importing, names
from ops.deployment.names import Named, taken
from ops.target import OpsError
from tests.builders.deployed import STACKS
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

BROKEN = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "FunctionName": "no-such-layer",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/none",
        "Code": {"ZipFile": "def handler(event, context): return 1"},
        "Layers": ["NoSuchLayer"],
    },
}
"""Passes every check of a template, and fails when it is made."""
KEPT = {
    stack: {name: item for name, item in template["Resources"].items() if "DeletionPolicy" in item}
    for stack, template in STACKS.items()
}


@pytest.fixture
def client(_platform: Platform) -> Any:
    """Makes clients of the embedded cloud."""
    return _platform.target.client


class Alone:
    """One stack with only what outlives it, under names of its own."""

    def __init__(self, client: Any, folder: Path, stack: str) -> None:
        self.client = client
        self.source, self.file = STACKS[stack], folder / "stack.yaml"
        self.own = f"t{uuid.uuid4().hex[:7]}"
        given = {
            "Environment": self.own,
            "ResourcePrefix": self.own,
            "TableBilling": "PAY_PER_REQUEST",
        }
        self.parameters = {
            name: given.get(name, "30" if item["Type"] == "Number" else "")
            for name, item in self.source["Parameters"].items()
        }
        self.resources = {
            name: {key: value for key, value in item.items() if key != "Condition"}
            for name, item in KEPT[stack].items()
        }

    def deploy(self, *, broken: bool = False) -> None:
        more = {"Broken": {**BROKEN, "DependsOn": sorted(self.resources)}} if broken else {}
        template = {
            "Parameters": self.source["Parameters"],
            "Conditions": self.source.get("Conditions", {}),
            "Resources": {**self.resources, **more},
        }
        self.file.write_text(yaml.safe_dump(template))
        deploy.deploy(self.client, self.file, self.own, self.parameters)

    def named(self) -> list[Named]:
        from local.root_template import Values, conditions

        pseudo = {"AWS::AccountId": "000000000000", "AWS::Region": "af-south-1", "AWS::Partition": "aws"}
        values = {**self.parameters, **pseudo}
        inner = Values(values, conditions(self.source, values), {})
        return [
            Named("", name, item["Type"], str(inner.of(item["Properties"][names.NAMED_BY[item["Type"]]])))
            for name, item in self.resources.items()
        ]

    def there(self) -> set[str]:
        return {item.logical_id for item in self.named() if taken(self.client, item)}


@pytest.mark.parametrize("stack", [name for name, kept in KEPT.items() if kept])
def test_a_failed_first_deployment_leaves_nothing_and_a_failed_update_everything(
    client: Any, tmp_path: Path, stack: str
) -> None:
    alone = Alone(client, tmp_path, stack)
    with pytest.raises(deploy.DeployError, match="ROLLBACK_COMPLETE"):
        alone.deploy(broken=True)
    assert alone.there() == set(), "fixed names are free for the next deployment"
    alone.deploy()
    assert alone.there() == set(alone.resources)
    kept = fill(alone)
    with pytest.raises(deploy.DeployError, match="UPDATE_ROLLBACK_COMPLETE"):
        alone.deploy(broken=True)
    assert alone.there() == set(alone.resources)
    alone.deploy()  # what is there already: the stack that went back is whole
    with pytest.raises(deploy.DeployError, match="UPDATE_ROLLBACK_COMPLETE"):
        alone.deploy(broken=True)
    kept()
    alone.client("cloudformation").delete_stack(StackName=alone.own)
    while deploy.find(alone.client("cloudformation"), alone.own):
        pass
    still = {name for name, item in alone.resources.items() if item["DeletionPolicy"] != "Delete"}
    assert alone.there() == still, "a deleted stack leaves its data"
    kept()


def fill(alone: Alone) -> Any:
    """Put something into every bucket and table; returns a check that it is still there."""
    s3, dynamodb = alone.client("s3"), alone.client("dynamodb")
    keeps = [i for i in alone.named() if alone.resources[i.logical_id]["DeletionPolicy"] != "Delete"]
    buckets = [item.name for item in keeps if item.kind == "AWS::S3::Bucket"]
    tables = [item.name for item in keeps if item.kind == "AWS::DynamoDB::Table"]
    keys = {
        t: dynamodb.describe_table(TableName=t)["Table"]["KeySchema"][0]["AttributeName"] for t in tables
    }
    for bucket in buckets:
        s3.put_object(Bucket=bucket, Key="kept", Body=b"data")
    for table, key in keys.items():
        dynamodb.put_item(TableName=table, Item={key: {"S": "kept"}})

    def kept() -> None:
        for bucket in buckets:
            assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"data"
        for table, key in keys.items():
            assert "Item" in dynamodb.get_item(TableName=table, Key={key: {"S": "kept"}})

    return kept


def test_what_exists_under_the_guides_names_is_imported_with_its_data(client: Any, tmp_path: Path) -> None:
    """docs/operations/import.md, step by step, as far as the embedded cloud knows it."""
    s3, dynamodb, cloudformation = client("s3"), client("dynamodb"), client("cloudformation")
    prefix, root = f"t{uuid.uuid4().hex[:7]}", f"guide-{uuid.uuid4().hex[:7]}"
    buckets = [f"{prefix}-sa-api-client-input", f"{prefix}-sa-api-client-output"]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "af-south-1"})
        s3.put_object(Bucket=bucket, Key="models/customer-001/lstm_model_v2.1.0.pkl", Body=b"years of work")
    for table, key in (("locations", "location_id"), ("crews", "crew_id"), ("tracking", "job_id")):
        dynamodb.create_table(
            TableName=f"{prefix}-{table}",
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName=f"{prefix}-{table}", Item={key: {"S": "kept"}})
    client("logs").create_log_group(logGroupName="/aws/lambda/ona-detect-staging")
    client("sns").create_topic(Name=f"{prefix}-alerts")
    given = {
        "Environment": "staging",
        "ResourcePrefix": prefix,
        "InputBucketName": buckets[0],
        "OutputBucketName": buckets[1],
        "AlertEmail": "operator@example.com",
    }
    made = names.plan(ROOT / "template.yaml", given, account="000000000000", region="af-south-1")
    found = importing.imports(client, made, root)
    for change in found:
        commands = change.write(tmp_path)
        assert "--change-set-type IMPORT" in commands[0]
        text = (tmp_path / f"{change.stack}.template.json").read_text()
        cloudformation.create_change_set(
            StackName=change.stack,
            ChangeSetName="import",
            ChangeSetType="IMPORT",
            TemplateBody=text,
            ResourcesToImport=change.resources,
        )
        cloudformation.get_waiter("change_set_create_complete").wait(
            StackName=change.stack, ChangeSetName="import", WaiterConfig={"Delay": 1}
        )
        cloudformation.execute_change_set(StackName=change.stack, ChangeSetName="import")
        cloudformation.get_waiter("stack_import_complete").wait(
            StackName=change.stack, WaiterConfig={"Delay": 1}
        )
    imported = {item["LogicalResourceId"] for change in found for item in change.resources}
    assert imported == {
        "InputBucket",
        "OutputBucket",
        "CrewsTable",
        "TrackingTable",
        "LocationsTable",
        "AlertsTopic",
        "DetectLogs",
    }
    try:
        outputs = deploy.deploy(client, ROOT / "template.yaml", root, given)
        assert outputs["InputBucketName"] == buckets[0]
        for bucket in buckets:
            assert s3.get_object(Bucket=bucket, Key="models/customer-001/lstm_model_v2.1.0.pkl")
            versioning = s3.get_bucket_versioning(Bucket=bucket)
            assert versioning["Status"] == "Enabled", "the deployment gives it what the template says"
        for table, key in (("locations", "location_id"), ("crews", "crew_id"), ("tracking", "job_id")):
            assert "Item" in dynamodb.get_item(TableName=f"{prefix}-{table}", Key={key: {"S": "kept"}})
        index = dynamodb.describe_table(TableName=f"{prefix}-locations")["Table"]["GlobalSecondaryIndexes"]
        assert [item["IndexName"] for item in index] == ["customer-location-index"], (
            "added by the deployment"
        )
        assert importing.imports(client, made, root) == [], "nothing is left outside"
    finally:
        living = cloudformation.describe_stacks()["Stacks"]
        for stack in reversed([item["StackName"] for item in living if item["StackName"].startswith(root)]):
            cloudformation.delete_stack(StackName=stack)


def test_a_table_with_another_key_is_not_imported(client: Any) -> None:
    """CloudFormation would replace it, and its items would be left in the old one."""
    prefix = f"t{uuid.uuid4().hex[:7]}"
    client("dynamodb").create_table(
        TableName=f"{prefix}-crews",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    given = {"Environment": "staging", "ResourcePrefix": prefix}
    made = names.plan(ROOT / "template.yaml", given, account="000000000000", region="af-south-1")
    with pytest.raises(OpsError, match="copy its items into a new table"):
        importing.imports(client, made, prefix)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Environment": "prod"}, "rule ProductionIsHeard failed: Environment=prod needs AlertEmail"),
        ({"Environment": "dev", "TrainingImageUri": "training:1"}, "rule TrainingImageHasSubnets failed"),
    ],
)
def test_a_broken_rule_is_refused_before_anything_is_made(
    client: Any, given: dict[str, str], said: str
) -> None:
    root = f"rule-{uuid.uuid4().hex[:7]}"
    with pytest.raises(deploy.DeployError, match=said):
        deploy.deploy(client, ROOT / "template.yaml", root, given)
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    assert [item for item in stacks if item["StackName"].startswith(root)] == []
