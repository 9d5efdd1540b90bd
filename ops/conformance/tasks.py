"""Every Task against its integration: arguments, pattern, answer; and what the role must allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.conformance import arguments, expressions, integrations
from ops.conformance.findings import GUIDE, Finding, State, states
from ops.conformance.machines import Machine
from ops.conformance.policy import Need

PATTERNS = GUIDE + "connect-to-resource.html"
INTEGRATIONS = GUIDE + "integrate-services.html"


def check(machine: Machine) -> Iterator[Finding]:
    """What is wrong with the Tasks of a machine; what the role lacks is not said here."""
    for where, state, _ in states(machine.definition):
        if state.get("Type") != "Task" or "Resource" not in state:
            continue
        resource = str(state["Resource"])
        integration, pattern = integrations.find(resource)
        if integration is None:
            text = f"the suite does not know {resource}; add it to ops/conformance/integrations.py"
            yield Finding(where, "integration", text, INTEGRATIONS)
            continue
        if pattern not in integration.patterns:
            text = f"{resource} does not exist: patterns are {sorted(integration.patterns)}"
            yield Finding(where, "integration", text, PATTERNS)
        yield from _arguments(where, state, integration)
        if pattern == "waitForTaskToken" and "context.Task.Token" not in str(state.get("Arguments")):
            yield Finding(where, "token", "passes no task token on, so nobody can answer", PATTERNS)
        yield from _answer(where, state, integration, pattern)


def _arguments(where: str, state: State, integration: integrations.Integration) -> Iterator[Finding]:
    given = state.get("Arguments", {})
    shape = integration.operation.input_shape
    if shape is not None:
        yield from arguments.check(f"{where}.Arguments", shape, given, integration.free)


def answer_shape(integration: integrations.Integration, pattern: str) -> Any | None:
    """The model of what a Task gets back; None where it is free."""
    if pattern == "waitForTaskToken":
        return None
    if pattern.startswith("sync") and integration.sync_shape[0]:
        action, member = integration.sync_shape
        operation = arguments.operation(integration.service, action)
        shape = operation.output_shape if operation else None
        return shape.members[member].member if shape is not None and member else shape
    return integration.operation.output_shape


def _answer(
    where: str, state: State, integration: integrations.Integration, pattern: str
) -> Iterator[Finding]:
    shape = answer_shape(integration, pattern)
    for field in ("Output", "Assign"):
        for _, text in expressions.strings(state.get(field, {})):
            for steps in _read(text):
                if shape is None or not steps or steps[0] in ("SdkHttpMetadata", "SdkResponseMetadata"):
                    continue
                if integration.fields and pattern == "":
                    fits = steps[0] in integration.fields
                else:
                    fits = arguments.has_path(shape, steps)
                if not fits:
                    text = f"the answer has no {'.'.join(steps)}"
                    yield Finding(f"{where}.{field}", "result", text, integration.source)


def _read(text: str) -> Iterator[list[str]]:
    """The paths below `$states.result` that an expression reads."""
    expression = expressions.expression_in(text)
    if expression is None:
        return
    try:
        found = expressions.used_by(expression)
    except Exception:
        return
    yield from (steps[1:] for steps in found.states if steps[:1] == ["result"])


def needs(machine: Machine) -> Iterator[Need]:
    """What the Tasks demand of the role."""
    for where, state, _ in states(machine.definition):
        if state.get("Type") != "Task":
            continue
        integration, pattern = integrations.find(str(state.get("Resource")))
        given = state.get("Arguments", {})
        if integration is not None and isinstance(given, dict):
            yield from integration.needs(
                integrations.Call(where, given, pattern, machine, integration.source)
            )
