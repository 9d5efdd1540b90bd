"""What became of files that were just put: done, refused, or failed, as soon as it is known."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import file_id
from ona.store.layout import OUTCOME
from operations.reading.records import FAILED
from ops import accounting, explain
from ops.target import OpsError, Target

PATIENCE_S = 300.0
"""So long is waited for a file (ours): the loop takes seconds, and a busy machine a minute."""
LOOK_S, AT_ONCE = 1.0, 20
"""So often it is looked, and so many failed executions of a workflow are looked at, the newest (ours)."""


@dataclass(frozen=True)
class End:
    """What became of a file. `good`: nobody needs to do anything about it; `remedy`: what mends it."""

    good: bool
    text: str
    remedy: str = ""


def ends(target: Target, versions: Mapping[str, str]) -> dict[str, End]:
    """What became of each file, by its key. `versions`: the version id that S3 gave to each key.

    Raises OpsError where one is not done in time.
    """
    found: dict[str, End] = {}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        for key, version in versions.items():
            if key not in found and (end := _end(target, key, version)) is not None:
                found[key] = end
        if len(found) == len(versions):
            return found
        if time.monotonic() >= deadline:
            left = ", ".join(sorted(set(versions) - set(found)))
            raise OpsError(
                f"not done after {PATIENCE_S:g} s: {left}; it goes on: ona status, ona executions"
            )
        time.sleep(LOOK_S)


def _end(target: Target, key: str, version: str) -> End | None:
    s3 = target.client("s3")
    where = OUTCOME.build(file_id=file_id(target.input_bucket, key, version))
    try:
        body = s3.get_object(Bucket=target.output_bucket, Key=where)["Body"].read()
        outcome: accounting.Outcome = accounting.Outcome.read(json.loads(body), where)
    except s3.exceptions.NoSuchKey:
        return _failed(target, key, version)
    except (InvalidPayload, ValueError) as error:
        return End(False, f"its outcome cannot be read: {error}")
    state, detail = outcome.told
    return End(state == "done", f"{state}: {detail}" if detail else state, outcome.remedy)


def _failed(target: Target, key: str, version: str) -> End | None:
    """The failure of the execution that worked on a version of a file; None while there is none."""
    machine = target.starts(key)
    if machine is None:
        return End(False, "no rule takes it: a file's name ends in .csv or .CSV")
    states = target.client("stepfunctions")
    for status in FAILED:
        asked: dict[str, Any] = {"stateMachineArn": machine, "statusFilter": status}
        for one in states.list_executions(**asked, maxResults=AT_ONCE)["executions"]:
            described = states.describe_execution(executionArn=one["executionArn"])
            if accounting.source_of(json.loads(described.get("input") or "{}")) == (key, version):
                why = explain.failure(described, status)
                return End(False, f"failed: {why}", f"mend the cause, then ona dlq redrive; {one['name']}")
    return None
