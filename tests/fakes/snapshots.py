"""What tables and buckets hold, taken once and put back for each test that begins with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

AT_ONCE = 25
"""Items of one call (DynamoDB)."""


@dataclass(frozen=True)
class Snapshot:
    """Items by table, and bodies with their types by bucket and key."""

    items: dict[str, list[dict[str, Any]]]
    objects: dict[tuple[str, str], tuple[bytes, str]]

    @classmethod
    def taken(cls) -> Snapshot:
        """Of all tables and buckets of the account."""
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        items = {
            name: dynamodb.scan(TableName=name)["Items"] for name in dynamodb.list_tables()["TableNames"]
        }
        objects = {}
        for bucket in (entry["Name"] for entry in s3.list_buckets()["Buckets"]):
            for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                found = s3.get_object(Bucket=bucket, Key=entry["Key"])
                objects[bucket, entry["Key"]] = found["Body"].read(), found["ContentType"]
        return cls(items, objects)

    def put_back(self) -> None:
        """Into tables and buckets that are there."""
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        for table, items in self.items.items():
            for begin in range(0, len(items), AT_ONCE):
                puts = [{"PutRequest": {"Item": item}} for item in items[begin : begin + AT_ONCE]]
                dynamodb.batch_write_item(RequestItems={table: puts})
        for (bucket, key), (body, kind) in self.objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
