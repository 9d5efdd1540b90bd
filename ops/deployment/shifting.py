"""Deployments that are under way: an alias on its way to a new version.

A function's is one of CodeDeploy, which stops it by itself. A workflow's is CloudFormation's own: nobody
can stop it but by cancelling the update of its stack, which then goes back whole (CloudFormation API
reference, CancelUpdateStack).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from ona.runtime.words import listed
from operations.deploy_hook.trial import spec_of
from operations.reading.finding import code_of
from ops.deployment import names
from ops.deployment.versions import Ask, Published, Step
from ops.target import LIVE, OpsError

_UNDER_WAY = ["Created", "Queued", "InProgress", "Baking", "Ready"]
STOP_S = 60.0
"""Seconds until a deployment that was stopped must have ended (ours)."""
CANCEL_S = 600.0
"""Seconds until a stack whose update was cancelled must have gone back (ours)."""
_LOOK_S = 0.2
_NAMED = 3


@dataclass(frozen=True)
class Shift:
    """One deployment under way."""

    ident: str
    function: str
    before: str
    after: str
    rollout: str
    since: datetime

    @property
    def text(self) -> str:
        """In one line."""
        how = self.rollout.removeprefix("CodeDeployDefault.Lambda")
        since = self.since.strftime("%Y-%m-%d %H:%M UTC")
        return f"deployment {self.ident} since {since}, version {self.before} → {self.after}, {how}"


def under_way(client: Ask) -> dict[str, Shift]:
    """Every deployment under way in the account and region, by its function's name."""
    deploys = client("codedeploy")
    pages = deploys.get_paginator("list_deployments").paginate(includeOnlyStatuses=_UNDER_WAY)
    found = [one for page in pages for one in page["deployments"]]
    told = [deploys.get_deployment(deploymentId=one)["deploymentInfo"] for one in found]
    return {shift.function: shift for info in told for shift in _shifts(info)}


def _shifts(info: dict[str, Any]) -> Iterator[Shift]:
    for resource in (yaml.safe_load(spec_of(info)) or {}).get("Resources", []):
        for item in resource.values():
            of = item["Properties"]
            yield Shift(
                info["deploymentId"],
                of["Name"],
                str(of["CurrentVersion"]),
                str(of["TargetVersion"]),
                info["deploymentConfigName"],
                info["createTime"].astimezone(UTC),
            )


def words(step: Step, shifts: dict[str, Shift]) -> str:
    """What a step back does, where it stops a deployment too."""
    shift = shifts.get(step.thing.name)
    if step.stack:
        text = f"its shift is part of the update of stack {step.stack}"
        return f"{text}, which is cancelled: the stack goes back whole"
    return f"stops {shift.text}; its stack goes back" if shift else step.why


def stop(client: Ask, shift: Shift) -> bool:
    """Stop a deployment and wait for its end; the alias names the version of before. False where it had
    ended before. Raises OpsError."""
    deploys = client("codedeploy")
    try:
        deploys.stop_deployment(deploymentId=shift.ident, autoRollbackEnabled=True)
    except Exception as error:
        if code_of(error) != "DeploymentAlreadyCompletedException":
            raise
        return False
    deadline = time.monotonic() + STOP_S
    while (
        status := deploys.get_deployment(deploymentId=shift.ident)["deploymentInfo"]["status"]
    ) in _UNDER_WAY:
        if time.monotonic() > deadline:
            raise OpsError(f"deployment {shift.ident} is {status} after {STOP_S:g} s; look at it again")
        time.sleep(_LOOK_S)
    return True


def stop_all(client: Ask, shifts: Sequence[Shift]) -> None:
    """Stop the deployments of one update of the stacks: the first that is stopped takes all of it back,
    also those that ended before. Raises OpsError where all of them had: then the update goes on."""
    stopped = [stop(client, shift) for shift in shifts]
    if shifts and not any(stopped):
        ended = listed([shift.ident for shift in shifts], _NAMED)
        text = f"the deployment went on meanwhile ({ended} ended before it could be stopped)"
        raise OpsError(f"{text}; nothing was moved, give this again")


def updating(client: Ask, root: str, item: Published) -> str:
    """The stack whose update shifts a workflow's alias now; empty for none.

    On AWS the root is updating while a stack below it is, and the root is the one to cancel.
    """
    if item.kind != "workflow" or not item.others:
        return ""
    busy = [one for one in names.stacks_of(client, root) if one["StackStatus"] == "UPDATE_IN_PROGRESS"]
    if any(one["StackName"] == root for one in busy):
        return root
    alias = f"{item.arn}:{LIVE}"
    pages = client("cloudformation").get_paginator("list_stack_resources")
    for one in busy:
        listed = (part for page in pages.paginate(StackName=one["StackName"]) for part in _listed(page))
        if any(resource.get("PhysicalResourceId") == alias for resource in listed):
            return str(one["StackName"])
    return ""


def _listed(page: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page["StackResourceSummaries"]
    return found


def cancel(client: Ask, stack: str) -> None:
    """Cancel a stack's update and wait until it went back. Raises OpsError when it takes long, or fails."""
    stacks = client("cloudformation")
    stacks.cancel_update_stack(StackName=stack)
    deadline = time.monotonic() + CANCEL_S
    while (status := stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith(
        "IN_PROGRESS"
    ):
        if time.monotonic() > deadline:
            text = f"stack {stack} is {status} {CANCEL_S:g} s after its update was cancelled"
            raise OpsError(f"{text}; it goes back by itself: see `ona deploy history`")
        time.sleep(_LOOK_S)
    if status != "UPDATE_ROLLBACK_COMPLETE":
        text = f"stack {stack} is {status} after its update was cancelled"
        raise OpsError(f"{text}; its events in CloudFormation say why")
