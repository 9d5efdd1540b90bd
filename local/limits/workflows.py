"""Limits of Step Functions' API: names, the input of an execution, idempotent starts, definitions."""

from __future__ import annotations

import json
import re
from typing import Any

from local.hooks.base import private, replace
from local.limits import models
from local.limits.refusal import Refusal, as_json, utf8
from local.limits.values import STATE_BYTES

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What a name must not contain (source: API reference of StartExecution)."""


def name_problem(name: str | None) -> Refusal | None:
    """Whether a name of an execution is allowed; its length is the model's.

    >>> name_problem("2026-02-10_INV-001.abc"), name_problem("a:b").message
    (None, "Invalid Name: 'a:b'")
    """
    if name and _FORBIDDEN.search(name):
        return Refusal("InvalidName", f"Invalid Name: '{name}'")
    return None


def input_problem(text: str | None) -> Refusal | None:
    """Whether an input is JSON of 256 KiB at most as UTF-8."""
    if text is None:
        return None
    if utf8(text) > STATE_BYTES:
        return Refusal(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {STATE_BYTES}",
        )
    try:
        json.loads(text)
    except ValueError as error:
        return Refusal("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'")
    return None


def install() -> None:
    """Apply the limits."""
    from ministack.core.responses import get_account_id, get_region, json_response
    from ministack.services import stepfunctions

    models.install(stepfunctions, "stepfunctions")
    machines = private(stepfunctions, "_state_machines")
    executions = private(stepfunctions, "_executions")
    resolve = private(stepfunctions, "_resolve_state_machine_arn")

    def running_twin(data: dict[str, Any]) -> Any:
        """The answer for a name that was used before; None for a new one."""
        machine = machines.get(resolve(str(data.get("stateMachineArn", "")).split("#", 1)[0]))
        if machine is None or not data.get("name"):
            return None
        place = f"{get_region()}:{get_account_id()}"
        arn = f"arn:aws:states:{place}:execution:{machine['name']}:{data['name']}"
        there = executions.get(arn)
        if there is None:
            return None
        same = there["status"] == "RUNNING" and there["input"] == data.get("input", "{}")
        if same and machine.get("type") != "EXPRESS":
            return json_response({"executionArn": arn, "startDate": there["startDate"]})
        return as_json(Refusal("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'"))

    start = private(stepfunctions, "_start_execution")

    def start_execution(data: dict[str, Any]) -> Any:
        refusal = name_problem(data.get("name")) or input_problem(data.get("input"))
        if refusal:
            return as_json(refusal)
        return running_twin(data) or start(data)

    replace(stepfunctions, "_start_execution", start_execution)
