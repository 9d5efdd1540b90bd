"""`ona deploy check` says before anything is built that the root's stack takes no deployment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.deployment import root_stack


def found(status: str) -> tuple[str, str]:
    def describe(StackName: str) -> Any:  # noqa: N803
        if not status:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}

    [one] = root_stack.findings(lambda _: SimpleNamespace(describe_stacks=describe), "p")
    assert one.about == "stack"
    return one.state, one.text


@pytest.mark.parametrize("status", ["", "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_cloudformation_updates_is_no_obstacle(status: str) -> None:
    assert found(status)[0] == "ok"


@pytest.mark.parametrize(
    ("status", "way"),
    [
        ("ROLLBACK_COMPLETE", "make clean-deploy"),
        ("ROLLBACK_FAILED", "make clean-deploy"),
        ("UPDATE_IN_PROGRESS", "wait for its end"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait for its end"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_one_that_it_does_not_is_told_with_the_way_out(status: str, way: str) -> None:
    state, text = found(status)
    assert (state, status in text, way in text) == ("wrong", True, True)
