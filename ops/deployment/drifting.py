"""What somebody changed by hand in the stacks that would be deployed over.

CloudFormation compares what there is with the template that was deployed last (API reference,
DetectStackDrift). It looks at one stack at a time, never at nested ones, and at what the template sets.
A deployment does not put right what it does not change itself: it may fail on it, or build on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ona.runtime.words import counted
from ops.deployment.finding import Finding
from ops.deployment.names import Ask, stacks_of

ABOUT = "drift"
PATIENCE_S = 300.0
"""So long is waited for CloudFormation, which says "up to several minutes" (ours)."""
_LOOK_S = 2.0
_NAMED = 5
"""So many properties of a resource are named."""
OURS = {"AWS::Lambda::Alias": "FunctionVersion", "AWS::Lambda::Version": "Version"}
"""What `ona deploy rollback` moves: no hand of a stranger."""


def findings(client: Ask, stack: str) -> Iterator[Finding]:
    """What drifted: a note for what was changed, wrong for what was deleted."""
    cloudformation = client("cloudformation")
    names = [item["StackName"] for item in stacks_of(client, stack)]
    if not names:
        yield Finding("ok", ABOUT, "nothing is deployed yet")
        return
    begun = {name: cloudformation.detect_stack_drift(StackName=name) for name in names}
    end, drifted, late = time.monotonic() + PATIENCE_S, 0, []
    for name, answer in begun.items():
        status = _waited(cloudformation, answer["StackDriftDetectionId"], end)
        if status == "DETECTION_IN_PROGRESS":
            late.append(name)
            continue
        for found in _drifts(cloudformation, name):
            drifted += 1
            yield found
    if late:
        text = f"CloudFormation still looks at {', '.join(late)}; give the command again in some minutes"
        yield Finding("not asked", ABOUT, text)
    elif not drifted:
        yield Finding(
            "ok", ABOUT, f"{counted(len(names), 'stack')} as deployed, as far as CloudFormation looks"
        )


def _waited(cloudformation: Any, number: str, end: float) -> str:
    while True:
        answer = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=number)
        status = str(answer["DetectionStatus"])
        if status != "DETECTION_IN_PROGRESS" or time.monotonic() >= end:
            return status
        time.sleep(_LOOK_S)


def _drifts(cloudformation: Any, stack: str) -> Iterator[Finding]:
    given: dict[str, Any] = {
        "StackName": stack,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    while True:
        page = cloudformation.describe_stack_resource_drifts(**given)
        for item in page["StackResourceDrifts"]:
            if (found := _finding(stack, item)) is not None:
                yield found
        if not page.get("NextToken"):
            return
        given["NextToken"] = page["NextToken"]


def _finding(stack: str, item: dict[str, Any]) -> Finding | None:
    kind, name = item["ResourceType"], item.get("PhysicalResourceId") or item["LogicalResourceId"]
    if item["StackResourceDriftStatus"] == "DELETED":
        text = f"{kind} {name} of {stack} is gone; a deployment does not make it again"
        return Finding("wrong", ABOUT, text)
    paths = [one["PropertyPath"] for one in item.get("PropertyDifferences", [])]
    others = [path for path in paths if path.strip("/") != OURS.get(kind)]
    if not others:
        return None
    told = ", ".join(others[:_NAMED]) + (
        f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    )
    return Finding("note", ABOUT, f"{kind} {name} of {stack} was changed by hand: {told}")
