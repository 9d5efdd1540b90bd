"""`ona up` that is refused is on record with the release that was refused; a first one has no place."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.deploy import DeployError
from ona.runtime.clock import utc_now
from ops.cli import recorded
from ops.deployment.running import StepFailed
from ops.deployment.settings import Settings
from ops.target import Target


class Cloud:
    """A cloud whose root's stack stands with a release, or is not there."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.told: list[Any] = []
        self.status, self.changed = "UPDATE_ROLLBACK_COMPLETE", datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self, service: str) -> Any:
        return self if service in ("cloudformation", "events") else boto3.client(service, "af-south-1")

    def describe_stacks(self, **_: Any) -> Any:
        if not self.release:
            raise RuntimeError("Stack with id p does not exist")
        values = {"OutputBucketName": "out", "Environment": "dev"}
        return {
            "Stacks": [
                {
                    "StackName": "p-dev",
                    "StackId": "root",
                    "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
                    "LastUpdatedTime": self.changed,
                    "StackStatus": self.status,
                    "Parameters": [{"ParameterKey": "Release", "ParameterValue": self.release}],
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in values.items()],
                }
            ]
        }

    def get_paginator(self, operation: str) -> Any:
        """The root alone, without resources; its events are not asked for here."""
        pages = {
            "describe_stacks": [self.describe_stacks()],
            "list_stack_resources": [{"StackResourceSummaries": []}],
        }
        return SimpleNamespace(paginate=lambda **_: pages.get(operation, [{"StackEvents": []}]))

    def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
        self.told += Entries
        return {}


def kept_of(s3: Any) -> list[Any]:
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="out").get("Contents", [])]
    return [json.loads(s3.get_object(Bucket="out", Key=key)["Body"].read()) for key in keys]


@pytest.mark.parametrize(("standing", "kept"), [("old", 1), ("", 0)])
def test_a_refused_up_names_what_was_refused(standing: str, kept: int) -> None:
    refusal = DeployError("stack p-dev-top is UPDATE_ROLLBACK_COMPLETE: no room")
    with mock_aws():
        there = Cloud(standing)
        s3 = there("s3")
        s3.create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "af-south-1"})

        def refused() -> None:
            with recorded.up(Target("test", "p-dev", there), {"ApiRate": "1"}) as begin:
                begin("new")
                begun.extend(kept_of(s3))
                raise refusal

        begun: list[Any] = []
        with pytest.raises(DeployError, match="no room"):
            refused()
        found = kept_of(s3)
    assert [(one["outcome"], one["ended_at"]) for one in begun] == [("under way", None)] * kept
    assert [one["deployment_id"] for one in begun] == [one["deployment_id"] for one in found]
    assert [(one["before"], one["release"], one["outcome"]) for one in found] == [
        ("old", "new", "failed")
    ] * kept
    assert all("no room" in one["reason"] for one in found)
    assert len(there.told) == kept


@pytest.mark.parametrize(("after", "told"), [({"old": ["order"]}, True), ({"older": ["order"]}, False)])
def test_a_refused_up_tells_when_other_code_is_live_than_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], after: Any, told: bool
) -> None:
    """Somebody had moved an alias to an older release; CloudFormation puts it where its stack has it."""
    looks = iter([{"older": ["order"]}, after])
    monkeypatch.setattr(recorded.records, "live", lambda _: next(looks))
    with mock_aws():
        there = Cloud("old")
        there("s3").create_bucket(
            Bucket="out", CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
        )

        def refused() -> None:
            with recorded.up(Target("test", "p-dev", there), {"ApiRate": "1"}) as begin:
                begin("new")
                raise DeployError("no room")

        with pytest.raises(DeployError):
            refused()
    said = " ".join(capsys.readouterr().out.split())
    assert ("live was older, and is old now" in said) is told


def raises(error: BaseException) -> Callable[[], None]:
    def ends() -> None:
        raise error

    return ends


@pytest.fixture
def no_signal_ignored() -> Iterator[None]:
    """Whoever starts the tests by `nohup` ignores SIGHUP, and does so again when the test has ended."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are heard in the main thread only")
    kept = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for one, handler in kept.items():
        signal.signal(one, handler)


def terminated(number: signal.Signals) -> Callable[[], None]:
    """As `kill` and a lost terminal do it; where nobody hears it, the process is gone."""
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("ends", "expected", "outcome", "reason"),
    [
        (raises(KeyboardInterrupt()), KeyboardInterrupt, "cut short", "it was interrupted (Ctrl-C)"),
        (terminated(signal.SIGTERM), SystemExit, "cut short", "it was ended by SIGTERM"),
        (terminated(signal.SIGHUP), SystemExit, "cut short", "it was ended by SIGHUP"),
        (raises(OSError(28, "No space left on device")), OSError, "failed", "No space left on device"),
        (raises(KeyError("id")), KeyError, "failed", "unexpected KeyError: 'id'"),
        (
            raises(ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "PutObject")),
            ClientError,
            "failed",
            "(ExpiredToken)",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["up", "run", "rollback"])
@pytest.mark.usefixtures("no_signal_ignored")
def test_whatever_ends_a_command_its_record_says_so(
    command: str, ends: Callable[[], None], expected: type[BaseException], outcome: str, reason: str
) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]
    with mock_aws():
        there = Cloud("old")
        s3 = there("s3")
        s3.create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "af-south-1"})
        target = Target("test", "p-dev", there)
        chosen = Settings("p-dev", "af-south-1", {"ApiRate": "1"})

        def given() -> None:
            if command == "rollback":
                with recorded.way_back(target, [], False):
                    ends()
            elif command == "up":
                with recorded.up(target, {"ApiRate": "1"}) as begin:
                    begin("new")
                    ends()
            else:
                with recorded.recorded(target, chosen, "new") as start:
                    start()
                    ends()

        with pytest.raises(expected):
            given()
        [found] = kept_of(s3)
    assert (found["outcome"], found["ended_at"] is None) == (outcome, False)
    assert reason in found["reason"]
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == before
    assert [json.loads(one["Detail"])["outcome"] for one in there.told] == [outcome]


@pytest.mark.parametrize(
    ("status", "ours", "ends", "outcome"),
    [
        ("UPDATE_IN_PROGRESS", True, raises(KeyboardInterrupt()), "under way"),
        ("UPDATE_IN_PROGRESS", True, raises(OSError(104, "Connection reset by peer")), "under way"),
        ("UPDATE_IN_PROGRESS", False, raises(StepFailed("sam ended with status 1", True)), "failed"),
        ("UPDATE_IN_PROGRESS", False, raises(KeyboardInterrupt()), "cut short"),
        ("UPDATE_COMPLETE", True, raises(KeyboardInterrupt()), "succeeded"),
        ("UPDATE_COMPLETE", True, raises(StepFailed("validate ended with status 1", True)), "failed"),
    ],
    ids=[
        "interrupted while it goes on", "the network went", "another one's update",
        "interrupted before ours", "interrupted after it", "it was not sound",
    ],
)  # fmt: skip
def test_cloudformation_goes_on_without_the_command(
    status: str, ours: bool, ends: Callable[[], None], outcome: str
) -> None:
    """What has no end yet has a record without one: the stacks will tell how it ended."""
    with mock_aws():
        there = Cloud("old")
        s3 = there("s3")
        s3.create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "af-south-1"})
        target = Target("test", "p-dev", there)

        def given() -> None:
            with recorded.recorded(target, Settings("p-dev", "af-south-1", {}), "new") as start:
                start()
                there.status, there.changed = (
                    status,
                    utc_now() if ours else datetime(2026, 1, 1, tzinfo=UTC),
                )
                ends()

        with pytest.raises(BaseException):  # noqa: B017
            given()
        [found] = kept_of(s3)
    assert (found["outcome"], found["ended_at"] is None) == (outcome, outcome == "under way")
    assert ("CloudFormation goes on" in found["reason"]) is (outcome == "under way")
    assert len(there.told) == (outcome != "under way")
