"""An event that is none of ours ends as one dead letter that says what is wrong, in every workflow."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ops import deadletters
from tests.fakes.platform import Platform

FILE_WORKFLOWS = {
    "ooda": "observations/2025/01/15/INV-001.csv",
    "forecast_upload": "historical/customer-001/farm/INV-001.csv",
    "forecast_training": "training/customer-001/farm/hourly/c19f0a63998e9082.parquet",
}
"""Workflows that a file starts, with a key of theirs."""


def _event(platform: Platform, key: str) -> dict[str, Any]:
    bucket = {"name": platform.target.input_bucket}
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": bucket, "object": {"key": key, "size": 12}},
    }


def _without(event: dict[str, Any], *path: str) -> dict[str, Any]:
    event = copy.deepcopy(event)
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return event


def _with(event: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    event = copy.deepcopy(event)
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return event


def _malformed(sound: dict[str, Any]) -> list[tuple[Any, str]]:
    """Events that are no file's, each with what its letter has to say."""
    key, name = ("detail", "object", "key"), ("detail", "bucket", "name")
    return [
        ({}, "no detail"),
        ([], "no JSON object"),
        ([sound], "no JSON object"),
        ("text", "no JSON object"),
        (None, "no JSON object"),
        (_without(sound, "detail"), "no detail"),
        (_with(sound, "x", "detail"), "no detail"),
        (_with(sound, "Object Deleted", "detail-type"), "not Object Created"),
        (_without(sound, "detail", "bucket"), "detail.bucket is missing"),
        (_without(sound, *name), "detail.bucket.name is missing"),
        (_with(sound, 3, *name), "detail.bucket.name is missing, or no text"),
        (_with(sound, "somebody-elses", *name), "somebody-elses, which is not the input bucket"),
        (_with(sound, [], "detail", "object"), "detail.object is missing"),
        (_without(sound, *key), "detail.object.key is missing"),
        (_with(sound, None, *key), "detail.object.key is missing, or no text"),
        (_with(sound, ["a", "b"], *key), "detail.object.key is missing, or no text"),
        (_with(sound, "", *key), "detail.object.key is empty"),
        (_with(sound, "observations/a\nb\x00.csv", *key), "control characters"),
        (_with(sound, "observations/" + "x" * 1100 + ".csv", *key), "longer than S3 allows"),
        (_with(sound, "12", "detail", "object", "size"), "detail.object.size is no number"),
        (_with(sound, 7, "detail", "object", "version-id"), "version-id is no text"),
    ]


TASKS: dict[str, list[tuple[Any, str]]] = {
    "forecast_schedule": [
        ({}, "task is missing"),
        ([], "no JSON object"),
        ({"task": 1}, "task is missing, or no text"),
        ({"task": "sleep"}, "task is sleep"),
        ({"task": "accuracy", "day": 20250610}, "day is no text"),
        ({"task": "accuracy", "day": "yesterday"}, "day is yesterday"),
    ],
    "fleet_history": [
        ({}, "prefix is missing"),
        ("backfill/", "no JSON object"),
        ({"prefix": ""}, "histories lie under backfill/"),
        ({"prefix": "observations/"}, "prefix is observations/"),
        ({"prefix": None}, "prefix is missing, or no text"),
    ],
}


@pytest.mark.parametrize("workflow", [*FILE_WORKFLOWS, *TASKS])
def test_each_malformed_event_is_one_letter_that_says_what_is_wrong(
    platform: Platform, workflow: str
) -> None:
    sound = _event(platform, FILE_WORKFLOWS.get(workflow, ""))
    cases = TASKS.get(workflow) or _malformed(sound)
    arns = [platform.start(event, workflow) for event, _ in cases]
    ended = [platform.wait(arn) for arn in arns]
    assert [item["status"] for item in ended] == ["FAILED"] * len(cases)
    assert {item["error"] for item in ended} == {"InvalidPayload"}
    letters = platform.letters()
    assert len(letters) == len(cases), "one letter each"
    by_execution = {letter.body["execution"]: letter for letter in letters}
    for arn, (event, words) in zip(arns, cases, strict=True):
        letter = by_execution[arn]
        assert (letter.body["state"], letter.body["error"]) == ("Receive", "InvalidPayload")
        assert words in letter.reason, (event, letter.reason)
        assert letter.body["input"] == event
    for letter in letters:
        assert deadletters.remove(platform.target, letter.message_id) == (1, 0)
    assert platform.letters() == []


@pytest.mark.parametrize(
    "key",
    [
        "observations/2025/01/15/a b+c&d=é%20 ü日本.csv",
        "observations/2025/01/15/..%2F..csv",
        "observations/2025/01/15/'\"{% 1 %}$x.csv",
    ],
)
def test_a_key_that_only_looks_odd_is_a_file_like_others(platform: Platform, key: str) -> None:
    platform.s3.put_object(Bucket=platform.target.input_bucket, Key=key, Body=b"no telemetry")
    event = _event(platform, key)
    del event["detail"]["object"]["size"]  # nobody reads it
    platform.idle()
    done = platform.run(event, "ooda")
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"])["outcome"] == "quarantined"
    assert platform.keys("quarantine/" + key)
