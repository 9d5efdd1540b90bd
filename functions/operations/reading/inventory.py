"""What is deployed: the resources of the platform's stacks, as CloudFormation lists them.

No list of families or functions stands anywhere: a new one is checked on its first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from operations.reading.finding import Client

_ROOT_TAG = "ona:root"
"""The tag by which the embedded cloud, whose stacks do not nest, names the root's stack."""
_GONE = "DELETE_COMPLETE"
_RELEASE = "Release"
"""The root's parameter that says what was deployed last."""
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
"""Statuses of a stack that is what its last deployment meant it to be."""


@dataclass(frozen=True)
class Inventory:
    """What is deployed. `stacks`: status by name; `resources`: physical ids by CloudFormation's type;
    `stack_of`: by physical id, the stack that has it; `made`: when the root's stack was made; `changed`:
    when it was updated last, or made; `release`: what it says was deployed then; `reasons`:
    why a stack has its status, by name, where CloudFormation says it."""

    root: str
    stacks: dict[str, str]
    resources: dict[str, list[str]]
    stack_of: dict[str, str] = field(default_factory=dict)
    made: datetime | None = None
    changed: datetime | None = None
    release: str = ""
    reasons: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> list[str]:
        """The physical ids of a type's resources, sorted."""
        return sorted(self.resources.get(kind, []))


class NotDeployed(Exception):
    """The root's stack does not exist."""


def read(client: Client, root: str) -> Inventory:
    """The stacks below `root` and their resources. Raises NotDeployed, and botocore's errors."""
    cloudformation = client("cloudformation")
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    living = [item for page in pages for item in page["Stacks"] if item["StackStatus"] != _GONE]
    top = next((item for item in living if item["StackName"] == root), None)
    if top is None:
        raise NotDeployed(f"stack {root} is not deployed")
    stacks = {item["StackName"]: item["StackStatus"] for item in living if _belongs(item, top)}
    resources: dict[str, list[str]] = {}
    stack_of: dict[str, str] = {}
    for stack in stacks:
        for resource in _resources(cloudformation, stack):
            resources.setdefault(resource["ResourceType"], []).append(resource["PhysicalResourceId"])
            stack_of[resource["PhysicalResourceId"]] = stack
    made = top.get("CreationTime")
    changed = top.get("LastUpdatedTime") or made
    reasons = {item["StackName"]: item.get("StackStatusReason") or "" for item in living}
    return Inventory(root, stacks, resources, stack_of, made, changed, _release(top), reasons)


def _release(root: dict[str, Any]) -> str:
    given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in root.get("Parameters", [])}
    return str(given.get(_RELEASE, ""))


def _belongs(stack: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a stack is the root or one below it (API reference of CloudFormation, Stack: RootId)."""
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    return (
        stack["StackId"] == root["StackId"]
        or stack.get("RootId") == root["StackId"]
        or tags.get(_ROOT_TAG) == root["StackName"]
    )


def _resources(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for item in page["StackResourceSummaries"]:
            if item.get("PhysicalResourceId") and item["ResourceStatus"] != _GONE:
                yield item
