"""What became of the items of a Distributed Map: counts, those that failed, where the results lie.

The execution's output has the counts and names the manifest; the results lie in the bucket, because a
hundred thousand of them do not fit into a payload (docs/loop.md). Only files of failed items are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ona.runtime.words import counted
from ops.target import Target

NOT_ACCEPTED = "InvalidTelemetry"
"""The error of a file that was read and refused; every other one is a failure of a step."""
_ITEMS = ("files", "sites")


@dataclass(frozen=True)
class FailedItem:
    """An item whose child execution failed."""

    name: str
    error: str
    cause: str


def counts(output: Any) -> str:
    """The counts of an execution's output in a few words; empty when it is no map's.

    >>> counts({"files": 4, "done": 3, "failed": 1, "results": {}})
    '4 files: 3 done, 1 failed'
    >>> counts({"sites": 2, "failed": 0, "results": {}}), counts({"outcome": "found"})
    ('2 sites: 2 done', '')
    """
    word = next((word for word in _ITEMS if isinstance(output, dict) and word in output), None)
    if word is None or "results" not in output:
        return ""
    failed = int(output["failed"])
    words = [f"{int(output[word]) - failed} done"] + ([f"{failed} failed"] if failed else [])
    return f"{counted(int(output[word]), word[:-1])}: {', '.join(words)}"


def failed_items(target: Target, place: dict[str, str]) -> Iterator[FailedItem]:
    """The items that failed, from the result files that a manifest names."""
    s3 = target.client("s3")

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket=place["bucket"], Key=key)["Body"].read())

    for file in read(place["key"])["ResultFiles"]["FAILED"]:
        for record in read(file["Key"]):
            given = json.loads(record.get("Input") or "{}")
            name = given.get("site_key") or given.get("source", {}).get("key") or record["Name"]
            yield FailedItem(name, record.get("Error") or record["Status"], record.get("Cause") or "")


def summary(output: dict[str, Any], failed: list[FailedItem]) -> list[str]:
    """What to tell of a map: what became of its items, and where the results lie.

    >>> bad = FailedItem("backfill/x.csv", "InvalidTelemetry", "")
    >>> output = {"files": 4, "failed": 1, "results": {"bucket": "b", "key": "k/manifest.json"}}
    >>> summary(output, [bad])
    ['4 files: 3 done, 1 not accepted, 0 failed', 'results: s3://b/k/manifest.json']
    >>> summary({**output, "files": 1}, [bad])[0]
    'nothing was taken in: every file failed, and each has a letter: ona dlq list'
    """
    word = next(word for word in _ITEMS if word in output)
    refused = sum(item.error == NOT_ACCEPTED for item in failed)
    broken = int(output["failed"])
    place = output["results"]
    whole = int(output[word])
    nothing = [f"nothing was taken in: every {word[:-1]} failed, and each has a letter: ona dlq list"]
    return [
        *(nothing if whole and broken == whole else []),
        f"{counted(whole, word[:-1])}: {whole - broken} done, {refused} not accepted, "
        f"{broken - refused} failed",
        f"results: s3://{place['bucket']}/{place['key']}",
    ]
