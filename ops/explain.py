"""The path an execution took: each state's input, output, retries and errors, from its history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.target import OpsError, Target


@dataclass
class Step:
    """One visit of one state."""

    name: str
    kind: str
    entered: datetime | None
    left: datetime | None = None
    input: Any = None
    output: Any = None
    errors: list[str] = field(default_factory=list)
    attempts: int = 0

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.left - self.entered).total_seconds() if self.left and self.entered else None


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def find(target: Target, name: str) -> str:
    """An execution's ARN from its ARN, its name, or the beginning of its name.

    Raises OpsError when none or several match.
    """
    if name.startswith("arn:"):
        return name
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
            f"{'no' if not matches else len(matches)} executions begin with {name!r}; see `ona executions`"
        )
    return str(matches[0])


def history(target: Target, arn: str) -> list[dict[str, Any]]:
    """All events of an execution, in order."""
    pages = target.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]


def steps(events: list[dict[str, Any]]) -> list[Step]:
    """The visits of states, in order of entering; a map's iterations stand behind the map."""
    visited: list[Step] = []
    open_steps: dict[int, Step] = {}
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
            open_steps[event["id"]] = step
            continue
        if kind.endswith("StateExited"):
            detail = event.get("stateExitedEventDetails", {})
            leaving = open_steps.get(previous) or _last_open(visited, detail.get("name", ""))
            if leaving is not None:
                leaving.output, leaving.left = _json(detail.get("output")), event.get("timestamp")
            continue
        step_here = open_steps.get(previous)
        if step_here is None:
            continue
        open_steps[event["id"]] = step_here
        if kind in ("TaskScheduled", "LambdaFunctionScheduled"):
            step_here.attempts += 1
        elif kind.endswith(("Failed", "TimedOut")):
            none: dict[str, Any] = {}
            detail = next((value for key, value in event.items() if key.endswith("EventDetails")), none)
            cause = _json(detail.get("cause"))
            text = cause.get("errorMessage", cause) if isinstance(cause, dict) else cause
            step_here.errors.append(f"{detail.get('error', kind)}: {text or ''}")
    return visited


def _last_open(visited: list[Step], name: str) -> Step | None:
    """The latest visit of a state that has not been left: a map's exit follows its last iteration."""
    return next((step for step in reversed(visited) if step.name == name and step.left is None), None)
