"""S3: events carry the object's version."""

from __future__ import annotations

import json

import pytest

from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_object_events_carry_the_version_and_rules_filter_by_wildcard(lab: Lab) -> None:
    lab.platform.put_and_wait(b"", key="observations/2025/06/10/x.CSV")
    newest = lab.platform.executions()[0]["executionArn"]
    event = json.loads(lab.states.describe_execution(executionArn=newest)["input"])
    head = lab.platform.s3.head_object(
        Bucket=lab.platform.target.input_bucket, Key="observations/2025/06/10/x.CSV"
    )
    assert event["detail"]["object"]["version-id"] == head["VersionId"]
