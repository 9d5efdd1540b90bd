"""Restart what hangs, or what failed: one execution, or all in which nothing happens any more."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ona.runtime.clock import utc_now
from operations.config.emergency import emergency
from ops.emergency import rules, running
from ops.emergency.running import Running
from ops.target import OpsError, Target

ERROR = "Ona.Restarted"
"""The error of an execution that was stopped to be started again."""
_COMPARED = 100
"""So many of the last executions that succeeded are compared with (ours)."""
_END_S = 10.0
"""Seconds to wait until an execution that was stopped has ended (ours)."""


@dataclass(frozen=True)
class Hanging:
    """An execution in which nothing happens any more."""

    running: Running
    still_s: float
    """For how long nothing has happened in it."""
    limit_s: float


def hanging(target: Target, machines: Collection[str], now: datetime | None = None) -> list[Hanging]:
    """What runs, and in which nothing has happened for longer than is usual; the stillest first.

    Usual is by the last executions of the same workflow that succeeded. One of which none has succeeded is
    compared with nothing, and not named. In the embedded cloud an execution's history appears when it ends:
    there its whole age counts, also while it waits for its turn.
    """
    now, states, found = now or utc_now(), target.client("stepfunctions"), []
    for machine in machines:
        left = running.running(target, [machine])
        usual = _usual_s(target, machine) if left else None
        if usual is None:
            continue
        limit = max(emergency().hanging_times * usual, emergency().hanging_least_s)
        for item in left:
            last = states.get_execution_history(executionArn=item.arn, reverseOrder=True, maxResults=1)
            since = max([item.started, *(event["timestamp"] for event in last["events"])])
            still = (now - since).total_seconds()
            if still > limit:
                found.append(Hanging(item, still, limit))
    return sorted(found, key=lambda item: -item.still_s)


def _usual_s(target: Target, machine: str) -> float | None:
    """How long 95 % of the last executions that succeeded took, s; None where none has."""
    listed = target.client("stepfunctions").list_executions(
        stateMachineArn=machine, statusFilter="SUCCEEDED", maxResults=_COMPARED
    )["executions"]
    took = sorted((item["stopDate"] - item["startDate"]).total_seconds() for item in listed)
    return took[int(0.95 * (len(took) - 1))] if took else None


def restart(target: Target, arn: str, why: str) -> str:
    """Start an execution again: stop it where it runs, take its letter away. The ARN of what runs now.

    Raises OpsError for one that succeeded.
    """
    states = target.client("stepfunctions")
    described = states.describe_execution(executionArn=arn)
    name = str(described["name"])
    if described["status"] == "SUCCEEDED":
        raise OpsError(f"{name} succeeded; `ona reprocess` does its file again")
    if not rules.named(described["stateMachineArn"]):
        raise OpsError(f"{name} is of no workflow of this platform")
    ran = described["status"] == "RUNNING"
    if ran:
        states.stop_execution(executionArn=arn, error=ERROR, cause=f"{why}; started again")
        end = time.monotonic() + _END_S
        while described["status"] == "RUNNING" and time.monotonic() < end:
            described = states.describe_execution(executionArn=arn)
    started = running.again(target, described)
    if ran:
        running.without_letters(target, {arn})
    else:
        running.without_letters(target, {arn}, wait_s=0)
    return started
