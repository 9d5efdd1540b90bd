"""What a stack was before an open deployment: kept as JSON, with the beginning that counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.hooks import open_operations

OLD = {"_resources": {"Queue": {"PhysicalResourceId": "old", "Properties": {"Delay": 1}}}, "Tags": []}
HALF = {"_resources": {"Queue": {"PhysicalResourceId": "half", "Properties": {"Delay": 2}}}, "Tags": []}
FIRST, AGAIN, OTHER = (
    f"ona-deployment-{what}-{who}" for what, who in (("a1", "x"), ("a1", "y"), ("b2", "x"))
)


def begun(stack: dict[str, Any], token: str, previous: dict[str, Any] | None) -> dict[str, Any]:
    """A deployment begins, and the server is started anew: of the record only JSON is left."""
    what = open_operations.identity(token)
    open_operations.begin(stack, "p", what, {"Resources": {}}, {}, previous)
    restarted: dict[str, Any] = json.loads(json.dumps(stack))
    return restarted


@pytest.mark.parametrize(
    ("token", "previous"),
    [(AGAIN, OLD), (OTHER, HALF)],
    ids=["the same goes on", "distractor: another one begins where the stack is"],
)
def test_the_same_deployment_again_keeps_its_beginning(token: str, previous: dict[str, Any]) -> None:
    stack = begun({"StackName": "p-a"}, FIRST, OLD)
    assert open_operations.was(stack)["previous"] == OLD
    stack = begun(stack, token, HALF)
    assert open_operations.was(stack)["previous"] == previous


@pytest.mark.parametrize("token", [AGAIN, OTHER])
def test_what_an_open_deployment_made_was_not_there_before(token: str) -> None:
    stack = begun(begun({"StackName": "p-a"}, FIRST, None), token, HALF)
    assert open_operations.was(stack)["previous"] is None


@pytest.mark.parametrize(("token", "expected"), [(FIRST, False), (AGAIN, False), (OTHER, True)])
def test_only_another_deployment_takes_back_what_was_left(token: str, expected: bool) -> None:
    assert open_operations.left(begun({"StackName": "p-a"}, FIRST, OLD), token) is expected
    assert not open_operations.left(begun({"StackName": "p-a"}, FIRST, None), token), (
        "it is updated instead"
    )
    assert not open_operations.left({"StackName": "p-a"}, token)


def test_a_call_that_has_a_name_is_done_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.services.cloudformation import provisioners

    seen: list[Any] = []
    noted = open_operations.call(provisioners._sqs_delete, ("url", {"Delay": 1}), {})
    document = json.loads(json.dumps(noted))
    monkeypatch.setattr(provisioners, "_sqs_delete", lambda *given: seen.append(given))
    open_operations.called(document)
    assert seen == [("url", {"Delay": 1})]
    assert open_operations.call(lambda: None, (), {}) is None
