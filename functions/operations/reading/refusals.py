"""Which stack refused the last deployment, and why: the root goes back whole, and all below it with it.

A stack that went back has no word of the cause where the cause lay in another one. The events of the last
operation tell it (AWS CloudFormation API reference, DescribeStackEvents; they are kept for 90 days). A
stack that the last deployment did not touch still has the status, and the events, of an earlier refusal:
what lies before the end of the root's operation before is of none of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True)
class LastDeployment:
    """What a deployment was refused for, in the order of time of each stack, and the stacks that it took
    back."""

    refusals: tuple[Refusal, ...]
    stacks: tuple[str, ...]


def of(client: Client, root: str, stacks: Iterable[str]) -> LastDeployment:
    """What the last deployment was refused for. Raises botocore's errors.

    `stacks`: those that went back or failed. Of a stack that is gone again, or that was refused before its
    operation began, the root's own events tell.
    """
    cloudformation = client("cloudformation")
    since = _before(cloudformation, root)
    events = {stack: list(_last_operation(cloudformation, stack, since)) for stack in stacks}
    touched = {stack: those for stack, those in events.items() if those}
    found = [one for stack, those in touched.items() for one in _refused(stack, those)]
    return LastDeployment(tuple(found or _of_root(cloudformation, root, since)), tuple(touched))


def _before(cloudformation: Any, root: str) -> datetime | None:
    """When the root's operation before the last one ended; None where none is known.

    On AWS no stack below the root has an operation outside of the root's own. The embedded cloud's root
    tells of a refusal once all have gone back, so its last operation begins after theirs.
    """
    begun = False
    for event in _events(cloudformation, root):
        if begun:
            return event["Timestamp"]
        begun = _begins(event)
    return None


def _refused(stack: str, events: Iterable[dict[str, Any]]) -> list[Refusal]:
    """What a stack itself refused in an operation, whose events come newest first, in the order of time."""
    failures = list(_failures(events))[::-1]
    own = [event for event in failures if event.get("PhysicalResourceId") == event["StackId"]]
    return [
        Refusal(_name(stack), event["LogicalResourceId"], event["ResourceType"], _reason(event))
        for event in [one for one in failures if one["ResourceType"] != _STACK] or own
    ]


def _of_root(cloudformation: Any, root: str, since: datetime | None) -> Iterator[Refusal]:
    for event in _failures(_last_operation(cloudformation, root, since)):
        child = str(event.get("PhysicalResourceId") or "")
        if event["ResourceType"] != _STACK or child == event["StackId"]:
            continue
        told = _last_operation(cloudformation, child, since) if child.startswith("arn:") else ()
        below = _refused(child, told)
        yield from below or [Refusal(root, event["LogicalResourceId"], _STACK, _reason(event))]


def _failures(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What failed in an operation for its own sake, the newest first."""
    for event in events:
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


def _last_operation(cloudformation: Any, stack: str, since: datetime | None) -> Iterator[dict[str, Any]]:
    """A stack's events back to the beginning of its last operation, the newest first; none of those that
    are not later than `since`."""
    for event in _events(cloudformation, stack):
        if since is not None and event["Timestamp"] <= since:
            return
        yield event
        if _begins(event):
            return


def _begins(event: dict[str, Any]) -> bool:
    """Whether an operation of its stack begins with an event."""
    return event.get("PhysicalResourceId") == event["StackId"] and event["ResourceStatus"] in _BEGINNINGS


def _events(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        yield from page["StackEvents"]
