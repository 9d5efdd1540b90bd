"""Asynchronous invocations, whoever hands the event over: retries, throttling, dead letters, destinations.

The tests wait 50 times shorter than AWS (SFN_WAIT_SCALE); the events age as on AWS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

FAILS_SO_OFTEN = (
    "import boto3, os\n"
    "s3 = boto3.client('s3')\n"
    "def handler(e, c):\n"
    "    bucket = os.environ['BUCKET']\n"
    "    made = s3.list_objects_v2(Bucket=bucket)['KeyCount']\n"
    "    s3.put_object(Bucket=bucket, Key=f'{made}', Body=c.aws_request_id.encode())\n"
    "    if made < int(os.environ['FAILS']): raise ValueError('x' * 2000)\n"
    "    return {'fine': True}\n"
)


class Scene:
    """A function that fails so often, its dead-letter queue, its destination, and who may call it."""

    def __init__(self, lab: Lab, *, fails: int, **configuration: Any) -> None:
        self.lab, self.sqs = lab, lab.platform.target.client("sqs")
        self.bucket = lab.bucket()
        (self.letters, letters), (self.records, records) = self._queue(), self._queue()
        self.arn = lab.function(
            FAILS_SO_OFTEN,
            DeadLetterConfig={"TargetArn": letters},
            Environment={"Variables": {"BUCKET": self.bucket, "FAILS": str(fails)}},
        )
        to = {"OnFailure": {"Destination": records}, "OnSuccess": {"Destination": records}}
        lab.functions.put_function_event_invoke_config(
            FunctionName=self.arn, DestinationConfig=to, **configuration
        )

    def _queue(self) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, told["Attributes"]["QueueArn"]

    def admit(self, service: str) -> None:
        self.lab.functions.add_permission(
            FunctionName=self.arn,
            StatementId=service.split(".")[0],
            Action="lambda:InvokeFunction",
            Principal=service,
        )

    def received(self, url: str, seconds: int = 20) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            messages = self.sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            ).get("Messages", [])
            if messages:
                assert len(messages) == 1
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
                return dict(messages[0])
        raise AssertionError(f"nothing came to {url}")

    def is_empty(self, url: str) -> bool:
        return not self.sqs.receive_message(QueueUrl=url).get("Messages")

    def attempts(self) -> list[str]:
        """The request id of each attempt."""
        found = self.lab.platform.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [
            self.lab.platform.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read().decode()
            for item in found
        ]


def by_rule(scene: Scene) -> None:
    events, source = scene.lab.platform.target.client("events"), unique("source")
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "f", "Arn": scene.arn, "InputPath": "$.detail"}])
    scene.admit("events.amazonaws.com")
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": '{"a": 1}'}])


def by_topic(scene: Scene) -> None:
    sns = scene.lab.platform.target.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    scene.admit("sns.amazonaws.com")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=scene.arn)
    sns.publish(TopicArn=topic, Message='{"a": 1}')


def by_bucket(scene: Scene) -> None:
    s3, bucket = scene.lab.platform.s3, scene.lab.bucket()
    scene.admit("s3.amazonaws.com")
    wanted = {"LambdaFunctionArn": scene.arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [wanted]}
    )
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")


def by_invoke(scene: Scene) -> None:
    scene.lab.functions.invoke(FunctionName=scene.arn, InvocationType="Event", Payload=b'{"a": 1}')


WAYS: dict[str, tuple[Callable[[Scene], None], Callable[[Any], Any]]] = {
    "rule": (by_rule, lambda event: event["a"]),
    "topic": (by_topic, lambda event: json.loads(event["Records"][0]["Sns"]["Message"])["a"]),
    "bucket": (by_bucket, lambda event: len(event["Records"][0]["s3"]["object"]["key"])),
    "invoke": (by_invoke, lambda event: event["a"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_event_is_tried_three_times_and_then_a_letter_and_a_record(lab: Lab, way: str) -> None:
    send, content = WAYS[way]
    scene = Scene(lab, fails=9)
    send(scene)
    letter = scene.received(scene.letters)
    told = {name: item["StringValue"] for name, item in letter["MessageAttributes"].items()}
    assert content(json.loads(letter["Body"])) == 1, "the event alone"
    assert (told["ErrorCode"], told["ErrorMessage"]) == ("200", "x" * 1024)
    assert letter["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"
    assert scene.attempts() == [told["RequestID"]] * 3, "all attempts have one request id"
    record = json.loads(scene.received(scene.records)["Body"])
    assert content(record["requestPayload"]) == 1
    assert record["requestContext"] == {
        "requestId": told["RequestID"],
        "functionArn": f"{scene.arn}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_one_that_succeeds_in_the_end_has_no_letter(lab: Lab) -> None:
    scene = Scene(lab, fails=2)
    by_rule(scene)
    record = json.loads(scene.received(scene.records)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert (record["responsePayload"], len(scene.attempts())) == ({"fine": True}, 3)
    assert scene.is_empty(scene.letters)


@pytest.mark.parametrize("retries", [0, 1])
def test_as_many_retries_as_are_configured(lab: Lab, retries: int) -> None:
    scene = Scene(lab, fails=9, MaximumRetryAttempts=retries)
    by_rule(scene)
    scene.received(scene.letters)
    assert len(scene.attempts()) == retries + 1


def test_an_event_that_grew_too_old_is_given_up(lab: Lab) -> None:
    """One minute is over before the second retry, which is due after three."""
    scene = Scene(lab, fails=9, MaximumEventAgeInSeconds=90)
    by_rule(scene)
    record = json.loads(scene.received(scene.records)["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert (record["requestContext"]["approximateInvokeCount"], len(scene.attempts())) == (2, 2)
    assert scene.received(scene.letters)["Body"] == '{"a": 1}'


def test_a_closed_functions_event_is_a_letter_without_an_attempt(lab: Lab) -> None:
    scene = Scene(lab, fails=0)
    lab.functions.put_function_concurrency(FunctionName=scene.arn, ReservedConcurrentExecutions=0)
    by_rule(scene)
    letter = scene.received(scene.letters)
    assert (letter["Body"], scene.attempts()) == ('{"a": 1}', [])
    assert letter["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"


def test_a_letter_that_the_role_may_not_send_is_dropped(lab: Lab) -> None:
    scene = Scene(lab, fails=9, MaximumRetryAttempts=0)
    role = lab.role([{"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}])
    lab.functions.update_function_configuration(FunctionName=scene.arn, Role=role)
    by_rule(scene)
    deadline = time.monotonic() + 20
    while not scene.attempts() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    assert scene.is_empty(scene.letters)
    assert scene.is_empty(scene.records)
