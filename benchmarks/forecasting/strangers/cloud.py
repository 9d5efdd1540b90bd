"""S3 and DynamoDB as dictionaries, as far as forecasting calls them; conditional writes hold."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from bisect import bisect_left, insort
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]
HORIZON_H = 36
"""Hours of a forecast here: the day after it is scored; the longest one would cost four times the CPU."""
ENVIRONMENT = {
    "OUTPUT_BUCKET": "output",
    "INPUT_BUCKET": "input",
    "LOCATIONS_TABLE": "locations",
    "WEATHER_CACHE_TABLE": "weather",
    "CUSTOMERS_TABLE": "customers",
    "TRACKING_TABLE": "tracking",
    "ONA_ENVIRONMENT": "dev",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "AWS_DEFAULT_REGION": "af-south-1",
}


class Cloud:
    """Objects by bucket and key, items by table and key."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, str, datetime]] = {}
        self.names: dict[str, list[str]] = {}
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object."""
        self.put_object(bucket, key, body)

    def put_json(self, bucket: str, key: str, document: Any) -> None:
        """Write a document."""
        self.put(bucket, key, json.dumps(document).encode())

    def get_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body, etag, when = self.objects[Bucket, Key]
        return {"Body": io.BytesIO(body), "ETag": etag, "ContentLength": len(body), "LastModified": when}

    def head_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        return self.get_object(Bucket, Key)

    def put_object(  # noqa: D102
        self,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfMatch: str = "",  # noqa: N803
        IfNoneMatch: str = "",  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        there = self.objects.get((Bucket, Key))
        if (IfNoneMatch and there) or (IfMatch and (there is None or there[1] != IfMatch)):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self._clock += timedelta(seconds=1)
        if there is None:
            insort(self.names.setdefault(Bucket, []), Key)
        etag = f'"{md5(Body, usedforsecurity=False).hexdigest()}"'
        self.objects[Bucket, Key] = (bytes(Body), etag, self._clock)
        return {"ETag": etag}

    def delete_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        if self.objects.pop((Bucket, Key), None) is not None:
            self.names[Bucket].remove(Key)
        return {}

    def get_paginator(self, name: str) -> Any:  # noqa: D102
        return _Pages(self, name)

    def put_item(self, TableName: str, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        self.items[TableName, next(iter(Item["location_timestamp"].values()))] = Item
        return {}

    def batch_get_item(self, RequestItems: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        answers = {}
        for table, asked in RequestItems.items():
            keys = [next(iter(next(iter(key.values())).values())) for key in asked["Keys"]]
            answers[table] = [self.items[table, key] for key in keys if (table, key) in self.items]
        return {"Responses": answers}


class _Pages:
    """A listing in one page."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name

    def paginate(
        self,
        Bucket: str = "",  # noqa: N803
        Prefix: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        if self.name != "list_objects_v2":
            yield {"Items": []}
            return
        names, found = self.cloud.names.get(Bucket, []), []
        for key in names[bisect_left(names, Prefix) :]:
            if not key.startswith(Prefix):
                break
            if key > StartAfter:
                body, etag, when = self.cloud.objects[Bucket, key]
                found.append({"Key": key, "ETag": etag, "LastModified": when, "Size": len(body)})
        yield {"Contents": found}


@contextmanager
def configured() -> Iterator[None]:
    """The environment of the functions, with this checkout's configuration but a short horizon."""
    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder) / "configs"
        shutil.copytree(ROOT / "configs", configs)
        path = configs / "forecasting" / "forecasting.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["forecast"] |= {"max_horizon_hours": HORIZON_H, "default_horizon_hours": HORIZON_H}
        path.write_text(yaml.safe_dump(settings))
        os.environ.update(ENVIRONMENT, ONA_CONFIG_DIR=str(configs))
        yield


@contextmanager
def talking_to(cloud: Cloud) -> Iterator[None]:
    """The functions talk to these dictionaries."""
    from forecasting.forecasting_api import api, generate, predict, tasks  # noqa: F401
    from forecasting.global_training_service import handler  # noqa: F401
    from ona.runtime import aws
    from ona.sky import weather_cache  # noqa: F401

    before = aws.client
    holders = [module for module in sys.modules.values() if vars(module).get("client") is before]
    for module in holders:
        module.client = lambda _service: cloud  # type: ignore[attr-defined]
    try:
        with redirect_stdout(io.StringIO()):  # metrics are written there
            yield
    finally:
        for module in holders:
            module.client = before  # type: ignore[attr-defined]
