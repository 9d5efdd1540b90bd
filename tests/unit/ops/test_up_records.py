"""`ona up` that is refused is on record with the release that was refused; a first one has no place."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.deploy import DeployError
from ops.cli import recorded
from ops.target import Target


class Cloud:
    """A cloud whose root's stack stands with a release, or is not there."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.told: list[Any] = []

    def __call__(self, service: str) -> Any:
        return self if service in ("cloudformation", "events") else boto3.client(service, "af-south-1")

    def describe_stacks(self, **_: Any) -> Any:
        if not self.release:
            raise RuntimeError("Stack with id p does not exist")
        values = {"OutputBucketName": "out", "Environment": "dev"}
        return {
            "Stacks": [
                {
                    "StackStatus": "UPDATE_ROLLBACK_COMPLETE",
                    "Parameters": [{"ParameterKey": "Release", "ParameterValue": self.release}],
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in values.items()],
                }
            ]
        }

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
