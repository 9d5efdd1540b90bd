"""Before a deployment: which stacks take it (CloudFormation's statuses), and what goes back first.

The fake answers as CloudFormation's API reference says: DescribeStacks, RollbackStack.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from local import descriptions, readiness
from local.packaging import DeployError
from tests.fakes import own_clock

DONE = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
LATER = DONE + timedelta(minutes=3)
ORDER = ["p-a", "p-b", "p-c"]


class Stacks:
    """A root that was done at DONE, and stacks below it; `open`: those that another deployment changed."""

    def __init__(self, *open_: str, **statuses: str) -> None:
        self.open, self.asked, self.deleted = open_, list[tuple[str, str]](), list[str]()
        self.there = {
            name: {
                "StackName": name,
                "StackStatus": statuses.get(name.replace("-", "_"), "UPDATE_COMPLETE"),
                "CreationTime": DONE - timedelta(days=9),
                "LastUpdatedTime": LATER if name in open_ else DONE - timedelta(seconds=5),
                "Tags": [{"Key": "ona:root", "Value": "p"}, {"Key": "deployed", "Value": "digest"}],
            }
            for name in ("p", *ORDER)
        }
        self.there["p"]["LastUpdatedTime"] = DONE

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        if StackName not in self.there:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        return {"Stacks": [self.there[StackName]]}

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda: [{"Stacks": list(self.there.values())}])

    def rollback_stack(self, StackName: str, ClientRequestToken: str) -> None:  # noqa: N803
        self.asked.append((StackName, ClientRequestToken))
        if StackName not in self.open:
            raise RuntimeError("RollbackStack cannot be called from current stack status")
        self.there[StackName]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.deleted.append(StackName)
        del self.there[StackName]


def prepared(stacks: Stacks, order: list[str] = ORDER) -> tuple[list[str], list[str], int]:
    """Those that went back, what was said, and how often the deployment was said to begin."""
    said: list[str] = []
    begun: list[None] = []
    went = readiness.prepare(stacks, "p", order, "token", said.append, lambda: begun.append(None))
    return went, said, len(begun)


@pytest.mark.parametrize(
    ("status", "way"),
    [
        ("DELETE_IN_PROGRESS", "somebody deletes it"),
        ("DELETE_FAILED", "aws cloudformation delete-stack --stack-name p-b"),
        ("REVIEW_IN_PROGRESS", "aws cloudformation delete-stack --stack-name p-b"),
        ("UPDATE_FAILED", "aws cloudformation rollback-stack --stack-name p-b"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name p-b"),
    ],
)
def test_what_takes_no_update_is_refused_at_once_and_the_way_out_told(status: str, way: str) -> None:
    stacks = Stacks("p-a", p_b=status)
    with pytest.raises(DeployError, match=f"stack p-b is {status}") as told:
        prepared(stacks)
    assert way in str(told.value)
    assert stacks.asked == [], "before anything changes"


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_is_not_deployed_any_more_holds_up_nothing(status: str) -> None:
    assert prepared(Stacks(p_b=status), ["p-a", "p-c"]) == ([], [], 0)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE"])
def test_what_the_deployment_itself_settles_is_left_to_it(status: str) -> None:
    assert prepared(Stacks(p_b=status)) == ([], [], 0)


def test_what_is_under_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = Stacks(p_b="UPDATE_IN_PROGRESS")

    def slept(_: float) -> None:
        stacks.there["p-b"]["StackStatus"] = "UPDATE_COMPLETE"

    own_clock.give(monkeypatch, descriptions, sleep=slept)
    went, said, _ = prepared(stacks)
    assert (went, len(said)) == ([], 1)
    assert "p-b is UPDATE_IN_PROGRESS" in said[0]


def test_a_deletion_that_the_end_of_the_cloud_cut_short_goes_on_and_one_that_failed_does_not() -> None:
    stacks = Stacks(p_b="DELETE_FAILED")
    stacks.there["p-b"]["StackStatusReason"] = "the embedded cloud was ended during the deployment"
    prepared(stacks)
    assert stacks.deleted == ["p-b"]
    stacks = Stacks(p_b="DELETE_FAILED")
    stacks.there["p-b"]["StackStatusReason"] = "The following resource(s) failed to delete: [Bucket]."
    with pytest.raises(DeployError, match="delete-stack"):
        prepared(stacks)
    assert stacks.deleted == []


def test_what_a_killed_deployment_changed_goes_back_the_last_first_and_the_change_is_told() -> None:
    stacks = Stacks("p-a", "p-c")
    went, said, begun = prepared(stacks)
    assert went == ["p-c", "p-a"], "p-c needs p-a"
    assert [name for name, _ in stacks.asked] == ["p-c", "p-b", "p-a"], "whatever time it was changed at"
    assert (len(said), begun) == (2, 2)


def test_a_stack_of_an_application_that_is_gone_goes_back_before_what_it_may_need() -> None:
    assert prepared(Stacks("p-a", "p-b"), ["p-a", "p-c"])[0] == ["p-b", "p-a"]


def test_after_a_root_that_was_cut_short_itself_every_stack_is_asked() -> None:
    """Its time is that of an update which did not end; what was deployed is not known any more."""
    stacks = Stacks("p-a", p="UPDATE_ROLLBACK_COMPLETE")
    stacks.there["p"]["Tags"] = [{"Key": "ona:root", "Value": "p"}]
    stacks.there["p"]["LastUpdatedTime"] = LATER + timedelta(hours=1)
    assert prepared(stacks)[0] == ["p-a"]
    assert [name for name, _ in stacks.asked] == ["p-c", "p-b", "p-a"]


def test_a_stack_that_an_open_deployment_made_is_updated_and_not_taken_back() -> None:
    stacks = Stacks("p-c", p_c="CREATE_COMPLETE")
    assert prepared(stacks)[0] == []
    assert "p-c" not in [name for name, _ in stacks.asked]


def test_one_that_does_not_go_back_ends_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = Stacks("p-a", "p-c")
    monkeypatch.setattr(readiness.reasons, "of", lambda _, there: f"{there['StackName']} is held")
    whole = stacks.rollback_stack

    def held(StackName: str, ClientRequestToken: str) -> None:  # noqa: N803
        whole(StackName, ClientRequestToken)
        stacks.there[StackName]["StackStatus"] = "UPDATE_ROLLBACK_FAILED"

    monkeypatch.setattr(stacks, "rollback_stack", held)
    with pytest.raises(DeployError, match="p-c is held"):
        prepared(stacks)
    assert [name for name, _ in stacks.asked] == ["p-c"]
