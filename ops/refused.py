"""Which refused files are so still: neither read again since, nor replaced, nor put aside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import file_id
from ona.store.layout import OUTCOME
from ops.accounting import Outcome
from ops.target import Target

BEGINNING = "quarantine#"
"""How the alert of a refused file is named: then come its key and its version's id."""


MOST = 300
"""So many refused files are looked at, the newest (ours): two calls or three each, a few seconds on AWS."""
READERS = 16
"""So many are looked at at once (ours)."""


@dataclass(frozen=True)
class Still:
    """The keys of the files that are refused still, and of how many older ones nobody asked."""

    keys: list[str]
    older: int


def still(target: Target, alert_ids: Iterable[str]) -> Still:
    """Which files are still refused, of these alerts, the newest first. Raises botocore's errors."""
    named = (one.removeprefix(BEGINNING).rpartition("#") for one in alert_ids if one.startswith(BEGINNING))
    newest = list(islice(named, MOST))
    older = sum(1 for _ in named)
    target.client("s3")  # made once, before several want it
    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(lambda one: _is_refused(target, one[0], one[2]), newest))
    return Still(sorted({one[0] for one, refused in zip(newest, found, strict=True) if refused}), older)


def _is_refused(target: Target, key: str, version: str) -> bool:
    outcome = _outcome(target, key, version)
    if outcome is not None and outcome.told[0] != "quarantined":
        return False
    pages = target.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=target.input_bucket, Prefix=key):
        for other in page.get("Versions", []):  # the newest first
            if other["Key"] != key:
                return True  # by key: what comes after it has another, longer one
            number = other["VersionId"] if other["VersionId"] != "null" else ""
            if number == version:
                return True
            newer = _outcome(target, key, number)
            if newer is not None and newer.told[0] == "done":
                return False
    return True


def _outcome(target: Target, key: str, version: str) -> Outcome | None:
    """What came of a version of a file; None where that is not known."""
    s3 = target.client("s3")
    where = OUTCOME.build(file_id=file_id(target.input_bucket, key, version))
    try:
        body = s3.get_object(Bucket=target.output_bucket, Key=where)["Body"].read()
        outcome: Outcome = Outcome.read(json.loads(body), where)
    except (s3.exceptions.NoSuchKey, InvalidPayload, ValueError):
        return None
    return outcome
