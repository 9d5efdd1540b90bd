"""A kill during a stack's update: the next deployment must not take the half of it for the whole."""

from __future__ import annotations

from typing import Any

import pytest

from local import deploy
from local.hooks import durable, durable_functions
from local.processes import wait_until

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


def test_a_function_that_was_being_updated_is_not_so_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda ends by itself what it accepted, also a version's; what failed before stays failed."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import lambda_svc

    done, failed = {"State": "Active", "LastUpdateStatus": "Successful"}, {"LastUpdateStatus": "Failed"}
    waits = {"State": "Pending", "LastUpdateStatus": "InProgress"}
    made: dict[str, Any] = {
        "updated": {"config": {**done, "LastUpdateStatus": "InProgress"}, "versions": {}},
        "published": {"config": dict(done), "versions": {"1": {"config": dict(waits)}}},
        "broken": {"config": {"State": "Active", **failed}, "versions": {}},
    }
    monkeypatch.setattr(lambda_svc, "_LAMBDA_STATE_TRANSITION_DELAY", 0.0)
    here = (get_account_id(), get_region())
    for name, function in made.items():
        lambda_svc._functions[name] = function
    try:
        durable_functions.mend()
        wanted = [made["updated"]["config"], made["published"]["versions"]["1"]["config"]]
        assert wait_until(lambda: all(one.items() >= done.items() for one in wanted), 30)
    finally:
        for name in made:
            del lambda_svc._functions[name]
    assert made["broken"]["config"]["LastUpdateStatus"] == "Failed"
    assert (get_account_id(), get_region()) == here
