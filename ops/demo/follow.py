"""Run now what a timer would run, and wait for the files that go through the loop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ona.runtime.words import counted
from ona.store.layout import OUTCOME
from ops.target import LIVE, OpsError, Target


class Follower:
    """The loop's files, asked for again and again.

    An execution may be a file's or a site's day's. A file has ended when its outcome is there, or when an
    execution failed.
    """

    def __init__(self, target: Target) -> None:
        self.states, self.machine = target.client("stepfunctions"), target.machine
        self.s3, self.bucket = target.client("s3"), target.output_bucket

    def counts(self) -> tuple[int, int]:
        """How many files have ended, and how many executions run."""
        failed = running = 0
        for page in self.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine):
            states = [item["status"] for item in page["executions"]]
            running += states.count("RUNNING")
            failed += len(states) - states.count("RUNNING") - states.count("SUCCEEDED")
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=OUTCOME.prefix()
        )
        return failed + sum(page["KeyCount"] for page in pages), running

    def wait(
        self, wanted: int, what: str, patience_s: float, seen: Callable[[int], None] = lambda _: None
    ) -> None:
        """Wait until so many files have ended and no execution runs; `seen` gets how many have ended.

        A busy machine is slow and goes on: patience is counted from the file that ended last.
        Raises OpsError, which names `what`, when none ended within `patience_s` seconds.
        """
        before, since = -1, time.monotonic()
        while True:
            ended, running = self.counts()
            seen(ended)
            if ended >= wanted and not running:
                return
            if ended != before:
                before, since = ended, time.monotonic()
            elif time.monotonic() - since > patience_s:
                left = counted(max(wanted - ended, 0) or running, "file" if ended < wanted else "execution")
                raise OpsError(f"{what}: {left} did not end; none ended in the last {patience_s:g} s")
            time.sleep(0.1)


def run_task(target: Target, function: str, task: str) -> dict[str, Any]:
    """Run a function's scheduled task now and return its answer. Raises OpsError when it fails."""
    answer = target.client("lambda").invoke(
        FunctionName=target.function(function), Qualifier=LIVE, Payload=json.dumps({"task": task}).encode()
    )
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or "errorType" in payload:
        raise OpsError(f"{function}, task {task}: {payload}")
    return payload
