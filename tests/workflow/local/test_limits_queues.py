"""SQS: what is refused in messages and calls, each beside one that is taken."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def attributes(count: int, value: str = "x", kind: str = "String", name: str = "a") -> dict[str, Any]:
    one = {"DataType": kind, "StringValue": value}
    return {"MessageBody": "b", "MessageAttributes": {f"{name}{index}": one for index in range(count)}}


@pytest.mark.parametrize(
    ("call", "bad", "good"),
    [
        ("send_message", attributes(11), attributes(10)),
        ("send_message", attributes(1, name="aws."), attributes(1, name="awsome.")),
        ("send_message", attributes(1, "x", "Number"), attributes(1, "-1.5e3", "Number")),
        (
            "send_message",
            {**attributes(1), "MessageBody": "b" * (2**20 - 8)},
            {**attributes(1), "MessageBody": "b" * (2**20 - 9)},
        ),
        ("receive_message", {"VisibilityTimeout": 43_201}, {"VisibilityTimeout": 43_200}),
        ("receive_message", {"WaitTimeSeconds": 21}, {"WaitTimeSeconds": 20}),
    ],
)
def test_a_call_is_refused_just_above_its_limit(lab: Lab, call: str, bad: Any, good: Any) -> None:
    queues = lab.platform.target.client("sqs")
    url = queues.create_queue(QueueName=unique("limits"))["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="there")  # nobody waits for twenty seconds
    with pytest.raises(ClientError) as refused:
        getattr(queues, call)(QueueUrl=url, **bad)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    getattr(queues, call)(QueueUrl=url, **good)


@pytest.mark.parametrize(("bad", "good"), [("a.b", "a_b"), ("n" * 81, "n" * 80), ("x.fifo", "x-fifo")])
def test_a_queues_name(lab: Lab, bad: str, good: str) -> None:
    queues = lab.platform.target.client("sqs")
    with pytest.raises(ClientError) as refused:
        queues.create_queue(QueueName=bad)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    queues.delete_queue(QueueUrl=queues.create_queue(QueueName=good)["QueueUrl"])
