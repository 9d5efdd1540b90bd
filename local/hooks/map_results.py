"""What a Distributed Map leaves behind: one record a child, result files by status, a manifest.

Shapes and limits are those of AWS:
docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html

>>> files = result_files([{"Status": "SUCCEEDED", "Output": "1"}, {"Status": "FAILED"}], {})
>>> [(status, body) for status, bodies in files.items() for body in bodies]
[('FAILED', b'[{"Status": "FAILED"}]'), ('SUCCEEDED', b'[{"Status": "SUCCEEDED", "Output": "1"}]')]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

RESULT_FILE_BYTES = 5 * 1024**3
"""Largest result file (AWS: 5 GB); what is more goes into the next file."""
_STATUSES = ("FAILED", "PENDING", "SUCCEEDED")

Record = dict[str, Any]
"""One child execution, as AWS writes it into a result file."""


def now() -> str:
    """The time as result files have it, in UTC to the millisecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def child_arn(execution_arn: str, machine_arn: str, name: str) -> str:
    """The ARN of a child execution.

    >>> machine = "arn:aws:states:eu-west-1:1:stateMachine:m/Map"
    >>> child_arn("arn:aws:states:eu-west-1:1:execution:m:parent", machine, "child")
    'arn:aws:states:eu-west-1:1:execution:m/Map:child'
    """
    begin = ":".join(execution_arn.split(":")[:6])
    return f"{begin}:{machine_arn.split(':')[-1]}:{name}"


def record(arn: str, machine_arn: str, given: Any, started: str) -> Record:
    """A child that has not run yet; `succeeded` and `failed` complete it."""
    return {
        "ExecutionArn": arn,
        "Input": json.dumps(given, default=str, separators=(",", ":")),
        "InputDetails": {"Included": True},
        "Name": arn.rsplit(":", 1)[-1],
        "RedriveCount": 0,
        "StartDate": started,
        "StateMachineArn": machine_arn,
        "Status": "PENDING",
    }


def succeeded(child: Record, output: Any) -> Record:
    """The record of a child that ended well."""
    return {
        **child,
        "Output": json.dumps(output, default=str, separators=(",", ":")),
        "OutputDetails": {"Included": True},
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "Status": "SUCCEEDED",
        "StopDate": now(),
    }


def failed(child: Record, error: str, cause: str, status: str = "FAILED") -> Record:
    """The record of a child that failed, timed out or was aborted."""
    return {
        **child,
        "Cause": cause,
        "Error": error,
        "OutputDetails": {"Included": False},
        "RedriveStatus": "REDRIVABLE_BY_MAP_RUN",
        "Status": status,
        "StopDate": now(),
    }


def transformed(records: Iterable[Record], transformation: str) -> list[Any]:
    """Records by `WriterConfig.Transformation`; a child that failed is always its record.

    >>> done = succeeded(record("a:b", "m", 1, ""), [1, 2])
    >>> transformed([done], "COMPACT"), transformed([done], "FLATTEN")
    ([[1, 2]], [1, 2])
    """
    values: list[Any] = []
    for item in records:
        if transformation == "NONE" or item["Status"] != "SUCCEEDED":
            values.append(item)
            continue
        output = json.loads(item["Output"])
        values.extend(output if transformation == "FLATTEN" and isinstance(output, list) else [output])
    return values


def _bodies(values: list[Any], lines: bool, limit: int) -> Iterator[bytes]:
    """Files of at most `limit` bytes; a single value may be longer than that."""
    first, between, last = ("", "\n", "\n") if lines else ("[", ",", "]")
    group: list[str] = []
    size = 0
    for text in (json.dumps(value, default=str) for value in values):
        length = len(text.encode()) + len(between)
        if group and size + length + 2 > limit:
            yield (first + between.join(group) + last).encode()
            group, size = [], 0
        group.append(text)
        size += length
    if group:
        yield (first + between.join(group) + last).encode()


def result_files(
    records: list[Record], config: dict[str, Any], limit: int | None = None
) -> dict[str, list[bytes]]:
    """Bodies of the result files by status, in the order of their numbers; none where nothing is."""
    limit = RESULT_FILE_BYTES if limit is None else limit
    transformation = config.get("Transformation", "NONE")
    lines = config.get("OutputType", "JSON") == "JSONL"
    groups: dict[str, list[Record]] = {status: [] for status in _STATUSES}
    for item in records:
        groups[item["Status"] if item["Status"] in _STATUSES else "FAILED"].append(item)
    return {
        status: list(_bodies(transformed(group, transformation), lines, limit))
        for status, group in groups.items()
    }


def write(
    s3: Any, place: dict[str, Any], config: dict[str, Any], map_run_arn: str, records: list[Record]
) -> dict[str, Any]:
    """Write result files and manifest under `<Prefix>/<id of the map run>/`; returns the map's output."""
    bucket = str(place["Bucket"])
    prefix = str(place.get("Prefix") or "").rstrip("/")
    base = f"{prefix}/{map_run_arn.split(':')[-1]}".lstrip("/")
    suffix = "jsonl" if config.get("OutputType") == "JSONL" else "json"
    named: dict[str, list[dict[str, Any]]] = {}
    for status, bodies in result_files(records, config).items():
        named[status] = []
        for number, body in enumerate(bodies):
            key = f"{base}/{status}_{number}.{suffix}"
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            named[status].append({"Key": key, "Size": len(body)})
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run_arn, "ResultFiles": named}
    s3.put_object(Bucket=bucket, Key=f"{base}/manifest.json", Body=json.dumps(manifest).encode())
    return {
        "MapRunArn": map_run_arn,
        "ResultWriterDetails": {"Bucket": bucket, "Key": f"{base}/manifest.json"},
    }
