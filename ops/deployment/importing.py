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
from local.root_template import references
from ops.deployment.names import Ask, Named, Plan, owned, taken

IDENTIFIERS = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueUrl",
    "AWS::SNS::Topic": "TopicArn",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""What can be imported here, each with the identifier that CloudFormation asks for. Functions, workflows,
alarms and parameters hold no data: those are deleted and made anew."""


@dataclass(frozen=True)
class Import:
    """One stack's change set."""

    stack: str
    template: Template
    resources: list[dict[str, Any]]
    parameters: list[dict[str, str]]

    def write(self, folder: Path) -> list[str]:
        """Write its files; returns the commands that use them."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for kind, content in (
            ("template", self.template),
            ("resources", self.resources),
            ("parameters", self.parameters),
        ):
            path = folder / f"{self.stack}.{kind}.json"
            path.write_text(json.dumps(content, indent=2) + "\n")
            files[kind] = f"file://{path}"
        change = f"--stack-name {self.stack} --change-set-name import"
        return [
            f"aws cloudformation create-change-set {change} --change-set-type IMPORT "
            f"--template-body {files['template']} --resources-to-import {files['resources']} "
            f"--parameters {files['parameters']}",
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
    template = made.applications[application].template
    resources = {
        # an import wants a DeletionPolicy on each; the deployment that follows writes the stack's own
        item.logical_id: {"DeletionPolicy": "Retain", **template["Resources"][item.logical_id]}
        for item in items
    }
    used = {name for _, name in references(resources)}
    asked = {name: body for name, body in template.get("Conditions", {}).items() if _uses(resources, name)}
    used |= {name for _, name in references(asked)}
    declared = {name: body for name, body in template["Parameters"].items() if name in used}
    values = made.values[application].parameters
    return Import(
        stack=nested_name(root, application),
        template={
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": declared,
            **({"Conditions": asked} if asked else {}),
            "Resources": resources,
        },
        resources=[
            {
                "ResourceType": item.kind,
                "LogicalResourceId": item.logical_id,
                "ResourceIdentifier": {IDENTIFIERS[item.kind]: _identifier(client, made, item)},
            }
            for item in items
        ],
        parameters=[{"ParameterKey": name, "ParameterValue": values[name]} for name in declared],
    )


def _identifier(client: Ask, made: Plan, item: Named) -> str:
    if item.kind == "AWS::SQS::Queue":
        return str(client("sqs").get_queue_url(QueueName=item.name)["QueueUrl"])
    if item.kind == "AWS::SNS::Topic":
        return f"arn:aws:sns:{made.region}:{made.account}:{item.name}"
    return item.name


def _uses(node: Any, condition: str) -> bool:
    """Whether a value is chosen by this condition."""
    if isinstance(node, list):
        return any(_uses(item, condition) for item in node)
    if not isinstance(node, dict):
        return False
    chosen = node.get("Fn::If")
    if isinstance(chosen, list) and chosen and chosen[0] == condition:
        return True
    return node.get("Condition") == condition or any(_uses(item, condition) for item in node.values())
