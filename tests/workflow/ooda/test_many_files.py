"""Distributed Maps with as many items as fleets have: the deployed definition, a small function as Detect.

Without a ResultWriter the map's output passed 256 KiB at about 799 files (326 bytes a child).
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ops import asl, mapresults
from tests.fakes.lab import Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

PAYLOAD_BYTES = 256 * 1024
"""AWS: the largest input or output of a state."""
DETECT = """
class InvalidTelemetry(Exception):
    pass

def handler(event, context):
    assert event["correlation_id"].startswith("run-"), event  # the execution's name: no event started it
    number = int(event["source"]["key"].split("/")[-1].split(".")[0])
    if number % 100 == 7:
        raise InvalidTelemetry("no such column: power_kw")
    detection = {"bucket": event["source"]["bucket"], "key": "detections/2025/01/15/" + event["file_id"]}
    return {"status": "nothing_found", "incidents": 0, "detection": detection}
"""


def fleet_history(lab: Lab, bucket: str, queue: str) -> dict[str, Any]:
    """The definition as it is deployed, its names filled in."""
    [source] = [path for path in asl.sources() if path.name == "fleet_history.asl.yaml"]
    values = {
        "DetectFunctionArn": lab.function(DETECT),
        "MapConcurrency": "40",
        "StateMachineArn": lab.platform.target.machines["fleet_history"],
        "DeadLetterQueueUrl": queue,
        "InputBucket": bucket,
        "OutputBucket": bucket,
    }
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], json.dumps(asl.expanded(source)))
    definition: dict[str, Any] = json.loads(text)
    return definition


def run(platform: Platform, files: int, seconds: float) -> None:
    lab = Lab(platform)
    bucket = lab.bucket()
    queue = platform.target.client("sqs").create_queue(QueueName=unique("letters"))["QueueUrl"]
    keys = {f"backfill/2025/{number:06}.csv" for number in range(files)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: platform.s3.put_object(Bucket=bucket, Key=key, Body=b""), sorted(keys)))
    done = lab.run(fleet_history(lab, bucket, queue), {"prefix": "backfill/2025/"}, seconds)
    assert done["status"] == "SUCCEEDED", done
    told = json.loads(done["output"])
    bad = {key for key in keys if int(key[-10:-4]) % 100 == 7}
    assert (told["files"], told["done"], told["failed"]) == (files, files - len(bad), len(bad))
    steps = lab.states.get_paginator("get_execution_history").paginate(executionArn=done["executionArn"])
    events = [event for page in steps for event in page["events"]]
    assert len(events) < 40, "the parent's history does not grow with the files"
    assert all(len(json.dumps(event, default=str)) < PAYLOAD_BYTES / 64 for event in events)

    def read(key: str) -> Any:
        return json.loads(platform.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    named = read(told["results"]["key"])["ResultFiles"]
    good = {json.loads(row["Output"])["key"] for file in named["SUCCEEDED"] for row in read(file["Key"])}
    failed = list(mapresults.failed_items(platform.target, told["results"]))
    assert good == keys - bad
    assert {item.name for item in failed} == bad
    assert {item.error for item in failed} == ({mapresults.NOT_ACCEPTED} if bad else set())
    assert named["PENDING"] == []
    letters = platform.target.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert int(letters["Attributes"]["ApproximateNumberOfMessages"]) == len(bad)


def test_files_by_the_hundred(platform: Platform) -> None:
    """`tests/workflow/local/test_distributed_map.py` has 1 010 children, more than a payload holds."""
    run(platform, 120, seconds=120)


def test_a_file_without_its_dead_letter_fails_the_execution_at_its_end(platform: Platform) -> None:
    """With no queue. Where no file fails, nobody misses it."""
    lab = Lab(platform)
    bucket, queue = lab.bucket(), platform.target.client("sqs").meta.endpoint_url + "/000000000000/no-queue"
    for name in ("sound/000001", "sound/000002", "mixed/000006", "mixed/000007", "mixed/000008"):
        platform.s3.put_object(Bucket=bucket, Key=f"backfill/{name}.csv", Body=b"")
    definition = fleet_history(lab, bucket, queue)
    assert lab.run(definition, {"prefix": "backfill/sound/"}, 60)["status"] == "SUCCEEDED"
    done = lab.run(definition, {"prefix": "backfill/mixed/"}, 120)
    assert (done["status"], done["error"]) == ("FAILED", "DeadLetterQueueUnreachable"), done
    keys = [item["Key"] for item in platform.s3.list_objects_v2(Bucket=bucket)["Contents"]]

    def read(part: str) -> list[Any]:
        found = [key for key in keys if part in key]
        return [json.loads(platform.s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in found]

    assert [note["input"] for note in read("/lost/")] == [{"prefix": "backfill/mixed/000007.csv"}]
    done_files = [json.loads(row["Output"])["key"] for rows in read("/SUCCEEDED_") for row in rows]
    assert sum("mixed" in key for key in done_files) == 2, "the other files were read"


class Redriven:
    """An execution that has the name of an earlier one, whose notes of unwritten letters still lie there.

    The embedded cloud has no RedriveExecution; what a redrive keeps is the name, and the notes.
    """

    def __init__(self, lab: Lab, files: list[str], noted: list[str], *, queue: bool = True) -> None:
        self.lab, self.bucket, self.name = lab, lab.bucket(), unique("run")
        sqs = lab.platform.target.client("sqs")
        self.queue = sqs.create_queue(QueueName=unique("letters"))["QueueUrl"]
        for name in files:
            self.put(f"backfill/x/{name}.csv", b"")
        for name in noted:
            key = f"backfill/x/{name}.csv"
            # as notes were before they were whole letters, too
            note = {"state": "DetectHistory", "error": "Sandbox.Timedout", "input": {"prefix": key}}
            self.put(f"map-results/fleet_history/lost/{self.name}/{name}", json.dumps(note).encode())
        there = self.queue if queue else self.queue + "-gone"
        machine = lab.machine(fleet_history(lab, self.bucket, there))
        started = lab.states.start_execution(
            stateMachineArn=machine, name=self.name, input='{"prefix": "backfill/x/"}'
        )
        self.done = lab.platform.wait(str(started["executionArn"]), 120)

    def put(self, key: str, body: bytes) -> None:
        self.lab.platform.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def letters(self) -> list[str]:
        """The files in the queue's letters, each with what `ona dlq redrive` needs."""
        found = []
        sqs = self.lab.platform.target.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                assert body["kind"] == "file"
                assert body["state_machine"] == self.lab.platform.target.machines["fleet_history"]
                found.append(body["input"]["prefix"][-10:-4])
        return sorted(found)

    def notes(self) -> int:
        listed = self.lab.platform.s3.list_objects_v2(
            Bucket=self.bucket, Prefix="map-results/fleet_history/lost/"
        )
        return int(listed["KeyCount"])


def test_an_old_note_does_not_fail_a_redriven_execution_whose_files_are_solved(platform: Platform) -> None:
    run = Redriven(Lab(platform), ["000001", "000002"], noted=["000001"])
    assert run.done["status"] == "SUCCEEDED", run.done
    assert run.letters() == []


def test_what_a_redrive_did_not_solve_has_a_letter_and_the_execution_ends_well(platform: Platform) -> None:
    """One file's letter was never written, another's is written now; nothing is noted twice."""
    run = Redriven(Lab(platform), ["000001", "000007", "000207"], noted=["000107", "000307"])
    assert run.done["status"] == "SUCCEEDED", run.done
    assert run.letters() == ["000007", "000107", "000207", "000307"]
    assert run.notes() == 0


def test_while_the_queue_is_gone_notes_stay_and_the_execution_fails(platform: Platform) -> None:
    run = Redriven(Lab(platform), ["000001", "000007"], noted=["000107"], queue=False)
    assert (run.done["status"], run.done["error"]) == ("FAILED", "DeadLetterQueueUnreachable"), run.done
    assert run.notes() == 2


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_thousand_files(platform: Platform) -> None:
    run(platform, 5_000, seconds=1700)
