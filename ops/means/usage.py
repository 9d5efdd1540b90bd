"""How much of each priced thing was used: from REPORT lines, execution histories and counted calls. Pure.

A `Use` names a price of the price list. So a new kind of usage is a new name there, and no code in `cost`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from operations.config.prices import MEGABYTES

_REPORT = re.compile(r"REPORT RequestId: (\S+)\t")
_STATUS = re.compile(r"\tStatus: (\w+)")
_FIELDS = {
    "duration_ms": re.compile(r"\tDuration: ([\d.]+) ms"),
    "billed_ms": re.compile(r"\tBilled Duration: ([\d.]+) ms"),
    "memory_mb": re.compile(r"\tMemory Size: (\d+) MB"),
    "used_mb": re.compile(r"\tMax Memory Used: (\d+) MB"),
    "start_ms": re.compile(r"\t(?:Init|Restore) Duration: ([\d.]+) ms"),
}
_KEYS = {
    "durationMs": "duration_ms",
    "billedDurationMs": "billed_ms",
    "memorySizeMB": "memory_mb",
    "maxMemoryUsedMB": "used_mb",
    "initDurationMs": "start_ms",
    "restoreDurationMs": "start_ms",
}
"""The same in JSON."""
_CALLS = {
    "s3:PutObject": "s3_put",
    "s3:GetObject": "s3_get",
    "s3:GetObjectVersion": "s3_get",
    "s3:ListBucket": "s3_put",  # "PUT, COPY, POST, LIST requests" have one price
    "dynamodb:PutItem": "dynamodb_write_unit",
    "dynamodb:UpdateItem": "dynamodb_write_unit",
    "dynamodb:DeleteItem": "dynamodb_write_unit",
    "dynamodb:ConditionCheckItem": "dynamodb_write_unit",
    "dynamodb:GetItem": "dynamodb_read_unit",
    "dynamodb:BatchGetItem": "dynamodb_read_unit",
    "dynamodb:Query": "dynamodb_read_unit",
    "dynamodb:Scan": "dynamodb_read_unit",
    "events:PutEvents": "events_event",
    "sns:Publish": "sns_publish",
    "sqs:SendMessage": "sqs_request",
    "sqs:ReceiveMessage": "sqs_request",
    "sqs:DeleteMessage": "sqs_request",
}
"""Which price a call has. One unit a call: a lower bound for large items, transactions and scans."""


@dataclass(frozen=True)
class Use:
    """So many units of the price `what`, by one function, workflow or thing that stands."""

    family: str
    by: str
    what: str
    amount: float


@dataclass(frozen=True)
class Counts:
    """What a day brought: files put, orders opened, forecasts written; and assets that are registered."""

    files: int = 0
    assets: int = 0
    orders: int = 0
    forecasts: int = 0


@dataclass(frozen=True)
class Usage:
    """One day's usage, its counts, and in words what could not be measured."""

    uses: list[Use]
    counts: Counts = Counts()
    unmeasured: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What Lambda says of one invocation: billed milliseconds, memory size in MB."""

    request_id: str
    billed_ms: int
    memory_mb: int

    @property
    def gb_seconds(self) -> float:
        """Memory times billed duration."""
        return self.memory_mb / MEGABYTES * self.billed_ms / 1000


def report_of(message: str) -> Report | None:
    r"""The invocation that a log line reports, in Lambda's text or JSON form; None for every other line.

    >>> line = "REPORT RequestId: 7\tDuration: 9.5 ms\tBilled Duration: 10 ms\tMemory Size: 512 MB\tMax …"
    >>> report_of(line), report_of("START RequestId: 7")
    (Report(request_id='7', billed_ms=10, memory_mb=512), None)
    >>> report_of('{"type": "platform.report", "record": {"requestId": "7", "metrics": '
    ...           '{"billedDurationMs": 10, "memorySizeMB": 512}}}').gb_seconds
    0.005
    """
    line = reported(message)
    if line is None or not line.request_id or not {"billed_ms", "memory_mb"} <= line.metrics.keys():
        return None
    return Report(line.request_id, int(line.metrics["billed_ms"]), int(line.metrics["memory_mb"]))


@dataclass(frozen=True)
class Line:
    """A log line that reports an invocation: the numbers of `_FIELDS` that it has."""

    request_id: str
    status: str
    metrics: dict[str, float]


def reported(message: str) -> Line | None:
    """The same with all that the line says."""
    if head := _REPORT.match(message):
        found = {name: form.search(message) for name, form in _FIELDS.items()}
        status = _STATUS.search(message)
        metrics = {name: float(match[1]) for name, match in found.items() if match}
        return Line(head[1], status[1] if status else "", metrics)
    if '"platform.report"' not in message:
        return None
    try:
        record = json.loads(message)["record"]
        given = record["metrics"]
        metrics = {name: float(given[key]) for key, name in _KEYS.items() if key in given}
        return Line(str(record.get("requestId", "")), str(record.get("status", "")), metrics)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def lambda_uses(family: str, function: str, architecture: str, reports: Iterable[Report]) -> list[Use]:
    """Requests and GB-seconds of one function. An invocation that is reported twice counts once.

    Where Lambda repeats an asynchronous call that failed, each try has a line, with the same request id.
    All of them ran and are billed. Only lines that are equal in all count once.
    """
    each = set(reports)
    return [
        Use(family, function, "lambda_request", len(each)),
        Use(family, function, f"lambda_{architecture}_gb_second", sum(item.gb_seconds for item in each)),
    ]


def transitions(events: Iterable[Mapping[str, Any]]) -> int:
    """State transitions of one execution: each state entered, and each retry ("each retry will be charged
    as an additional state transition", AWS Step Functions pricing).

    >>> transitions([{"type": "TaskStateEntered"}, {"type": "TaskScheduled"}, {"type": "TaskFailed"},
    ...              {"type": "TaskScheduled"}, {"type": "SucceedStateEntered"}])
    3
    """
    kinds = [str(event["type"]) for event in events]
    entered = sum(kind.endswith("StateEntered") for kind in kinds)
    tries = sum(kind in ("TaskScheduled", "LambdaFunctionScheduled") for kind in kinds)
    tasks = sum(kind == "TaskStateEntered" for kind in kinds)
    return entered + max(tries - tasks, 0)


def call_uses(
    allowed: Iterable[tuple[str, str, str, int]],
    stack: str,
    share: Mapping[str, float],
    provisioned: Collection[str] = (),
) -> list[Use]:
    """Calls that the roles of a stack made. `allowed`: role, action, resource, times (`ona roles`).
    `share`: which part of its calls fell on the day, by function or workflow; 1 where nothing is known.
    `provisioned`: names of tables that are paid by the hour, and not by request.

    >>> call_uses([("p-dev-ooda-DetectFunctionRole-8F", "s3:PutObject", "*", 4),
    ...            ("another-role", "s3:PutObject", "*", 9),
    ...            ("p-dev-ooda-OodaStateMachineRole-1", "xray:Put", "*", 9)], "p-dev", {"detect": 0.5})
    [Use(family='ooda', by='detect', what='s3_put', amount=2.0)]
    """
    uses = []
    for role, action, resource, times in allowed:
        who = _who(role, stack)
        if who and action in _CALLS and not _is_of(resource, provisioned):
            family, by = who
            uses.append(Use(family, by, _CALLS[action], times * share.get(by, 1.0)))
    return uses


def _is_of(resource: str, tables: Collection[str]) -> bool:
    """Whether a resource is one of these tables, or an index of one.

    >>> arn = "arn:aws:dynamodb:af-south-1:1:table/crews"
    >>> _is_of(arn, ["crews"]), _is_of(f"{arn}/index/open", ["crews"]), _is_of(f"{arn}2", ["crews"])
    (True, True, False)
    """
    name = resource.partition(":table/")[2].partition("/")[0]
    return bool(name) and name in tables


def _who(role: str, stack: str) -> tuple[str, str] | None:
    """Stack and function, or workflow, of a role that CloudFormation named."""
    found = re.fullmatch(
        rf"{re.escape(stack)}-([a-z_]+)-(\w+?)(Function|StateMachine)\w*Role\w*(-\w+)?", role
    )
    if found is None:
        return None
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found[2]).lower()
    return found[1], name if found[3] == "Function" else f"workflow {name}"
