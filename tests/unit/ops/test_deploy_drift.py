"""Drift as CloudFormation tells it (API reference: DetectStackDrift and the two calls that follow it)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from operations.reading import inventory, stops
from ops.deployment import drifting, off
from ops.target import Target

STACK = "ona-platform-prod"
NESTED, NEIGHBOUR = f"{STACK}-Ooda-1ABC", "ona-platform-production"
Drift = dict[str, Any]


def drift(status: str, kind: str, name: str, *paths: str) -> Drift:
    differences = [{"PropertyPath": path, "DifferenceType": "NOT_EQUAL"} for path in paths]
    return {"StackResourceDriftStatus": status, "ResourceType": kind, "LogicalResourceId": "A",
            "PhysicalResourceId": name, "PropertyDifferences": differences}  # fmt: skip


class CloudFormation:
    """A platform of two stacks and a neighbour. `looks`: how often the detection is asked until it ends."""

    def __init__(self, drifts: dict[str, list[Drift]], looks: int = 2) -> None:
        self.drifts, self.looks = drifts, looks
        self.begun: list[str] = []
        self.there = [STACK, NESTED, NEIGHBOUR]

    def __call__(self, service: str) -> Any:
        assert service == "cloudformation"
        return self

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_stacks"
        old = {"StackName": STACK, "StackId": "old", "StackStatus": "DELETE_COMPLETE"}
        stacks = [old] + [
            {"StackName": name, "StackId": f"id-{name}", "StackStatus": "UPDATE_COMPLETE"}
            | ({"RootId": f"id-{STACK}"} if name == NESTED else {})
            for name in self.there
        ]
        return SimpleNamespace(paginate=lambda: [{"Stacks": [item]} for item in stacks])

    def detect_stack_drift(self, StackName: str) -> Any:  # noqa: N803
        self.begun.append(StackName)
        return {"StackDriftDetectionId": StackName}

    def describe_stack_drift_detection_status(self, StackDriftDetectionId: str) -> Any:  # noqa: N803
        self.looks -= 1
        return {"DetectionStatus": "DETECTION_IN_PROGRESS" if self.looks > 0 else "DETECTION_COMPLETE"}

    def describe_stack_resource_drifts(self, **given: Any) -> Any:
        wanted = given["StackResourceDriftStatusFilters"]
        found = [item for item in self.drifts.get(given["StackName"], [])
                 if item["StackResourceDriftStatus"] in wanted]  # fmt: skip
        place = int(given.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(found) else {}
        return {"StackResourceDrifts": found[place : place + 1], **more}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ops.deployment.drifting.time.monotonic", lambda: now[0])
    monkeypatch.setattr(
        "ops.deployment.drifting.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )


def test_what_is_as_deployed_is_ok_and_a_neighbour_is_not_looked_at() -> None:
    others = {NEIGHBOUR: [drift("DELETED", "AWS::SQS::Queue", "theirs")]}
    same = {NESTED: [drift("IN_SYNC", "AWS::SQS::Queue", "q"), drift("NOT_CHECKED", "AWS::X::Y", "z")]}
    cloud = CloudFormation({**others, **same})
    [found] = drifting.findings(cloud, STACK)
    assert (found.state, found.text[:8]) == ("ok", "2 stacks")
    assert cloud.begun == [STACK, NESTED]
    cloud.there = [NEIGHBOUR]
    [found] = drifting.findings(cloud, STACK)
    assert (found.state, found.text) == ("ok", "nothing is deployed yet")


def test_a_change_is_a_note_and_what_is_gone_is_wrong() -> None:
    cloud = CloudFormation(
        {
            STACK: [drift("DELETED", "AWS::SQS::Queue", "https://sqs/1/ona-holding-prod")],
            NESTED: [
                drift("MODIFIED", "AWS::Logs::LogGroup", "/aws/lambda/x", "/RetentionInDays"),
                drift("MODIFIED", "AWS::Lambda::Alias", "ona-detect-prod:live", "/FunctionVersion"),
                drift("MODIFIED", "AWS::Lambda::Alias", "ona-order-prod:live", "/FunctionVersion", "/Name"),
            ],
        }
    )
    told = [(item.state, item.text) for item in drifting.findings(cloud, STACK)]
    assert [state for state, _ in told] == ["wrong", "note", "note"]
    for said, (_, text) in zip(
        ("ona-holding-prod", "/RetentionInDays", "ona-order-prod"), told, strict=True
    ):
        assert said in text
    assert not any("ona-detect-prod" in text for _, text in told), "a way back moved it"


def test_a_detection_that_takes_too_long_is_no_answer() -> None:
    [found] = drifting.findings(CloudFormation({}, looks=10_000), STACK)
    assert (found.state, STACK in found.text) == ("not asked", True)


class HandsOff:
    """A platform whose rule and function are off, and one rule that is on; nothing has drifted of them."""

    def __init__(self, on: bool = False) -> None:
        self.on = on

    def __call__(self, service: str) -> Any:
        return self

    def describe_rule(self, Name: str) -> Any:  # noqa: N803
        return {"State": "ENABLED" if self.on or Name == "well" else "DISABLED"}

    def get_function_configuration(self, FunctionName: str) -> Any:  # noqa: N803
        return {"State": "Failed" if FunctionName == "broken" else "Active"}

    def get_function_concurrency(self, FunctionName: str) -> Any:  # noqa: N803
        return {} if self.on or FunctionName == "broken" else {"ReservedConcurrentExecutions": 0}

    def lookup_events(self, **_: Any) -> Any:
        return {"Events": []}


@pytest.mark.parametrize("on", [False, True])
def test_what_somebody_turned_off_is_a_note(on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that is broken is the health check's, and no hand's."""
    things = {"AWS::Events::Rule": ["files", "well"], "AWS::Lambda::Function": ["detect", "broken"]}
    monkeypatch.setattr(inventory, "read", lambda _client, root: inventory.Inventory(root, {}, things))
    monkeypatch.setattr(stops, "current", lambda _client, _bucket: None)
    monkeypatch.setattr(Target, "outputs", {"OutputBucketName": "out"})
    told = [(one.state, one.text.partition(":")[0]) for one in off.findings(HandsOff(on), STACK, "drift")]
    assert told == ([] if on else [("note", "files"), ("note", "detect")])


def test_distractor_where_nothing_is_deployed_nothing_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_client: Any, root: str) -> Any:
        raise inventory.NotDeployed(root)

    monkeypatch.setattr(inventory, "read", none)
    assert list(off.findings(HandsOff(), STACK, "drift")) == []
