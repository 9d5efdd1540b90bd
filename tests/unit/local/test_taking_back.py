"""Who is asked to take a refused deployment back: CloudFormation, stack by stack; nobody when it ended."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from local import taking_back


class Stacks:
    """CloudFormation with stacks by name; one of them does not go back."""

    def __init__(self, stuck: str = "") -> None:
        self.there = {"p": "CREATE_COMPLETE", "p-a": "UPDATE_COMPLETE", "p-b": "CREATE_COMPLETE"}
        self.there["p-c"], self.stuck, self.asked = "UPDATE_ROLLBACK_COMPLETE", stuck, list[str]()

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        if StackName not in self.there:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.there[StackName]}]}

    def rollback_stack(self, StackName: str) -> None:  # noqa: N803
        self.asked.append(StackName)
        if StackName == self.stuck:
            raise RuntimeError("a resource is held")
        made = StackName == "p-b"
        self.there[StackName] = "ROLLBACK_COMPLETE" if made else "UPDATE_ROLLBACK_COMPLETE"

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        del self.there[StackName]


def test_the_last_goes_back_first_and_what_was_made_is_deleted() -> None:
    stacks = Stacks()
    told = str(taking_back.take_back(stacks, "p", ["p-a", "p-b"], "p-c", RuntimeError("no room")))
    assert stacks.asked == ["p-b", "p-a", "p"]
    assert set(stacks.there) == {"p", "p-a", "p-c"}
    for words in ("no room", "p-c refused", "was before: p-a", "deleted again: p-b", "as it was before"):
        assert words in told


def test_one_that_does_not_go_back_is_named_and_holds_up_no_other() -> None:
    stacks = Stacks(stuck="p-b")
    told = str(taking_back.take_back(stacks, "p", ["p-a", "p-b"], "p-c", RuntimeError("no room")))
    assert stacks.there["p-a"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "NOT taken back:\n  stack p-b does not go back: a resource is held" in told
    assert "as it was before." not in told


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), True),
        (ConnectionClosedError(endpoint_url="http://127.0.0.1:1"), True),
        (RuntimeError("UPDATE_ROLLBACK_COMPLETE"), False),
        (KeyError("Name"), False),
    ],
)
def test_a_cloud_that_ended_is_asked_nothing(error: Exception, gone: bool) -> None:
    assert taking_back.is_gone(error) == gone
