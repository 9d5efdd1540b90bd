"""Whether CloudFormation takes a deployment into the root's stack as it stands.

It updates no stack whose first deployment failed, none that is being changed, and none that could not go
back whole (AWS CloudFormation User Guide, "Stack status codes", "Continue rolling back an update").
"""

from __future__ import annotations

from collections.abc import Iterator

from local import deploy
from ops.deployment.finding import Finding
from ops.deployment.names import Ask
from ops.deployment.removing import BROKEN

ABOUT = "stack"
_TAKES = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)


_NOT_MADE = ("", "REVIEW_IN_PROGRESS")
"""A change set for a new stack was made, and nobody carried it out: the next one makes it."""


def findings(client: Ask, stack: str) -> Iterator[Finding]:
    """One finding; of a stack that takes no deployment, with the way out."""
    there = deploy.find(client("cloudformation"), stack)
    status = str(there["StackStatus"]) if there else ""
    if status in _NOT_MADE:
        yield Finding("ok", ABOUT, f"{stack} is not there yet; it is made")
        return
    if status in _TAKES:
        yield Finding("ok", ABOUT, f"{stack} is {status}; it is updated")
        return
    if status.endswith("IN_PROGRESS"):
        way = "wait for its end; `ona deploy history` says what is under way"
    elif status in BROKEN:
        way = "its first deployment failed, and it takes no second one: `make clean-deploy` deletes it"
    else:
        command = f"aws cloudformation continue-update-rollback --stack-name {stack}"
        way = f"mend what its events name, then `{command}`"
    yield Finding("wrong", ABOUT, f"{stack} is {status}: {way}")
