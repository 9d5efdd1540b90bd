"""Which stack is cancelled to stop a workflow's shift: the root, or the owner where no root updates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ops.deployment import shifting
from ops.deployment.versions import Published

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
