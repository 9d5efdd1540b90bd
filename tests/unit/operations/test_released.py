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
        self.now, self.deployer = BEGAN + timedelta(days=9), None  # type: datetime, deployments.Deployer | None
        self.flows: dict[str, tuple[int, int, datetime]] = {}
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket=BUCKET)

    def __call__(self, service: str) -> Any:
        return {
            "s3": self.s3,
            "cloudformation": SimpleNamespace(get_paginator=self._pages),
            "lambda": SimpleNamespace(get_function_configuration=self._version),
            "stepfunctions": SimpleNamespace(
                describe_state_machine_alias=self._alias, describe_state_machine=self._published
            ),
        }[service]

    def _pages(self, operation: str) -> Any:
        def stacks() -> Iterator[Any]:
            release = [{"ParameterKey": "Release", "ParameterValue": "a"}]
            times = {"CreationTime": BEFORE, "LastUpdatedTime": self.changed, "Parameters": release}
            yield {"Stacks": [{**self.root, **times}, self.below]}

        def resources(StackName: str) -> Iterator[Any]:  # noqa: N803
            arn = "arn:aws:lambda:af-south-1:1:function:ona-{}-dev:live"
            named = [("AWS::Lambda::Alias", arn.format(name)) for name in self.live if StackName != ROOT]
            for name, (_, deployed, _) in self.flows.items() if StackName != ROOT else ():
                named.append(("AWS::StepFunctions::StateMachineAlias", f"{FLOW.format(name)}:live"))
                named.append(("AWS::StepFunctions::StateMachineVersion", f"{FLOW.format(name)}:{deployed}"))
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

    def _alias(self, stateMachineAliasArn: str) -> Any:  # noqa: N803
        machine, _, alias = stateMachineAliasArn.rpartition(":")
        assert alias == "live"
        live = self.flows[machine.split(":")[-1].split("-")[1]][0]
        gone = {"stateMachineVersionArn": f"{machine}:99", "weight": 0}
        return {
            "routingConfiguration": [gone, {"stateMachineVersionArn": f"{machine}:{live}", "weight": 100}]
        }

    def _published(self, stateMachineArn: str) -> Any:  # noqa: N803
        live, _, made = self.flows[stateMachineArn.split(":")[-2].split("-")[1]]
        assert stateMachineArn.endswith(f":{live}"), "of the version, not of the workflow"
        return {"creationDate": made}

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
        return list(released.findings(self, inventory.read(self, ROOT), BUCKET, self.now, self.deployer))

    def states(self) -> list[tuple[str, str]]:
        return [(one.about.partition(" ")[0], one.state) for one in self.seen()]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


SOUND = [("live", "ok")]
FLOW = "arn:aws:states:af-south-1:1:stateMachine:ona-{}-dev"


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
    assert [outcome for _, outcome in book.judged(inventory.read(cloud, ROOT), AFTER)] == [ended]
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


@pytest.mark.parametrize(("flow", "wrong"), [((2, 3, BEFORE), False), ((3, 3, AFTER), True)])
@pytest.mark.parametrize("was", [{}, {"a": ["detect"], "z": ["order"]}])
def test_a_killed_deployment_leaves_its_versions_in_some_stacks(
    cloud: Cloud, was: dict[str, list[str]], flow: tuple[int, int, datetime], wrong: bool
) -> None:
    """All went back then; the stack has the version that the killed one made, and the root's release is
    the one before."""
    cloud.record(BEGAN, "cut short", before="" if was else "a", was=was)
    cloud.record(AFTER, "succeeded", kind="rollback", release="a")
    cloud.flows = {"flow": flow}
    assert [one.about for one in cloud.seen() if one.state == "critical"] == ["workflows"] * wrong


def test_what_was_deployed_whole_is_not_deployed_again(cloud: Cloud) -> None:
    """Somebody moved an alias by hand: `ona up` would change nothing."""
    cloud.record(BEGAN, "succeeded", release="a")
    cloud.live["detect"] = "b"
    assert cloud.seen()[-1].text.endswith(
        "Mend: `ona deploy rollback all --to a` moves them there, `rollback all` back"
    )
    cloud.record(AFTER, "under way")
    assert "`ona up` deploys it whole" in cloud.seen()[-1].text, "what was cut short is"


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
    assert book.refused(inventory.read(cloud, ROOT), cloud.now) == {"bad": "cut short"}


def test_on_aws_a_young_record_without_an_end_is_at_work_and_an_old_one_was_killed(cloud: Cloud) -> None:
    """sam builds, packages and uploads before CloudFormation has anything to do."""
    cloud.record(BEGAN, "under way")
    for minutes, told in ((5, True), (59, True), (61, False), (180, False)):
        cloud.now = BEGAN + timedelta(minutes=minutes)
        one = cloud.seen()[0]
        assert ("is under way, by nia" in one.text, one.since) == (told, BEGAN), minutes
        assert ("`ona up`" in one.text) is not told
        assert ("without an end by 09:00 UTC" in one.text) is told
    cloud.below["StackStatus"] = "UPDATE_IN_PROGRESS"
    assert cloud.seen()[0].text == "is under way, by nia", "whatever its age"
    cloud.below["StackStatus"], cloud.now = "UPDATE_COMPLETE", BEGAN + timedelta(minutes=30)
    cloud.record(BEGAN + timedelta(minutes=20), "succeeded")
    assert cloud.states() == SOUND, "another one came after it"


def test_a_way_back_takes_minutes_and_no_hour(cloud: Cloud) -> None:
    cloud.record(BEGAN, "under way", kind="rollback")
    for minutes, told in ((2, True), (30, False)):
        cloud.now = BEGAN + timedelta(minutes=minutes)
        assert ("is under way" in cloud.seen()[0].text) is told


def test_the_embedded_cloud_knows_who_is_at_work(cloud: Cloud) -> None:
    """Whoever deploys there has its lock: a kill is known at once, a slow one is at work all the time."""
    cloud.record(BEGAN, "under way")
    cloud.now = BEGAN + timedelta(minutes=1)
    cloud.deployer = deployments.NOBODY
    assert "was killed" in cloud.seen()[0].text
    cloud.deployer = deployments.Deployer(BEGAN + timedelta(seconds=30))
    assert "was killed" in cloud.seen()[0].text, "a later command has the lock"
    cloud.now, cloud.live["detect"] = BEGAN + timedelta(hours=3), "b"
    cloud.deployer = deployments.Deployer(BEGAN - timedelta(seconds=2))
    assert cloud.seen()[0].text == "is under way, by nia"
    assert cloud.states()[-1] == ("live", "warning"), "its stacks follow one another"


@pytest.mark.parametrize(
    ("functions", "flow", "wrong"),
    [
        ("a", (3, 3, AFTER), False),
        ("a", (2, 3, BEFORE), True),
        ("z", (3, 3, AFTER), True),
        ("z", (2, 3, BEFORE), False),
        ("z", (3, 3, BEFORE), False),
        ("z", (1, 1, AFTER), False),
    ],
    ids=[
        "all of the new release", "workflow stayed behind", "functions went back alone", "all went back",
        "the release did not change it", "the release made it",
    ],
)  # fmt: skip
def test_half_a_release_of_workflows_alone(
    cloud: Cloud, functions: str, flow: tuple[int, int, datetime], wrong: bool
) -> None:
    """`z` was deployed first, then `a` with a new version of the workflow, or without."""
    cloud.changed = AFTER
    cloud.record(BEGAN - timedelta(days=1), "succeeded", before="y", release="z")
    cloud.record(BEGAN, "succeeded", before="z", release="a")
    if functions == "z":
        cloud.record(AFTER + timedelta(hours=1), "succeeded", kind="rollback", release="z")
    cloud.live, cloud.flows = dict.fromkeys(cloud.live, functions), {"flow": flow}
    assert cloud.states() == [*SOUND, *[("workflows", "critical")] * wrong]
    if wrong:
        told = cloud.seen()[-1].text
        assert f"functions are of {functions}; workflow flow is at version {flow[0]}" in told
        assert told.endswith(f"Mend: `ona deploy rollback all --to {functions}` moves them there")
    cloud.record(AFTER + timedelta(hours=2), "succeeded", kind="rollback", moved=["flow"])
    assert cloud.states()[1:] == [], "somebody moved it alone"


@pytest.mark.parametrize("outcome", ["under way", "failed", "succeeded"])
def test_a_release_that_is_deployed_again_is_no_half_of_itself(cloud: Cloud, outcome: str) -> None:
    """`ona deploy validate` looks before the record has its end; `a` was deployed before `b`, too."""
    cloud.record(BEGAN - timedelta(days=2), "succeeded", before="y", release="a")
    cloud.record(BEGAN - timedelta(days=1), "succeeded", before="a", release="b")
    cloud.record(BEGAN, outcome, before="b", release="a")
    cloud.changed, cloud.flows = AFTER, {"flow": (3, 3, AFTER)}
    assert ("workflows", "critical") not in cloud.states()
    cloud.flows = {"flow": (2, 3, BEFORE)}
    assert ("workflows", "critical") in cloud.states(), "one that stayed behind is"


def test_releases_without_a_name_are_no_halves(cloud: Cloud) -> None:
    cloud.record(BEGAN, "succeeded", before="", release="a")
    cloud.changed, cloud.live = AFTER, dict.fromkeys(cloud.live, "")
    cloud.flows = {"flow": (2, 2, AFTER)}
    assert not [one for one in cloud.states() if one[0] == "workflows"]
