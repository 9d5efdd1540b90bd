"""A kill during a stack's update: the next deployment must not take the half of it for the whole."""

from __future__ import annotations

from typing import Any

import pytest

from local import deploy
from local.hooks import durable

FULL = [{"Key": "deployed", "Value": "digest"}, {"Key": "ona:root", "Value": "p"}]


@pytest.mark.parametrize(
    ("status", "after", "digest"),
    [
        ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", None),
        ("UPDATE_COMPLETE", "UPDATE_COMPLETE", "digest"),
        ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "digest"),
    ],
)
def test_what_was_cut_short_is_not_what_was_deployed(status: str, after: str, digest: str | None) -> None:
    from ministack.services import cloudformation

    stack: dict[str, Any] = {
        "StackName": "cut",
        "StackId": "cut",
        "StackStatus": status,
        "Tags": list(FULL),
    }
    cloudformation._stacks["cut"] = stack
    try:
        durable.Durability._mend_stacks(object.__new__(durable.Durability))
    finally:
        del cloudformation._stacks["cut"]
    assert (stack["StackStatus"], deploy.deployed_content(stack)) == (after, digest)
    assert {"Key": "ona:root", "Value": "p"} in stack["Tags"], "whose it is stays known"
