"""`ona logs`: the story of one thing, from lines of several functions, and of no other thing."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops import logs
from ops.target import OpsError, Target

NOW = datetime.now(UTC)


def line(message: str, own: str, **more: Any) -> str:
    return json.dumps({"level": "INFO", "message": message, "correlation_id": own, **more})


WRITTEN = {
    "/aws/lambda/ona-detect-dev": [
        line("asset judged", "id-aaaa", asset_id="INV-1"),
        line("asset judged", "id-bbbb"),
    ],
    "/aws/lambda/ona-order-dev": [
        line("Work order created", "id-aaaa", work_order_id="wo-1234"),
        line("Work order created", "b", work_order_id="wo-9999"),
        "START RequestId: wo-none",
        json.dumps(
            {"_aws": {}, "FunctionExecutionTime": [61.2], "Status": "Success", "correlation_id": "id-aaaa"}
        ),
    ],
    "/aws/lambda/ona-order-prod": [line("another environment's", "id-aaaa", work_order_id="wo-1234")],
    "/aws/lambda/theirs-dev": [line("not ours", "id-aaaa", work_order_id="wo-1234")],
}


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    with mock_aws():
        client = boto3.client("logs", region_name="af-south-1")
        for name, lines in WRITTEN.items():
            client.create_log_group(logGroupName=name)
            client.create_log_stream(logGroupName=name, logStreamName="s")
            at = int(time.time() * 1000)
            events = [{"timestamp": at + n, "message": text} for n, text in enumerate(lines)]
            client.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
        found = Target("test", "stack", lambda _name: client)
        monkeypatch.setattr(Target, "outputs", {"Environment": "dev"})
        yield found


def test_lines_that_do_not_know_the_order_belong_to_its_story(target: Target) -> None:
    story = logs.story(target, "wo-1234", NOW - timedelta(hours=1))
    assert sorted((one.who, logs.in_words(one)) for one in story) == [
        ("ona-detect-dev", "asset judged asset_id=INV-1"),
        ("ona-order-dev", "Success after 61 ms"),
        ("ona-order-dev", "Work order created work_order_id=wo-1234"),
    ]


def test_nothing_is_found_of_what_nobody_wrote_of(target: Target) -> None:
    assert logs.story(target, "wo-0000", NOW - timedelta(hours=1)) == []


@pytest.mark.parametrize("text", ["abc", 'wo-"', "corr"])
def test_what_cannot_be_searched_for_is_refused(target: Target, text: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(logs, "MOST_IDS", 1)
    with pytest.raises(OpsError):
        logs.story(target, "created" if text == "corr" else text, NOW - timedelta(hours=1))
