"""A probe leaves no trace: it reads, and writes, sends and measures nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ona.runtime import http, probe
from ona.runtime.errors import (
    CrewBookingConflict,
    InvalidConfiguration,
    InvalidPayload,
    InvalidTelemetry,
    ObjectMissing,
)
from ona.runtime.observability import count, handler, logger

CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:r:1:function:f:live",
    aws_request_id="1",
    function_version="7",
)


def probed(function: Any, given: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = handler(function)({probe.KEY: {"input": given}}, CONTEXT)["probe"]
    return answer


@mock_aws
def test_reads_pass_and_writes_are_named_and_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    plain = boto3.client("s3")
    plain.create_bucket(Bucket="bucket")
    plain.put_object(Bucket="bucket", Key="there", Body=b"1")
    queue = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    s3, sqs = probe.guard(boto3.client("s3")), probe.guard(boto3.client("sqs"))
    events = probe.guard(boto3.client("events"))

    def work(event: Any, _: Any) -> dict[str, Any]:
        assert s3.get_object(Bucket="bucket", Key="there")["Body"].read() == b"1"
        assert s3.put_object(Bucket="bucket", Key=event, Body=b"2")["VersionId"]
        s3.delete_object(Bucket="bucket", Key="there")
        s3.delete_object(Bucket="bucket", Key="there")
        assert "Messages" not in sqs.receive_message(QueueUrl=queue)
        events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])
        return {"done": True}

    found = probed(work, "new")
    assert found["ok"], found
    assert found["would_write"] == [
        "s3:PutObject",
        "s3:DeleteObject",
        "sqs:ReceiveMessage",
        "events:PutEvents",
    ]
    assert (found["answer"], found["version"]) == ("answered", "7")
    assert [item["Key"] for item in plain.list_objects_v2(Bucket="bucket")["Contents"]] == ["there"]
    assert sqs.receive_message(QueueUrl=queue)["Messages"], "no message was hidden"
    s3.put_object(Bucket="bucket", Key="afterwards", Body=b"3")
    assert len(plain.list_objects_v2(Bucket="bucket")["Contents"]) == 2, (
        "after a probe writes are writes again"
    )


def test_nothing_is_sent_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def pool() -> Any:
        asked.append("pool")
        raise RuntimeError("somebody was called")

    monkeypatch.setattr(http, "_pool", pool)

    def work(event: Any, _: Any) -> dict[str, Any]:
        return {"status": http.send("POST", "https://hooks.example.com/secret-path", body=b"x").status}

    found = probed(work)
    assert (found["ok"], found["would_write"], asked) == (True, ["POST hooks.example.com"], [])
    assert not probed(lambda event, _: http.send("GET", "https://example.com"))["ok"], "a read is done"
    assert asked == ["pool"]


@pytest.mark.parametrize(
    ("error", "ok"),
    [
        (ObjectMissing("x: not found"), True),
        (InvalidTelemetry("no_rows", "the file has no rows"), True),
        (InvalidConfiguration("environment variable X is not set"), False),
        (InvalidPayload("no such field"), False),
        (CrewBookingConflict("twice"), False),
        (KeyError("x"), False),
        (ModuleNotFoundError("pandas"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_sound_version_never_says_is_wrong(error: Exception, ok: bool) -> None:
    def work(event: Any, _: Any) -> None:
        raise error

    found = probed(work)
    assert found["ok"] is ok
    assert type(error).__name__ in found["answer" if ok else "error"]


@pytest.mark.parametrize(("status", "ok"), [(200, True), (403, True), (500, False), (502, False)])
def test_an_api_may_refuse_but_not_fail(status: int, ok: bool) -> None:
    assert probed(lambda event, _: {"statusCode": status})["ok"] is ok


def test_a_probe_measures_nothing_and_its_lines_say_what_they_are(
    capfd: pytest.CaptureFixture[str],
) -> None:
    said: list[Any] = []

    def work(event: Any, _: Any) -> dict[str, Any]:
        count("WeatherStale", 1)
        said.append(logger.get_current_keys().get("probe"))
        return {}

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]

    probed(work)
    during = lines()
    assert not [line for line in during if "_aws" in line]
    handler(work)({"task": "x"}, CONTEXT)
    after = lines()
    stale = [line["WeatherStale"] for line in after if "WeatherStale" in line]
    assert stale == [[1.0]], "what the probe counted is not counted later either"
    assert said == [True, None]


@pytest.mark.parametrize("event", [{"probe": {}}, {"detail": {probe.KEY: {}}}, [probe.KEY], None, "x"])
def test_what_only_looks_like_a_probe_is_none(event: Any) -> None:
    seen: list[Any] = []
    handler(lambda given, _: seen.append((given, probe.running())))(event, CONTEXT)
    assert seen == [(event, False)]
