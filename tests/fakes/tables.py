"""The buckets and tables that repairs use, on moto's DynamoDB and S3."""

from __future__ import annotations

import threading
from typing import Any

import boto3
import pytest
from moto.dynamodb.responses import DynamoHandler

IN, OUT = "ona-test-input", "ona-test-output"
ENVIRONMENT = {
    "INPUT_BUCKET": IN,
    "OUTPUT_BUCKET": OUT,
    "CREWS_TABLE": "crews",
    "TRACKING_TABLE": "tracking",
    "OUTBOX_TABLE": "outbox",
    "ALERTS_TOPIC_ARN": "arn:aws:sns:af-south-1:123456789012:alerts",
    "SUBSCRIBERS_TOPIC_ARN": "arn:aws:sns:af-south-1:123456789012:subscribers",
}
TABLES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "crews": ("crew_id", {}),
    "tracking": (
        "job_id",
        {"customer-index": ("customer_id", "created_at"), "open-index": ("open", "due_date")},
    ),
    "outbox": ("delivery_id", {"due-index": ("lane", "next_at")}),
}
"""Table: its key, and its indexes with their hash and range keys."""


def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB's calls are atomic. Moto's transactions copy whole tables, which breaks where another thread
    writes meanwhile."""
    lock, call = threading.RLock(), DynamoHandler.call_action

    def atomic(handler: DynamoHandler) -> Any:
        with lock:
            return call(handler)

    monkeypatch.setattr(DynamoHandler, "call_action", atomic)


def create() -> None:
    """Make the buckets and tables, empty."""
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    for table, (key, indexes) in TABLES.items():
        create_table(table, key, indexes, dynamodb)
    for bucket in (IN, OUT):
        where = {"LocationConstraint": "af-south-1"}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)


def create_table(
    table: str, key: str, indexes: dict[str, tuple[str, str]] | None = None, dynamodb: Any = None
) -> None:
    """Make a table, empty; its keys are texts. `indexes`: as in `TABLES`. `dynamodb`: a client, if any."""
    indexes = indexes or {}
    attributes = [key, *(name for pair in indexes.values() for name in pair)]
    more: dict[str, Any] = {}
    if indexes:
        more["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": one, "KeyType": "HASH"},
                    {"AttributeName": two, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, (one, two) in indexes.items()
        ]
    (dynamodb or boto3.client("dynamodb")).create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        **more,
    )
