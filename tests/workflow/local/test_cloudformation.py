"""CloudFormation: what ministack would drop reaches the deployed resources."""

from __future__ import annotations

import json

import pytest

from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_ttl_and_execution_logs_survive_the_deployment(lab: Lab) -> None:
    target = lab.platform.target
    ttl = target.client("dynamodb").describe_time_to_live(TableName="ona-platform-weather-cache")
    assert ttl["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    lab.platform.put_and_wait(b"")
    events = target.client("logs").filter_log_events(logGroupName="/aws/vendedlogs/states/ona-ooda-dev")
    kinds = {json.loads(event["message"])["type"] for event in events["events"]}
    assert {"ExecutionStarted", "TaskStateEntered", "ExecutionSucceeded"} <= kinds
