"""The quick writing of moto's answers finds what moto itself finds, member by member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.serialize import ResponseSerializer

from tests.fakes import quick_moto
from tests.fakes.tables import create_table

ITEM = {
    "job_id": {"S": "wo-1"},
    "empty": {"S": ""},
    "version": {"N": "7"},
    "open": {"BOOL": False},
    "nothing": {"NULL": True},
    "raw": {"B": b"\x00\xff"},
    "parts": {"L": [{"M": {"S": {"N": "1"}}}, {"L": []}]},
    "skills": {"SS": ["a", "b"]},
}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any, Any]]]:
    """Each look at an answer while the test runs: the member, what moto finds, what the quick way finds."""
    pairs: list[tuple[str, Any, Any]] = []

    def both(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
        own = quick_moto.AS_MOTO(self, value, key, shape)
        pairs.append((key, own, quick_moto.get_value(self, value, key, shape)))
        return own

    monkeypatch.setattr(ResponseSerializer, "get_value", both)
    with mock_aws():
        yield pairs


def test_every_member_is_found_as_moto_finds_it(looks: list[tuple[str, Any, Any]]) -> None:
    create_table("tracking", "job_id", {"open-index": ("open", "due_date")})
    tables, queues = boto3.client("dynamodb"), boto3.client("sqs")
    tables.put_item(TableName="tracking", Item={**ITEM, "open": {"S": "yes"}, "due_date": {"S": "2025"}})
    tables.put_item(TableName="tracking", Item={**ITEM, "job_id": {"S": "wo-2"}, "open": {"S": "no"}})
    found = tables.scan(TableName="tracking")["Items"]
    tables.describe_table(TableName="tracking")
    with pytest.raises(tables.exceptions.ResourceNotFoundException):
        tables.scan(TableName="absent")
    url = queues.create_queue(QueueName="letters")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="{}", MessageAttributes={
        "who": {"DataType": "String", "StringValue": "me"}})  # fmt: skip
    queues.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
    queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]  # in XML: other names of members
    boto3.client("sns").publish(TopicArn=topic, Message="hello")

    assert len(found) == 2
    assert found[0]["parts"] == ITEM["parts"]
    assert [look for look in looks if look[1] != look[2]] == []
    assert sum(own is not None for _, own, _ in looks) > 60, "most kinds of answers were looked at"


def test_the_unit_tests_use_it() -> None:
    assert ResponseSerializer.get_value is quick_moto.get_value
    assert boto3.session.Session.client is quick_moto.client


def test_what_is_changed_at_a_client_is_changed_there_only() -> None:
    heard: list[str] = []
    with mock_aws():
        changed, other = boto3.client("sqs"), boto3.client("sqs")
        changed.meta.events.register("before-call", lambda model, **_: heard.append(model.name))
        changed.list_queues = None
        assert other.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert heard == []
        changed.create_queue(QueueName="letters")
        assert heard == ["CreateQueue"]
        elsewhere = boto3.client("sqs", region_name="eu-west-1")
        assert "QueueUrls" not in elsewhere.list_queues(), "another region is another client"
        assert len(boto3.client("sqs").list_queues()["QueueUrls"]) == 1
    with mock_aws():
        assert "QueueUrls" not in boto3.client("sqs").list_queues(), "another test has another cloud"
