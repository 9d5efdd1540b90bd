"""The buckets and tables that repairs use, on moto's DynamoDB and S3."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.s3.models import s3_backends

REGION = "af-south-1"
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
    for table, (key, indexes) in TABLES.items():
        create_table(table, key, indexes)
    for bucket in (IN, OUT):
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)


def create_table(table: str, key: str, indexes: dict[str, tuple[str, str]] | None = None) -> None:
    """Make a table, empty; its keys are texts. `indexes`: as in `TABLES`.

    In moto's store itself, as CreateTable does it: by calls, a test's tables cost a tenth of a second.
    """
    indexes = indexes or {}
    attributes = [key, *(name for pair in indexes.values() for name in pair)]
    dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].create_table(
        table,
        schema=[{"AttributeName": key, "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
        global_indexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": one, "KeyType": "HASH"},
                    {"AttributeName": two, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, (one, two) in indexes.items()
        ],
        indexes=[],
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
