"""Why a deployment failed, from the stack's own events: each resource that failed, with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_STACK = "AWS::CloudFormation::Stack"
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
"""Statuses of a stack's own event with which an operation begins."""
_CHILD = re.compile(r"arn:[^:\s]+:cloudformation:[^:\s]*:\d*:stack/[^\s/]+/[^\s.,]+")
NO_REASON = "no reason was given; the embedded cloud's log may have it (cloud.log in its home)"


def of(cloudformation: Any, description: dict[str, Any]) -> str:
    """The stack's status, and a line for each resource that failed in its last operation.

    Resources of nested stacks are among them, and what a validation found before anything was made.
    """
    lines = list(_lines(cloudformation, str(description["StackId"])))
    lines = lines or [str(description.get("StackStatusReason") or NO_REASON)]
    head = f"stack {description['StackName']} is {description['StackStatus']}:"
    return "\n".join([head, *dict.fromkeys(lines)])


def _lines(cloudformation: Any, stack: str) -> Iterator[str]:
    for event in reversed(list(_last_operation(cloudformation, stack))):
        if "FAILED" not in event["ResourceStatus"]:
            continue
        reason = str(event.get("ResourceStatusReason") or NO_REASON)
        own = event.get("PhysicalResourceId") == event["StackId"]
        if own and event.get("DetailedStatus") == "VALIDATION_FAILED":
            yield from _found_by_validation(cloudformation, stack)
        yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
        child = _CHILD.search(str(event.get("PhysicalResourceId") or "")) or _CHILD.search(reason)
        if event["ResourceType"] == _STACK and not own and child:
            yield from _lines(cloudformation, child.group())


def _last_operation(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    """A stack's events back to the beginning of its last operation, newest first; they come in pages."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    for page in pages:
        for event in page["StackEvents"]:
            yield event
            own = event.get("PhysicalResourceId") == event["StackId"]
            if own and event["ResourceStatus"] in _BEGINNINGS:
                return


def _found_by_validation(cloudformation: Any, stack: str) -> Iterator[str]:
    """What stands in DescribeEvents only: errors found before a deployment began."""
    found = cloudformation.describe_events(StackName=stack, Filters={"FailedEvents": True})
    for event in found["OperationEvents"]:
        if reason := event.get("ValidationStatusReason"):
            path = event.get("ValidationPath", "")
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {path}: {reason}"
