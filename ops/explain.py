"""The path that an execution took: each state's input, output, retries and errors, from its history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ona.runtime.words import counted
from ops import errors_told, identifiers
from ops.target import OpsError, Target


@dataclass
class Step:
    """One visit of one state; `attempts` counts the calls of its task."""

    name: str
    kind: str
    entered: datetime | None
    left: datetime | None = None
    input: Any = None
    output: Any = None
    errors: list[str] = field(default_factory=list)
    attempts: int = 0
    stacks: list[list[str]] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long the visit took, s; None while the state has not been left."""
        return (self.left - self.entered).total_seconds() if self.left and self.entered else None


def _json(text: Any) -> Any:
    """The value of a JSON text; anything else as it is."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def find(target: Target, name: str) -> str:
    """An execution's ARN from its ARN, its name, or the beginning of its name.

    Raises OpsError when none or several match.
    """
    if not name:
        raise OpsError("give an execution's name, or its beginning; see `ona executions`")
    if name.startswith("arn:"):
        return identifiers.execution_arn(target, name)
    pages = target.client("stepfunctions").get_paginator("list_executions")
    matches = [
        item["executionArn"]
        for machine in target.machines.values()
        for page in pages.paginate(stateMachineArn=machine)
        for item in page["executions"]
        if item["name"].startswith(name)
    ]
    if len(matches) != 1:
        raise OpsError(
            f"{counted(len(matches), 'execution')} beginning with {identifiers.shown(name)}; see "
            f"`ona executions`{'' if matches else identifiers.otherwise(name, 'execution')}"
        )
    return str(matches[0])


def described(target: Target, arn: str) -> dict[str, Any]:
    """An execution as Step Functions describes it. Raises OpsError when it is not there (any more)."""
    states = target.client("stepfunctions")
    try:
        answer: dict[str, Any] = states.describe_execution(executionArn=arn)
    except states.exceptions.ExecutionDoesNotExist as error:
        raise OpsError(
            f"{target.name} has no execution {arn}: AWS keeps one for 90 days after its end; those that "
            "there are: `ona executions`"
        ) from error
    return answer


def history(target: Target, arn: str) -> list[dict[str, Any]]:
    """All events of an execution, in order."""
    pages = target.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]


def steps(events: list[dict[str, Any]]) -> list[Step]:
    """The visits of states, in the order in which they were entered; a map's iterations follow the map."""
    visited: list[Step] = []
    step_of: dict[int, Step] = {}  # by the id of an event that belongs to the visit
    for event in events:
        kind, previous = event["type"], event.get("previousEventId", 0)
        if kind.endswith("StateEntered"):
            detail = event.get("stateEnteredEventDetails", {})
            step = Step(
                detail.get("name", "?"),
                kind.removesuffix("StateEntered"),
                event.get("timestamp"),
                input=_json(detail.get("input")),
            )
            visited.append(step)
            step_of[event["id"]] = step
            continue
        if kind.endswith("StateExited"):
            detail = event.get("stateExitedEventDetails", {})
            leaving = step_of.get(previous) or _last_open(visited, detail.get("name", ""))
            if leaving is not None:
                leaving.output, leaving.left = _json(detail.get("output")), event.get("timestamp")
            continue
        current = step_of.get(previous)
        if current is None:
            continue
        step_of[event["id"]] = current
        if kind in ("TaskScheduled", "LambdaFunctionScheduled"):
            current.attempts += 1
        elif kind.endswith(("Failed", "TimedOut")):
            current.errors.append(_error(event))
            cause = str(_detail(event).get("cause") or "")
            if lines := errors_told.stack(cause):
                current.stacks.append(lines)
    return visited


def _error(event: dict[str, Any]) -> str:
    """The error of a failure's event: its name, and the message of the function where there is one."""
    return failure(_detail(event), event["type"])


def _detail(event: dict[str, Any]) -> dict[str, Any]:
    none: dict[str, Any] = {}
    return next((value for key, value in event.items() if key.endswith("EventDetails")), none)


def failure(detail: dict[str, Any], otherwise: str = "") -> str:
    """The error and the cause of an event or an execution, in words.

    >>> failure({"error": "Poisoned", "cause": '{"errorMessage": "bad row", "errorType": "Poisoned"}'})
    'Poisoned: bad row'
    """
    return f"{detail.get('error', otherwise)}: {errors_told.told(str(detail.get('cause') or ''))}"


def _last_open(visited: list[Step], name: str) -> Step | None:
    """The latest visit of a state that was not left yet: the exit of a map follows its last iteration."""
    return next((step for step in reversed(visited) if step.name == name and step.left is None), None)
