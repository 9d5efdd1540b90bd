"""Which stack is cancelled to stop a workflow's shift: the root, or the owner where no root updates."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.deployment import shifting
from ops.deployment.versions import Published
from ops.target import OpsError

ARN = "arn:aws:states:af-south-1:123456789012:stateMachine:ona-ooda-dev"
LOOP = Published("workflow", "ona-ooda-dev", ARN, 3, {4: 0.1}, ())
FUNCTION = Published("function", "ona-detect-dev", "arn:f", 3, {4: 0.1}, ())


def account(*busy: str) -> Any:
    owned = {"p-ooda": f"{ARN}:live", "p-plan": "arn:aws:states:af-south-1:1:stateMachine:plan:live"}
    stacks = [
        {
            "StackName": name,
            "StackId": name,
            "StackStatus": "UPDATE_IN_PROGRESS" if name in busy else "UPDATE_COMPLETE",
            "Tags": [{"Key": "ona:root", "Value": "p"}] if name.startswith("p") else [],
        }
        for name in ("p", "p-plan", "p-ooda", "somebody-elses")
    ]

    def paginate(**given: Any) -> list[dict[str, Any]]:
        if "StackName" not in given:
            return [{"Stacks": stacks}]
        return [{"StackResourceSummaries": [{"PhysicalResourceId": owned.get(given["StackName"])}]}]

    paginator = SimpleNamespace(paginate=paginate)
    return lambda _: SimpleNamespace(get_paginator=lambda _: paginator)


def test_the_root_is_cancelled_where_it_updates_and_else_the_owner() -> None:
    assert shifting.updating(account("p", "p-ooda", "p-plan"), "p", LOOP) == "p"
    assert shifting.updating(account("p-ooda", "p-plan"), "p", LOOP) == "p-ooda"


def test_nothing_is_cancelled_for_another_stack_or_a_function_or_weights_by_hand() -> None:
    assert shifting.updating(account("p-plan", "somebody-elses"), "p", LOOP) == ""
    assert shifting.updating(account("p", "p-ooda"), "p", FUNCTION) == ""
    assert shifting.updating(account(), "p", LOOP) == ""


@pytest.mark.parametrize("ended", [(), ("d-1",), ("d-2",), ("d-1", "d-2")])
def test_a_shift_that_ends_meanwhile_is_no_fault_where_another_one_is_stopped(
    ended: tuple[str, ...],
) -> None:
    """The first that is stopped takes the update back whole. Where none was, it goes on: nothing moves."""
    stopped = []

    def stop(deploymentId: str, autoRollbackEnabled: bool) -> None:  # noqa: N803
        if deploymentId in ended:
            code = {"Code": "DeploymentAlreadyCompletedException", "Message": "is already completed"}
            raise ClientError({"Error": code}, "StopDeployment")
        stopped.append((deploymentId, autoRollbackEnabled))

    there = {"deploymentInfo": {"status": "Stopped"}}
    deploys = SimpleNamespace(stop_deployment=stop, get_deployment=lambda **_: there)
    at = datetime(2026, 11, 4, tzinfo=UTC)
    both = [shifting.Shift(name, f"f-{name}", "1", "2", "AllAtOnce", at) for name in ("d-1", "d-2")]
    if len(ended) == 2:
        with pytest.raises(OpsError, match=r"went on meanwhile \(d-1, d-2 ended .*nothing was moved"):
            shifting.stop_all(lambda _: deploys, both)
    else:
        shifting.stop_all(lambda _: deploys, both)
    assert stopped == [(one.ident, True) for one in both if one.ident not in ended]
    shifting.stop_all(lambda _: deploys, [])
