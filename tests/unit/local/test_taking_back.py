"""Who is asked to take a refused deployment back: CloudFormation, stack by stack; nobody when it ended."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from local import taking_back


class Stacks:
    """CloudFormation with stacks by name, of which some have nothing to take back; one does not go back."""

    def __init__(self, stuck: str = "", whole: tuple[str, ...] = ("p-c",)) -> None:
        self.there = {"p": "CREATE_COMPLETE", "p-a": "UPDATE_COMPLETE", "p-b": "CREATE_COMPLETE"}
        self.there["p-c"], self.stuck, self.asked = "UPDATE_ROLLBACK_COMPLETE", stuck, list[str]()
        self.there["p-d"], self.whole = "UPDATE_COMPLETE", whole

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        if StackName not in self.there:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.there[StackName]}]}

    def rollback_stack(self, StackName: str) -> None:  # noqa: N803
        if StackName in self.whole:
            raise RuntimeError("RollbackStack cannot be called from current stack status")
        self.asked.append(StackName)
        if StackName == self.stuck:
            raise RuntimeError("a resource is held")
        made = StackName == "p-b"
        self.there[StackName] = "ROLLBACK_COMPLETE" if made else "UPDATE_ROLLBACK_COMPLETE"

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        del self.there[StackName]


ORDER = ["p-a", "p-b", "p-c", "p-d"]
"""Each needs those before it."""


def refused(stacks: Stacks, *done: str) -> str:
    return str(taking_back.take_back(stacks, "p", ORDER, list(done), "p-c", RuntimeError("no room")))


def test_the_last_goes_back_first_and_what_was_made_is_deleted() -> None:
    stacks = Stacks(whole=("p-c", "p-d"))
    told = refused(stacks, "p-a", "p-b")
    assert stacks.asked == ["p-b", "p-a", "p"]
    assert set(stacks.there) == {"p", "p-a", "p-c", "p-d"}
    for words in ("no room", "p-c refused", "was before: p-a", "deleted again: p-b", "that ended left it"):
        assert words in told


def test_a_stack_behind_the_refusing_one_goes_back_before_all_that_it_needs() -> None:
    """What depends on another goes before it (CloudFormation User Guide, "DependsOn attribute").

    A killed deployment had changed this one."""
    stacks = Stacks()
    told = refused(stacks, "p-a", "p-b")
    assert stacks.asked == ["p-d", "p-b", "p-a", "p"]
    assert "was before: p-d, p-a" in told


def test_what_a_killed_deployment_left_of_the_refusing_one_goes_back_in_its_place() -> None:
    stacks = Stacks(whole=("p-d",))
    refused(stacks, "p-a")
    assert stacks.asked == ["p-c", "p-b", "p-a", "p"]


def test_one_that_does_not_go_back_is_named_and_holds_up_no_other() -> None:
    stacks = Stacks(stuck="p-b")
    told = refused(stacks, "p-a", "p-b")
    assert stacks.there["p-a"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "NOT taken back:\n  stack p-b does not go back: a resource is held" in told
    assert "that ended left it" not in told


def test_one_that_was_deployed_and_has_nothing_to_take_back_is_named() -> None:
    """Distractor: of another one it is well."""
    told = refused(Stacks(whole=("p-b", "p-c", "p-d")), "p-a", "p-b")
    assert "NOT taken back:\n  stack p-b does not go back: RollbackStack cannot be called" in told
    assert "p-d" not in told


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
