"""A world for reconciliation: queues of dead letters, a clock for objects, ways to look at all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from ona.store import s3, tables
from ona.store.s3 import Entry
from ona.store.tables import to_item
from ooda.reconcile import store
from ooda.reconcile.handler import reconcile
from ooda.reconcile.report import ReconcileReport, ReconcileRequest
from tests.builders.plans import NOW
from tests.fakes.tables import OUT

LATER = NOW + timedelta(minutes=190)
"""When reconciliation comes: all that was made at NOW is older than every grace."""
QUEUES = {"DEAD_LETTERS_URL": "letters", "OUTBOX_DEAD_LETTERS_URL": "outbox-letters"}
KEYS = {"tracking": "job_id", "outbox": "delivery_id", "crews": "crew_id"}
"""Each table's key."""


class Reconciling:
    """The tables, objects and queues that reconciliation compares. `written`: when an object was written,
    where that was not at NOW. What was read of an object is kept by its ETag, the digest of its bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: dict[str, datetime] = {}
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.s3, self.sqs, self.dynamodb = (boto3.client(name) for name in ("s3", "sqs", "dynamodb"))
        listing = s3.list_keys

        def at_our_time(bucket: str, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
            for entry in listing(bucket, prefix, start_after=start_after):
                yield {**entry, "LastModified": self.written.get(entry["Key"], NOW)}

        monkeypatch.setattr(s3, "list_keys", at_our_time)
        monkeypatch.setattr(store, "WAIT_S", 0)
        self.urls = {
            name: self.sqs.create_queue(QueueName=queue)["QueueUrl"] for name, queue in QUEUES.items()
        }
        for name, url in self.urls.items():
            monkeypatch.setenv(name, url)

    def run(self, task: str = "repair", now: datetime = LATER) -> ReconcileReport:
        """What the timer does every hour."""
        request = ReconcileRequest.read({"task": task})
        return reconcile(request, now, left=lambda: 1000.0)

    def send(self, body: Any, queue: str = "DEAD_LETTERS_URL") -> None:
        """Put a message into a queue of dead letters."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=text)

    def items(self, table: str) -> dict[str, dict[str, Any]]:
        """All items of a table by key."""
        return {str(item[KEYS[table]]): item for item in tables.scan(table)}

    def delete(self, table: str, key: str) -> None:
        """An item less."""
        self.dynamodb.delete_item(TableName=table, Key=to_item({KEYS[table]: key}))

    def put(self, key: str, body: bytes) -> None:
        """An object of the output bucket."""
        self.s3.put_object(Bucket=OUT, Key=key, Body=body)

    def erase(self, key: str) -> None:
        """An object less."""
        self.s3.delete_object(Bucket=OUT, Key=key)

    def objects(self) -> dict[str, bytes]:
        """All objects of the output bucket."""
        found = {}
        for item in self.s3.list_objects_v2(Bucket=OUT).get("Contents", []):
            key, version = item["Key"], (item["Key"], item["ETag"])
            if version not in self.bodies:
                self.bodies[version] = self.s3.get_object(Bucket=OUT, Key=key)["Body"].read()
            found[key] = self.bodies[version]
        return found

    def state(self) -> dict[str, Any]:
        """Everything, to compare before and after; notices to the operators apart."""
        outbox = {k: v for k, v in self.items("outbox").items() if not k.startswith("reconcile#")}
        return {
            "tracking": self.items("tracking"),
            "crews": self.items("crews"),
            "outbox": outbox,
            "objects": self.objects(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put everything back as `state` had it."""
        for table in KEYS:
            present = self.items(table)
            for key in present.keys() - state[table].keys():
                self.delete(table, key)
            for key, item in state[table].items():
                if present.get(key) != item:
                    tables.put(table, item)
        objects = self.objects()
        for key in objects.keys() - state["objects"].keys():
            self.erase(key)
        for key, body in state["objects"].items():
            if objects.get(key) != body:
                self.put(key, body)
        for url in self.urls.values():
            while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                "Messages"
            ):
                for message in messages:
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.written.clear()
