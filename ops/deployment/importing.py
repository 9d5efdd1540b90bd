"""`ona deploy import`: the change sets that take what exists already into the stacks of a deployment.

CloudFormation imports resources by a change set of type IMPORT: a template that declares them, and a list
that says which existing one each is. Its data stay as they are (AWS, "Import AWS resources into a
CloudFormation stack"). Written here for each application whose resources exist; docs/operations/import.md
says what to do with the files and what was tried.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.deploy import nested_name
from local.packaging import Template
from ops.deployment.names import NAMED_BY, Ask, Named, Plan, owned, taken
from ops.target import OpsError

IDENTIFIERS = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueUrl",
    "AWS::SNS::Topic": "TopicArn",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""What can be imported here, each with the identifier that CloudFormation asks for. Functions, workflows,
alarms and parameters hold no data: those are deleted and made anew."""

_CAPACITY = ("ReadCapacityUnits", "WriteCapacityUnits")


@dataclass(frozen=True)
class Import:
    """One stack's change set."""

    stack: str
    template: Template
    resources: list[dict[str, Any]]

    def write(self, folder: Path) -> list[str]:
        """Write its files; returns the commands that use them."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for kind, content in (("template", self.template), ("resources", self.resources)):
            path = folder / f"{self.stack}.{kind}.json"
            path.write_text(json.dumps(content, indent=2) + "\n")
            files[kind] = f"file://{path}"
        change = f"--stack-name {self.stack} --change-set-name import"
        return [
            f"aws cloudformation create-change-set {change} --change-set-type IMPORT "
            f"--template-body {files['template']} --resources-to-import {files['resources']}",
            f"aws cloudformation wait change-set-create-complete {change}",
            f"aws cloudformation execute-change-set {change}",
            f"aws cloudformation wait stack-import-complete --stack-name {self.stack}",
        ]


def imports(client: Ask, made: Plan, root: str) -> list[Import]:
    """A change set for each application of which something importable exists outside the stack `root`."""
    ours = owned(client, root)
    found: dict[str, list[Named]] = {}
    for item in made.named():
        if item.kind in IDENTIFIERS and item.name not in ours and taken(client, item):
            found.setdefault(item.application, []).append(item)
    return [_import(client, made, root, name, items) for name, items in found.items()]


def _import(client: Ask, made: Plan, root: str, application: str, items: list[Named]) -> Import:
    return Import(
        stack=nested_name(root, application),
        template={
            "AWSTemplateFormatVersion": "2010-09-09",
            "Resources": {item.logical_id: _as_it_is(client, made, item) for item in items},
        },
        resources=[
            {
                "ResourceType": item.kind,
                "LogicalResourceId": item.logical_id,
                "ResourceIdentifier": {IDENTIFIERS[item.kind]: _identifier(client, made, item)},
            }
            for item in items
        ],
    )


def _as_it_is(client: Ask, made: Plan, item: Named) -> Template:
    """The resource as it exists: what the deployment's template adds is then an update, and is made.

    A table's keys must be the template's, else CloudFormation would replace the table: OpsError.
    """
    properties: dict[str, Any] = {NAMED_BY[item.kind]: item.name}
    if item.kind == "AWS::DynamoDB::Table":
        table = client("dynamodb").describe_table(TableName=item.name)["Table"]
        template = made.applications[item.application].template["Resources"][item.logical_id]
        wanted = template["Properties"]["KeySchema"]
        if table["KeySchema"] != wanted:
            raise OpsError(
                f"table {item.name} has the key {table['KeySchema']}, the template {wanted}: it cannot be "
                "imported; copy its items into a new table"
            )
        mode = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        given = table.get("ProvisionedThroughput", {})
        capacity = {name: given[name] for name in _CAPACITY if mode == "PROVISIONED" and name in given}
        properties |= {"KeySchema": wanted, "AttributeDefinitions": table["AttributeDefinitions"]}
        properties |= {"BillingMode": mode, **({"ProvisionedThroughput": capacity} if capacity else {})}
        indexes = [
            {
                **{name: index[name] for name in ("IndexName", "KeySchema", "Projection")},
                **({"ProvisionedThroughput": capacity} if capacity else {}),
            }
            for index in table.get("GlobalSecondaryIndexes", [])
        ]
        properties |= {"GlobalSecondaryIndexes": indexes} if indexes else {}
    return {"Type": item.kind, "DeletionPolicy": "Retain", "Properties": properties}


def _identifier(client: Ask, made: Plan, item: Named) -> str:
    if item.kind == "AWS::SQS::Queue":
        return str(client("sqs").get_queue_url(QueueName=item.name)["QueueUrl"])
    if item.kind == "AWS::SNS::Topic":
        return f"arn:aws:sns:{made.region}:{made.account}:{item.name}"
    return item.name
