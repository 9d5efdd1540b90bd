"""Dead letters, however they came into the queue: from a workflow, or from a rule on executions' ends.

A workflow's letter is an object with `kind`, `state`, `error`, `cause`, `execution`, `state_machine`, `at`
and `input`. The rule sends EventBridge's event of the execution's end as it is; it is read so.
Source of the event: AWS Step Functions Developer Guide, "Automating Step Functions event delivery with
EventBridge".
"""

from __future__ import annotations

import json
from typing import Any

STATUS_CHANGE = "Step Functions Execution Status Change"
"""`detail-type` of the event (AWS, as above)."""
ERRORS = {"TIMED_OUT": "ExecutionTimedOut", "ABORTED": "ExecutionAborted", "FAILED": "ExecutionFailed"}
"""The error of an execution that names none, by its status: the type of its history's last event (AWS Step
Functions API reference, HistoryEvent)."""
CAUSES = {
    "TIMED_OUT": "the execution ran into its time limit",
    "ABORTED": "the execution was stopped",
    "FAILED": "the execution failed where no Catch may stand",
}


def parsed(text: str) -> dict[str, Any] | None:
    """A message's body as a letter; None for any other text.

    >>> parsed('{"kind": "execution", "error": "States.Timeout"}')["error"]
    'States.Timeout'
    >>> parsed("[1, 2]"), parsed('{"kind": 7}'), parsed("[" * 100_000)
    (None, None, None)
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    if body.get("source") == "aws.states" and body.get("detail-type") == STATUS_CHANGE:
        return of_status_change(body)
    return body if isinstance(body.get("kind"), str) else None


def of_status_change(event: dict[str, Any]) -> dict[str, Any] | None:
    """The letter that an event of an execution's end stands for; None for one without an execution.

    Its input is None when the event left it out for its size (248 KiB): DescribeExecution has it.

    >>> detail = {"status": "TIMED_OUT", "executionArn": "arn:x", "stateMachineArn": "arn:m", "input": "{}"}
    >>> letter = of_status_change({"time": "2026-11-26T03:00:00Z", "detail": detail})
    >>> letter["kind"], letter["error"], letter["input"], letter["at"]
    ('execution', 'ExecutionTimedOut', {}, '2026-11-26T03:00:00Z')
    """
    detail = event.get("detail")
    if not isinstance(detail, dict) or not isinstance(detail.get("executionArn"), str):
        return None
    status = str(detail.get("status"))
    return {
        "kind": "execution",
        "state": status,
        "error": str(detail.get("error") or ERRORS.get(status, status)),
        "cause": str(detail.get("cause") or CAUSES.get(status, "")),
        "execution": detail["executionArn"],
        "state_machine": str(detail.get("stateMachineArn")),
        "at": str(event.get("time", "")),
        "input": _input(detail.get("input")),
    }


def _input(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def source_of(event: Any) -> tuple[str, str, str]:
    """Bucket, key and version id of the object in an S3 event; empty texts when it is no S3 event.

    >>> source_of({"detail": {"bucket": {"name": "in"}, "object": {"key": "a.csv", "version-id": "3"}}})
    ('in', 'a.csv', '3')
    >>> source_of({"task": "forecast"}), source_of({"detail": "by hand"})
    (('', '', ''), ('', '', ''))
    """
    detail = event.get("detail") if isinstance(event, dict) else None
    bucket = detail.get("bucket") if isinstance(detail, dict) else None
    described = detail.get("object") if isinstance(detail, dict) else None
    if not isinstance(bucket, dict) or not isinstance(described, dict):
        return "", "", ""
    names = (bucket.get("name"), described.get("key"), described.get("version-id", ""))
    return ("", "", "") if not all(isinstance(name, str) for name in names) else names  # type: ignore[return-value]


def _is_file_event(event: Any) -> bool:
    """Whether the workflows take it for a file's (`FileEventProblem` of statemachines/retries.yaml)."""
    size = event["detail"]["object"].get("size", 0)
    return event.get("detail-type", "Object Created") == "Object Created" and isinstance(size, int | float)


def work_of(body: dict[str, Any]) -> str:
    """What a letter is about: two letters of the same work are one piece of work to do again.

    A queue may hold several of one: a workflow wrote one and its execution was killed after it, or a file's
    event was delivered twice (Amazon EventBridge User Guide: at least once).

    >>> event = {"detail": {"bucket": {"name": "in"}, "object": {"key": "a.csv"}}}
    >>> one, other = ({"kind": "execution", "input": {**event, "id": number}} for number in "12")
    >>> work_of(one) == work_of({**other, "kind": "quarantine"})
    True
    >>> work_of(one) == work_of({**other, "kind": "order", "item": 3})
    False
    """
    event = body.get("input")
    about: Any = source_of(event)
    if not about[1] or not _is_file_event(event):
        about = event if event is not None else body.get("execution")
    part = body.get("item") if body.get("kind") not in ("execution", "quarantine") else None
    return json.dumps([body.get("state_machine"), about, part], sort_keys=True, default=str)
