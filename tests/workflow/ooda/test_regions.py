"""The loop where there is too much for one plan: the deployed definition, a small function a step."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ops import asl
from tests.fakes.lab import Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

STEPS = """
import os, tempfile

class CrewBookingConflict(Exception):
    pass

class InvalidConfiguration(Exception):
    pass

def handler(event, context):
    assert event["correlation_id"] == "the-event", event
    pointer = {"bucket": "bucket", "key": "x", "version_id": ""}
    if "source" in event:
        return {"status": "found", "detection": pointer, "sites": []}
    if "detection" in event:
        return {"diagnostics": [pointer], "findings": 3}
    if "region" in event:
        if event["region"] == 2 or (event["region"] == 1 and not event.get("simply")):
            raise InvalidConfiguration("cannot be planned")
        return {"region": event["region"], "jobs": 1}
    if "join" in event:
        mark = os.path.join(tempfile.gettempdir(), event["execution_id"].split(":")[-1])
        tries = int(open(mark).read()) if os.path.exists(mark) else 0
        open(mark, "w").write(str(tries + 1))
        if tries < CONFLICTS:
            raise CrewBookingConflict("crews of 1 region were booked while planning")
        jobs = [{"schedule": pointer, "finding_id": "find-1"}]
        return {"schedule": pointer, "jobs": jobs, "deferred": 1, "already_ordered": 0, "unschedulable": 0}
    if "job" in event:
        return {"finding_id": event["job"]["finding_id"], "status": "ordered"}
    return {"division": pointer, "regions": [0, 1, 2]}
"""


def run(platform: Platform, conflicts: int) -> tuple[dict[str, Any], list[str], list[dict[str, Any]]]:
    """The end of an execution, the states that it entered, and the letters that it wrote."""
    lab = Lab(platform)
    bucket = lab.bucket()
    sqs = platform.target.client("sqs")
    queue = sqs.create_queue(QueueName=unique("letters"))["QueueUrl"]
    function = lab.function(STEPS.replace("CONFLICTS:", f"{conflicts}:"))
    [source] = [path for path in asl.sources() if path.name == "ooda.asl.yaml"]
    values = dict.fromkeys(re.findall(r"\$\{(\w+FunctionArn)\}", source.read_text()), function)
    values |= {"InputBucket": bucket, "OutputBucket": bucket, "DeadLetterQueueUrl": queue}
    values |= {
        "Environment": "dev",
        "OutboxTable": "none",
        "AlertLogTable": "none",
        "MapConcurrency": "10",
        "StateMachineArn": "loop",
    }
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], json.dumps(asl.expanded(source)))
    detail = {"bucket": {"name": bucket}, "object": {"key": "observations/2025/06/11/a.csv"}}
    event = {"id": "the-event", "detail": detail}
    done = lab.run(json.loads(text), event, 120)
    pages = lab.states.get_paginator("get_execution_history").paginate(executionArn=done["executionArn"])
    entered = [
        step["stateEnteredEventDetails"]["name"]
        for page in pages
        for step in page["events"]
        if "stateEnteredEventDetails" in step
    ]
    messages: list[dict[str, Any]] = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += [json.loads(message["Body"]) for message in found]
    return done, entered, messages


def test_each_region_is_planned_a_failing_one_simply_and_a_conflict_is_divided_anew(
    platform: Platform,
) -> None:
    done, entered, letters = run(platform, conflicts=1)
    assert done["status"] == "SUCCEEDED", done
    assert entered.count("Schedule") == entered.count("JoinRegions") == 2
    assert entered.count("PlanRegion") == 6
    assert entered.count("PlanRegionSimply") == 4, "two of the three regions, twice"
    assert entered.count("Order") == 1
    assert [(letter["kind"], letter["item"]) for letter in letters] == [("region", 2)] * 2
    assert letters[0]["input"]["detail"]["object"]["key"] == "observations/2025/06/11/a.csv"


def test_conflicts_without_end_are_a_letter(platform: Platform) -> None:
    done, entered, letters = run(platform, conflicts=100)
    assert done["status"] == "FAILED"
    assert entered.count("JoinRegions") == 6
    assert "Order" not in entered
    assert [letter["error"] for letter in letters if letter["kind"] == "execution"] == [
        "CrewBookingConflict"
    ]
