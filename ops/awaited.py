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
from ops.target import Target

PATIENCE_S = 300.0
"""So long is waited for a file (ours): the loop takes seconds, and a busy machine a minute."""
LOOK_S, LONGEST_LOOK_S, AT_ONCE = 1.0, 10.0, 20
"""So often it is looked, at first and at last, and so many failed executions of a workflow are looked at,
the newest (ours). Step Functions answers some five lists a second for all (Developer Guide, "Quotas")."""


@dataclass(frozen=True)
class End:
    """What became of a file. `good`: nobody needs to do anything about it; `remedy`: what mends it."""

    good: bool
    text: str
    remedy: str = ""


def ends(target: Target, versions: Mapping[str, str]) -> dict[str, End]:
    """What became of each file, by its key. `versions`: the version id that S3 gave to each key."""
    found: dict[str, End] = {}
    failed = _Failed(target)
    deadline, pause_s = time.monotonic() + PATIENCE_S, LOOK_S
    while True:
        for key, version in versions.items():
            if key not in found and (end := _end(failed, key, version)) is not None:
                found[key] = end
        if len(found) == len(versions):
            return found
        if time.monotonic() >= deadline:
            late = End(False, f"not done after {PATIENCE_S:g} s; it goes on: ona status, ona executions")
            return {key: found.get(key, late) for key in versions}
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, LONGEST_LOOK_S)


def _end(failed: _Failed, key: str, version: str) -> End | None:
    target = failed.target
    s3 = target.client("s3")
    where = OUTCOME.build(file_id=file_id(target.input_bucket, key, version))
    try:
        body = s3.get_object(Bucket=target.output_bucket, Key=where)["Body"].read()
        outcome: accounting.Outcome = accounting.Outcome.read(json.loads(body), where)
    except s3.exceptions.NoSuchKey:
        return failed.end(key, version)
    except (InvalidPayload, ValueError) as error:
        return End(False, f"its outcome cannot be read: {error}")
    state, detail = outcome.told
    return End(state == "done", f"{state}: {detail}" if detail else state, outcome.remedy)


class _Failed:
    """The executions that failed. Each is asked once what it worked on."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._seen: dict[str, tuple[tuple[str, str], End]] = {}

    def end(self, key: str, version: str) -> End | None:
        """The failure of the execution that worked on a version of a file; None while there is none."""
        machine = self.target.starts(key)
        if machine is None:
            return End(False, "no rule takes it: a file's name ends in .csv or .CSV")
        states = self.target.client("stepfunctions")
        for status in FAILED:
            asked: dict[str, Any] = {"stateMachineArn": machine, "statusFilter": status}
            for one in states.list_executions(**asked, maxResults=AT_ONCE)["executions"]:
                arn = one["executionArn"]
                if arn not in self._seen:
                    described = states.describe_execution(executionArn=arn)
                    why = f"failed: {explain.failure(described, status)}"
                    end = End(False, why, f"mend the cause, then ona dlq redrive; {one['name']}")
                    self._seen[arn] = accounting.source_of(json.loads(described.get("input") or "{}")), end
                if self._seen[arn][0] == (key, version):
                    return self._seen[arn][1]
        return None
