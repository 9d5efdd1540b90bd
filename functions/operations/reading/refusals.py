"""Which stack refused the last deployment, and why: the root goes back whole, and all below it with it.

A stack that went back has no word of the cause where the cause lay in another one. The events of the last
operation tell it (AWS CloudFormation API reference, DescribeStackEvents; they are kept for 90 days).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ona.runtime.words import shortened
from operations.reading.finding import Client

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
"""Statuses of a stack's own event with which an operation begins."""
_STACK = "AWS::CloudFormation::Stack"
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")
"""The reasons of resources that were on their way when another one failed (CloudFormation user guide,
"Troubleshooting CloudFormation")."""
LONGEST = 400
"""Characters of a reason that are told (ours): the stack's events have all of it."""


@dataclass(frozen=True)
class Refusal:
    """What one stack refused."""

    stack: str
    resource: str
    kind: str
    """The resource's type."""
    reason: str

    @property
    def text(self) -> str:
        """In a line, without the stack."""
        told = shortened(" ".join(self.reason.split()), LONGEST) or "no reason is given"
        return f"{self.resource} ({self.kind}): {told}"


def of(client: Client, root: str, stacks: Iterable[str]) -> list[Refusal]:
    """What the last deployment was refused for. Raises botocore's errors.

    `stacks`: those that went back or failed. Of a stack that is gone again, or that was refused before its
    operation began, the root's own events tell.
    """
    cloudformation = client("cloudformation")
    found = [one for stack in stacks for one in _refused(cloudformation, stack)]
    return found or list(_of_root(cloudformation, root))


def _refused(cloudformation: Any, stack: str) -> list[Refusal]:
    """What a stack itself refused in its last operation, in the order of time."""
    failures = list(_failures(cloudformation, stack))[::-1]
    own = [event for event in failures if event.get("PhysicalResourceId") == event["StackId"]]
    return [
        Refusal(_name(stack), event["LogicalResourceId"], event["ResourceType"], _reason(event))
        for event in [one for one in failures if one["ResourceType"] != _STACK] or own
    ]


def _of_root(cloudformation: Any, root: str) -> Iterator[Refusal]:
    for event in _failures(cloudformation, root):
        child = str(event.get("PhysicalResourceId") or "")
        if event["ResourceType"] != _STACK or child == event["StackId"]:
            continue
        below = _refused(cloudformation, child) if child.startswith("arn:") else []
        yield from below or [Refusal(root, event["LogicalResourceId"], _STACK, _reason(event))]


def _failures(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    """What failed in a stack's last operation for its own sake, the newest first."""
    for event in _last_operation(cloudformation, stack):
        if event["ResourceStatus"].endswith("_FAILED") and not _reason(event).startswith(_CANCELLED):
            yield event


def _reason(event: dict[str, Any]) -> str:
    return str(event.get("ResourceStatusReason") or "")


def _name(stack: str) -> str:
    """A stack's name; a stack that is gone is asked by its ARN.

    >>> _name("arn:aws:cloudformation:af-south-1:1:stack/p-Top-1A/8e2f"), _name("p-top")
    ('p-Top-1A', 'p-top')
    """
    return stack.split("/")[1] if stack.startswith("arn:") else stack


def _last_operation(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    """A stack's events back to the beginning of its last operation, the newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            yield event
            own = event.get("PhysicalResourceId") == event["StackId"]
            if own and event["ResourceStatus"] in _BEGINNINGS:
                return
