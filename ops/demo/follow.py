"""Run now what a timer would run, and wait for the loop's executions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ona.runtime.words import counted
from ops.target import OpsError, Target


class Follower:
    """The loop's executions, asked for again and again."""

    def __init__(self, target: Target) -> None:
        self.states, self.machine = target.client("stepfunctions"), target.machine

    def counts(self) -> tuple[int, int]:
        """How many executions there are, and how many of them run."""
        total = running = 0
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        for page in pages:
            total += len(page["executions"])
            running += sum(item["status"] == "RUNNING" for item in page["executions"])
        return total, running

    def wait(
        self, wanted: int, what: str, patience_s: float, seen: Callable[[int], None] = lambda _: None
    ) -> None:
        """Wait until so many executions have begun and all have ended; `seen` gets how many have ended.

        A busy machine is slow and goes on: patience is counted from the execution that ended last.
        Raises OpsError, which names `what`, when none ended within `patience_s` seconds.
        """
        ended, since = -1, time.monotonic()
        while True:
            total, running = self.counts()
            seen(max(total - running, 0))
            if total >= wanted and not running:
                return
            if total - running != ended:
                ended, since = total - running, time.monotonic()
            elif time.monotonic() - since > patience_s:
                left = counted(max(wanted - total, 0) + running, "execution")
                raise OpsError(f"{what}: {left} did not end; none ended in the last {patience_s:g} s")
            time.sleep(0.1)


def run_task(target: Target, function: str, task: str) -> dict[str, Any]:
    """Run a function's scheduled task now and return its answer. Raises OpsError when it fails."""
    answer = target.client("lambda").invoke(
        FunctionName=target.function(function), Payload=json.dumps({"task": task}).encode()
    )
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or "errorType" in payload:
        raise OpsError(f"{function}, task {task}: {payload}")
    return payload
