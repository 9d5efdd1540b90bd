"""The loop where a file's orders do not fit into a payload: the deployed definition, small functions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ops import asl
from tests.fakes.lab import Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

BUCKETS = "map-results/ooda/sched-1"
STEPS = """
import json, os, urllib.parse
import boto3

class InvalidPayload(Exception):
    pass

BUCKET, LARGE = SETTINGS

def handler(event, context):
    s3 = boto3.client("s3")
    assert event["correlation_id"] == "the-event", event
    here = {"bucket": BUCKET, "key": "x", "version_id": ""}
    if "source" in event:
        return {"status": "found", "detection": here, "sites": []}
    if "detection" in event:
        return {"diagnostics": here if LARGE else [here], "findings": 1}
    if "diagnostics" in event:
        jobs = {"bucket": BUCKET, "key": "map-results/ooda/sched-1/jobs.json", "version_id": ""}
        if not LARGE:
            jobs = [{"schedule": here, "finding_id": "find-%d" % n} for n in range(3)]
        return {"schedule": here, "jobs": jobs, "deferred": 0, "already_ordered": 0, "unschedulable": 0}
    if "gather" in event:
        read = lambda key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        files = read(event["gather"]["key"])["ResultFiles"]
        said = [json.loads(r["Output"]) for f in files["SUCCEEDED"] for r in read(f["Key"])]
        lost = sum(len(read(f["Key"])) for f in files["FAILED"])
        s3.put_object(Bucket=BUCKET, Key="orders.json", Body=json.dumps(said))
        many = [order["status"] for order in said]
        return {"orders": {**here, "key": "orders.json"}, "ordered": many.count("ordered"),
                "failed": many.count("failed"), "lost": lost}
    assert set(event) == {"job", "execution_id", "correlation_id"}, event
    if event["job"]["finding_id"] == "find-2":
        raise InvalidPayload("it cannot be ordered")
    return {"finding_id": event["job"]["finding_id"], "status": "ordered", "work_order": here}
"""


def run(platform: Platform, jobs: list[dict[str, Any]], *, queue: bool = True) -> dict[str, Any]:
    """What an execution came to: how it ended, the states that it entered, how many events it has, the
    letters, and the bucket. `queue`: whether the dead-letter queue is there."""
    lab = Lab(platform)
    bucket = lab.bucket()
    s3, sqs = platform.target.client("s3"), platform.target.client("sqs")
    s3.put_object(Bucket=bucket, Key=f"{BUCKETS}/jobs.json", Body=json.dumps(jobs).encode())
    url = sqs.create_queue(QueueName=unique("letters"))["QueueUrl"]
    function = lab.function(STEPS.replace("SETTINGS", repr((bucket, bool(jobs)))))
    [source] = [path for path in asl.sources() if path.name == "ooda.asl.yaml"]
    values = dict.fromkeys(re.findall(r"\$\{(\w+FunctionArn)\}", source.read_text()), function)
    values |= {"InputBucket": bucket, "OutputBucket": bucket, "StateMachineArn": "the-loop"}
    values |= {"DeadLetterQueueUrl": url if queue else url + "-gone"}
    values |= {"Environment": "dev", "OutboxTable": "none", "AlertLogTable": "none", "MapConcurrency": "10"}
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], json.dumps(asl.expanded(source)))
    detail = {"bucket": {"name": bucket}, "object": {"key": "observations/2025/06/11/a.csv"}}
    event = {"id": "the-event", "detail": detail}
    done = lab.run(json.loads(text), event, 240)
    pages = lab.states.get_paginator("get_execution_history").paginate(executionArn=done["executionArn"])
    steps = [step for page in pages for step in page["events"]]
    letters: list[dict[str, Any]] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        letters += [json.loads(message["Body"]) for message in found]
    entered = [e["stateEnteredEventDetails"]["name"] for e in steps if "stateEnteredEventDetails" in e]

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    return {"done": done, "entered": entered, "letters": letters, "read": read}


def test_hundreds_of_orders_pass_as_pointers_and_one_that_fails_has_its_letter(platform: Platform) -> None:
    schedule = {"bucket": "b" * 60, "key": "map-results/ooda/" + "s" * 400, "version_id": ""}
    jobs = [{"schedule": schedule, "finding_id": f"find-{n}"} for n in range(500)]
    assert len(json.dumps(jobs)) > 256 * 1024, "they do not fit into a state"
    came = run(platform, jobs)
    assert came["done"]["status"] == "SUCCEEDED", came["done"]
    way = came["entered"][came["entered"].index("HowMuch") :]
    in_the_loop = [name for name in way if name not in ("OrderOne", "SendOneToDeadLetterQueue")]
    assert in_the_loop == [
        "HowMuch", "OrderMany", "GatherOrders", "AnyOrderLost",
        "RecordOutcome", "Publish", "AskSites", "Done",
    ]  # fmt: skip
    output = json.loads(came["done"]["output"])
    assert len(came["done"]["output"]) < 3_000
    assert (output["ordered"], output["failed"]) == (499, 1)
    [letter] = came["letters"]
    assert (letter["kind"], letter["state"], letter["error"]) == ("order", "Order", "InvalidPayload")
    assert letter["item"] == jobs[2]
    assert (letter["execution"], letter["state_machine"]) == (came["done"]["executionArn"], "the-loop")
    assert letter["input"]["detail"]["object"]["key"] == "observations/2025/06/11/a.csv"
    orders = came["read"](output["orders"]["key"])
    assert sorted(order["finding_id"] for order in orders) == sorted(job["finding_id"] for job in jobs)


def test_a_few_orders_travel_as_before(platform: Platform) -> None:
    came = run(platform, [])
    output = json.loads(came["done"]["output"])
    assert [order["status"] for order in output["orders"]] == ["ordered", "ordered", "failed"]
    assert (output["ordered"], output["failed"]) == (2, 1)
    assert came["entered"].count("Order") == 3
    assert not {"OrderMany", "GatherOrders"} & set(came["entered"])
    assert [letter["item"]["finding_id"] for letter in came["letters"]] == ["find-2"]


def test_an_order_without_a_letter_fails_the_execution_when_the_others_are_made(platform: Platform) -> None:
    jobs = [{"schedule": {"bucket": "b", "key": "x"}, "finding_id": f"find-{n}"} for n in range(4)]
    came = run(platform, jobs, queue=False)
    assert (came["done"]["status"], came["done"]["error"]) == ("FAILED", "DeadLetterQueueUnreachable")
    assert len(came["read"]("orders.json")) == 3
    assert "RecordOutcome" not in came["entered"]
