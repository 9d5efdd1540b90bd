"""Asynchronous invocations over a kill: one that was accepted runs, and one that waits goes on waiting."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import cloud
from tests.fakes.roles import almighty

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("restart")]

CODE = (
    "import boto3, time, uuid\n"
    "s3 = boto3.client('s3')\n"
    "def handler(event, context):\n"
    "    event = event if 'Records' not in event else __import__('json').loads("
    "event['Records'][0]['Sns']['Message'])\n"
    "    key = f\"{event['name']}/{uuid.uuid4()}\"\n"
    "    s3.put_object(Bucket='bucket', Key=key, Body=context.aws_request_id.encode())\n"
    "    made = s3.list_objects_v2(Bucket='bucket', Prefix=event['name'] + '/')['KeyCount']\n"
    "    if made <= event['fails']: raise ValueError('not yet')\n"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    cloud.stop(tmp_path / "home", kill=True)


def start(home: Path, scale: str) -> cloud.Cloud:
    return cloud.start(home, port=cloud.free_port(0), extra_environment={"SFN_WAIT_SCALE": scale})


def prepare(running: cloud.Cloud, **settings: Any) -> str:
    """A function; returns its ARN."""
    place = {"LocationConstraint": cloud.REGION}
    running.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration=place)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", CODE)
    functions = running.client("lambda")
    made = functions.create_function(
        FunctionName="fn",
        Runtime="python3.11",
        Handler="index.handler",
        Role=almighty(running.client("iam")),
        Timeout=60,
        Code={"ZipFile": package.getvalue()},
        **settings,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="fn")
    return str(made["FunctionArn"])


def attempts(running: cloud.Cloud, name: str, wanted: int, seconds: float = 60) -> list[str]:
    """The request ids of an event's attempts, when there are so many."""
    s3, deadline = running.client("s3"), time.monotonic() + seconds
    while True:
        found = s3.list_objects_v2(Bucket="bucket", Prefix=f"{name}/").get("Contents", [])
        if len(found) >= wanted or time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    return [s3.get_object(Bucket="bucket", Key=item["Key"])["Body"].read().decode() for item in found]


def test_an_event_that_waits_for_its_retry_is_tried_again_after_a_kill(home: Path) -> None:
    """Killed between the first attempt and the second; the second and third come as if nothing was."""
    running = start(home, "0.1")
    url = running.client("sqs").create_queue(QueueName="letters")["QueueUrl"]
    told = running.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    prepare(running, DeadLetterConfig={"TargetArn": told["Attributes"]["QueueArn"]})
    for name, fails in (("never", 9), ("in the end", 2)):
        event = json.dumps({"name": name, "fails": fails})
        running.client("lambda").invoke(FunctionName="fn", InvocationType="Event", Payload=event)
    first = {name: attempts(running, name, 1) for name in ("never", "in the end")}
    time.sleep(1)  # the pause is noted: within 0.1 s
    cloud.stop(home, kill=True)
    running = start(home, "0.02")
    for name, seen in first.items():
        assert len(seen) == 1
        assert attempts(running, name, 3) == seen * 3, "one request id, and no attempt counted twice"
    sqs, url = running.client("sqs"), running.client("sqs").get_queue_url(QueueName="letters")["QueueUrl"]
    letters = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(letter["Body"])["name"] for letter in letters] == ["never"]


def test_what_a_rule_or_a_topic_accepted_runs_after_a_kill(home: Path) -> None:
    """Killed right after PutEvents and Publish were answered; nothing was seen to run before."""
    running = start(home, "0.02")
    arn = prepare(running)
    events, sns = running.client("events"), running.client("sns")
    for service in ("events", "sns"):
        running.client("lambda").add_permission(
            FunctionName="fn",
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
        )
    events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "f", "Arn": arn, "InputPath": "$.detail"}])
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    for name in ("a", "b", "c", "d"):
        sns.publish(TopicArn=topic, Message=json.dumps({"name": f"topic {name}", "fails": 0}))
        detail = json.dumps({"name": f"rule {name}", "fails": 0})
        events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": detail}])
    cloud.stop(home, kill=True)
    running = start(home, "0.02")
    for name in ("a", "b", "c", "d"):
        for kind in ("rule", "topic"):
            assert attempts(running, f"{kind} {name}", 1), f"{kind} {name} did not run"
