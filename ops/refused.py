"""Which refused files are so still: neither read again since, nor replaced, nor put aside."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import file_id
from ona.store.layout import OUTCOME
from ops.accounting import Outcome
from ops.target import Target

BEGINNING = "quarantine#"
"""How the alert of a refused file is named: then come its key and its version's id."""


def still(target: Target, alert_ids: Iterable[str]) -> list[str]:
    """The keys of the files that are still refused, of these alerts. Raises botocore's errors."""
    named = [one.removeprefix(BEGINNING).rpartition("#") for one in alert_ids if one.startswith(BEGINNING)]
    return sorted({key for key, _, version in named if _is_refused(target, key, version)})


def _is_refused(target: Target, key: str, version: str) -> bool:
    outcome = _outcome(target, key, version)
    if outcome is not None and outcome.told[0] != "quarantined":
        return False
    pages = target.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=target.input_bucket, Prefix=key):
        for other in page.get("Versions", []):  # the newest first
            if other["Key"] != key:
                continue
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
