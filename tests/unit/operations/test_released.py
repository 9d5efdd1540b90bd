"""What is live, and what began and never ended: records and stacks as another hand writes them.

The records are JSON as the page of releases describes it, the lists those of CloudFormation's and Lambda's
API references. Beside each damage stands a platform of the same look that is sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from operations.reading import deployments, inventory, released
from operations.reading.finding import Finding

ROOT, BUCKET = "ours", "out"
BEGAN = datetime(2026, 3, 10, 8, 0, 0, tzinfo=UTC)
BEFORE, AFTER = BEGAN - timedelta(hours=1), BEGAN + timedelta(minutes=4)


class Cloud:
    """A root with release `a` and one stack below it, two functions, and a bucket with records."""

    def __init__(self) -> None:
        self.root = {"StackName": ROOT, "StackId": "id-root", "StackStatus": "UPDATE_COMPLETE"}
        self.below = {**self.root, "StackName": "ours-Ooda-1", "StackId": "id-ooda", "RootId": "id-root"}
        self.changed, self.live = BEFORE, {"detect": "a", "order": "a"}
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket=BUCKET)

    def __call__(self, service: str) -> Any:
        return {
            "s3": self.s3,
            "cloudformation": SimpleNamespace(get_paginator=self._pages),
            "lambda": SimpleNamespace(get_function_configuration=self._version),
        }[service]

    def _pages(self, operation: str) -> Any:
        def stacks() -> Iterator[Any]:
            release = [{"ParameterKey": "Release", "ParameterValue": "a"}]
            times = {"CreationTime": BEFORE, "LastUpdatedTime": self.changed, "Parameters": release}
            yield {"Stacks": [{**self.root, **times}, self.below]}

        def resources(StackName: str) -> Iterator[Any]:  # noqa: N803
            arn = "arn:aws:lambda:af-south-1:1:function:ona-{}-dev:live"
            named = [("AWS::Lambda::Alias", arn.format(name)) for name in self.live if StackName != ROOT]
            yield {
                "StackResourceSummaries": [
                    {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"}
                    for kind, name in named
                ]
            }

        return SimpleNamespace(paginate=stacks if operation == "describe_stacks" else resources)

    def _version(self, FunctionName: str, Qualifier: str) -> Any:  # noqa: N803
        assert Qualifier == "live"
        return {"Environment": {"Variables": {"ONA_RELEASE": self.live[FunctionName.split("-")[1]]}}}

    def record(self, began: datetime, outcome: str, **more: Any) -> None:
        name = f"{began:%Y%m%dT%H%M%S}-abcdef"
        body = {
            "deployment_id": name, "kind": "deployment", "environment": "dev", "stack": ROOT, "by": "nia",
            "before": "a", "release": "b", "began_at": began.isoformat(), "outcome": outcome,
            "ended_at": None if outcome == "under way" else (began + timedelta(minutes=5)).isoformat(),
        }  # fmt: skip
        key = f"operations/deployments/{began:%Y/%m/%d}/{name}.json"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({**body, **more}).encode())

    def seen(self) -> list[Finding]:
        return list(released.findings(self, inventory.read(self, ROOT), BUCKET))

    def states(self) -> list[tuple[str, str]]:
        return [(one.about.partition(" ")[0], one.state) for one in self.seen()]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


SOUND = [("live", "ok")]


def test_a_platform_that_nobody_deployed_since_is_sound(cloud: Cloud) -> None:
    assert cloud.states() == SOUND, "no record at all"
    cloud.record(BEGAN, "succeeded", release="a")
    assert cloud.states() == SOUND
    assert [one.text for one in cloud.seen()] == ["a: 2 functions"]


def test_a_killed_deployment_is_told_with_who_since_when_and_what_to_type(cloud: Cloud) -> None:
    cloud.record(BEGAN - timedelta(days=1), "succeeded")
    cloud.record(BEGAN, "under way")
    cloud.live["detect"] = "b"
    cut, half = cloud.seen()
    assert (cut.state, half.state) == ("warning", "critical")
    assert (cut.since, "nia" in cut.text, "`ona up`" in cut.text) == (BEGAN, True, True)
    for words in ("a: order", "b: detect", "deployed is a", "`ona up`"):
        assert words in half.text
    cloud.record(AFTER, "succeeded", release="a")
    cloud.live["detect"] = "a"
    assert cloud.states() == SOUND, "the next deployment healed it, though its record stayed open"


def test_one_that_is_under_way_is_no_killed_one(cloud: Cloud) -> None:
    cloud.record(BEGAN, "under way")
    cloud.live["detect"] = "b"
    cloud.below["StackStatus"] = "UPDATE_IN_PROGRESS"
    assert cloud.states() == [("deployment", "warning"), ("live", "warning")]
    assert "is under way" in cloud.seen()[0].text


@pytest.mark.parametrize(
    ("status", "ended"), [("UPDATE_COMPLETE", "succeeded"), ("UPDATE_ROLLBACK_COMPLETE", "failed")]
)
def test_cloudformation_ends_what_a_killed_command_began(cloud: Cloud, status: str, ended: str) -> None:
    """On AWS the stacks go on without the command; the root's LastUpdatedTime is of this deployment."""
    cloud.record(BEGAN, "under way", release="a")
    cloud.root["StackStatus"], cloud.changed = status, AFTER
    book = deployments.newest(cloud, BUCKET)
    assert [outcome for _, outcome in book.judged(inventory.read(cloud, ROOT))] == [ended]
    assert cloud.states() == SOUND, "what its stacks say stands elsewhere"


@pytest.mark.parametrize(
    ("moved", "live", "state"),
    [
        (["detect"], {"detect": "z", "order": "a"}, "ok"),
        (["detect"], {"detect": "a", "order": "z"}, "critical"),
        ([], {"detect": "z", "order": "z"}, "ok"),
        ([], {"detect": "z", "order": "a"}, "ok"),
    ],
)
def test_a_way_back_explains_what_it_moved_and_no_other(
    cloud: Cloud, moved: list[str], live: dict[str, str], state: str
) -> None:
    cloud.record(BEGAN, "succeeded", kind="rollback", release="z", moved=moved)
    cloud.live = live
    assert cloud.states() == [("live", state)]
    cloud.changed = BEGAN + timedelta(hours=1)
    expected = "critical" if len(set(live.values())) > 1 else "warning"
    assert cloud.states() == [("live", expected)], "a deployment after it puts all to its release"


def test_a_way_back_of_all_explains_no_release_that_was_never_whole(cloud: Cloud) -> None:
    """Then a refused deployment put the aliases back to what a killed one had left."""
    cloud.record(BEGAN, "cut short", release="bad")
    cloud.record(AFTER, "succeeded", kind="rollback", release="a")
    cloud.live["detect"] = "bad"
    assert cloud.states()[-1] == ("live", "critical")
    cloud.live["detect"] = "old"
    assert cloud.states()[-1] == ("live", "ok"), "an older one that was whole"


def test_a_way_back_that_was_killed_is_ended_by_the_next_of_all(cloud: Cloud) -> None:
    cloud.record(BEGAN, "under way", kind="rollback")
    assert cloud.states() == [("way", "warning"), ("live", "ok")]
    cloud.record(AFTER, "succeeded", kind="rollback", moved=["detect"])
    assert cloud.states() == [("way", "warning"), ("live", "ok")], "one function's ends it not"
    cloud.record(AFTER + timedelta(hours=1), "succeeded", kind="rollback")
    assert cloud.states() == SOUND


def test_a_release_that_was_cut_short_is_no_way_back(cloud: Cloud) -> None:
    for day, (release, outcome) in enumerate(
        (("twice", "cut short"), ("twice", "succeeded"), ("bad", "under way"))
    ):
        cloud.record(BEGAN + timedelta(days=day), outcome, release=release)
    book = deployments.newest(cloud, BUCKET)
    assert book.refused(inventory.read(cloud, ROOT)) == {"bad": "cut short"}
