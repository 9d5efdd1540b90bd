"""Which executions of a workflow failed in a time: when, on which file, with which error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ona.runtime.words import listed
from operations.reading.records import FAILED
from operations.reading.summary import Summary
from ops import accounting
from ops.target import Target

NAMED = 3
"""So many of a workflow's failed executions are named; the others are counted (ours)."""


def told_in(report: Summary, target: Target) -> Summary:
    """A summary whose lines of failed executions name the newest of them."""
    machines = {arn.rpartition(":")[2]: arn for arn in target.machines.values()}
    start, end = report.figures.start, report.figures.end
    findings = [
        one.model_copy(update={"text": f"{one.text}: {listed(names, NAMED)}"})
        if one.about in report.figures.failed
        and one.about in machines
        and (names := newest(target, machines[one.about], start, end))
        else one
        for one in report.findings
    ]
    return report.model_copy(update={"findings": findings})


def newest(target: Target, machine: str, start: datetime, end: datetime) -> list[str]:
    """The executions of a workflow that failed from `start` to before `end`, UTC, in words, the newest
    first; of the first few also the file and the error. Raises botocore's errors."""
    states = target.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate
    ended: list[tuple[datetime, str]] = [
        (one["stopDate"], one["executionArn"])
        for status in FAILED
        for page in pages(stateMachineArn=machine, statusFilter=status)
        for one in page["executions"]
        if one.get("stopDate") and start <= one["stopDate"] < end
    ]
    ended.sort(reverse=True)
    return [
        _in_words(states, at, arn) if place < NAMED else arn.rpartition(":")[2]
        for place, (at, arn) in enumerate(ended)
    ]


def _in_words(states: Any, at: datetime, arn: str) -> str:
    described = states.describe_execution(executionArn=arn)
    key, _ = accounting.source_of(json.loads(described.get("input") or "{}"))
    of = " of ".join(filter(None, (arn.rpartition(":")[2], key)))
    error = f" ({described['error']})" if described.get("error") else ""
    return f"{of} at {at.astimezone(UTC):%H:%M} UTC{error}"
