"""What CloudFormation tells of a stack: whether it is there, whole, and with what it was deployed."""

from __future__ import annotations

import time
from typing import Any

from local import reasons
from local.packaging import DeployError

ROOT_TAG = "ona:root"
"""Names the root's stack on each stack that was deployed for it."""
CONTENT_TAG = "deployed"
"""What was deployed last: the digest of template and parameters."""
OPERATION = "ona-deployment-"
"""How the ClientRequestToken of a deployment of all stacks begins."""
DEPLOYMENT_TAG = "ona:deployment"
"""Names the last deployment of all on the root's stack: with each one the root changes, as on AWS."""
CUT_SHORT = "the embedded cloud was ended during the deployment"
"""The reason of a stack that was on its way when the server ended."""
POLL_SECONDS = 0.02
"""So long it waits before it looks again, at first; each time a quarter longer."""
LONGEST_POLL_SECONDS = 0.5
"""Every look costs the server, which has the deployment to do."""
_FAILED = ("ROLLBACK", "FAILED")
"""Words in the status of a stack whose last deployment failed."""


def find(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    """A stack's description, or None when it does not exist."""
    try:
        stacks: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except Exception as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((item for item in stacks if item["StackStatus"] != "DELETE_COMPLETE"), None)


def of_root(cloudformation: Any, root: str) -> list[dict[str, Any]]:
    """The stacks of a root that exist, its own among them."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    living = [item for page in pages for item in page["Stacks"] if item["StackStatus"] != "DELETE_COMPLETE"]
    return [item for item in living if item["StackName"] == root or tags(item).get(ROOT_TAG) == root]


def tags(description: dict[str, Any]) -> dict[str, str]:
    """A stack's tags by name."""
    return {tag["Key"]: tag["Value"] for tag in description.get("Tags", [])}


def deployed_content(description: dict[str, Any]) -> str | None:
    """The digest of the template and parameters that a stack was deployed with last."""
    return tags(description).get(CONTENT_TAG)


def outputs(description: dict[str, Any]) -> dict[str, str]:
    """A stack's outputs by name."""
    return {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}


def parameters_of(description: dict[str, Any]) -> dict[str, str]:
    """The parameters that a stack was deployed with, by name."""
    given = description.get("Parameters", [])
    return {item["ParameterKey"]: item.get("ParameterValue", "") for item in given}


def stands(description: dict[str, Any]) -> bool:
    """Whether a stack is whole: what it holds is of one deployment, that of its tag.

    A deployment that was taken back leaves the one before (AWS CloudFormation User Guide, "Stack status
    codes": UPDATE_ROLLBACK_COMPLETE).

    >>> stands({"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}), stands({"StackStatus": "ROLLBACK_COMPLETE"})
    (True, False)
    """
    return description["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" or not failed(description)


def failed(description: dict[str, Any]) -> bool:
    """Whether the last deployment of a stack failed."""
    return any(word in description["StackStatus"] for word in _FAILED)


def settled(cloudformation: Any, stack: str) -> dict[str, Any]:
    """Wait for the end of what is under way; the stack as it is then. Raises DeployError without one."""
    pause = POLL_SECONDS
    while True:
        description = find(cloudformation, stack)
        if description is None:
            raise DeployError(f"stack {stack} vanished while it was deployed")
        if not description["StackStatus"].endswith("IN_PROGRESS"):
            return description
        time.sleep(pause)
        pause = min(pause * 1.25, LONGEST_POLL_SECONDS)


def delete(cloudformation: Any, stack: str) -> None:
    """Delete one stack; what its template retains stays. Raises DeployError when something cannot go."""
    cloudformation.delete_stack(StackName=stack)
    while description := find(cloudformation, stack):
        if description["StackStatus"] == "DELETE_FAILED":
            raise DeployError(reasons.of(cloudformation, description))
        time.sleep(POLL_SECONDS)
