"""Deployments of CodeDeploy that are under way: a function's alias on its way to a new version."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from operations.deploy_hook.trial import spec_of
from ops.deployment.versions import Ask, Step
from ops.target import OpsError

_UNDER_WAY = ["Created", "Queued", "InProgress", "Baking", "Ready"]
STOP_S = 60.0
"""Seconds until a deployment that was stopped must have ended (ours)."""
_LOOK_S = 0.2


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
    return f"stops {shift.text}; its stack goes back" if shift else step.why


def stop(client: Ask, shift: Shift) -> None:
    """Stop a deployment and wait for its end; the alias names the version of before. Raises OpsError."""
    deploys = client("codedeploy")
    deploys.stop_deployment(deploymentId=shift.ident, autoRollbackEnabled=True)
    deadline = time.monotonic() + STOP_S
    while (
        status := deploys.get_deployment(deploymentId=shift.ident)["deploymentInfo"]["status"]
    ) in _UNDER_WAY:
        if time.monotonic() > deadline:
            raise OpsError(f"deployment {shift.ident} is {status} after {STOP_S:g} s; look at it again")
        time.sleep(_LOOK_S)
