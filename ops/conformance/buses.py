"""The event bus, which every environment of an account shares: our events say whose they are.

Without it a rule of production also hears the events of a trial beside it, works on them, and answers.
Source: Amazon EventBridge User Guide, "Event buses in Amazon EventBridge": an account has one default bus
in each region, and a rule takes every event on its bus that fits its pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.conformance.findings import Finding, states
from ops.conformance.machines import Machine
from ops.conformance.rendered import Stack

BUSES = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html"
FIELD = "environment"
"""The field of an event's detail that says whose it is."""


def check_machine(machine: Machine) -> Iterator[Finding]:
    """Events that a workflow sends without saying whose they are."""
    wanted = machine.stack.parameters.get("Environment")
    for path, state, _ in states(machine.definition):
        if "events:putEvents" not in str(state.get("Resource", "")):
            continue
        arguments = state.get("Arguments", {})
        for entry in arguments.get("Entries", []) if isinstance(arguments, dict) else []:
            if not _says(entry.get("Detail"), str(wanted)):
                text = f"{entry.get('DetailType')} does not say {FIELD}: other environments hear it too"
                yield Finding(path, "bus", text, BUSES)


def _says(detail: Any, wanted: str) -> bool:
    """Whether a detail has the field; a detail that is an expression must write it out."""
    if isinstance(detail, dict):
        return bool(detail.get(FIELD) == wanted)
    return f"'{FIELD}': '{wanted}'" in str(detail)


def check_stack(stack: Stack) -> Iterator[Finding]:
    """Rules on our own events that take those of other environments too."""
    for name, item in stack.resources.items():
        pattern = item["Properties"].get("EventPattern") if item["Type"] == "AWS::Events::Rule" else None
        if not isinstance(pattern, dict):
            continue
        ours = not all(str(source).startswith("aws.") for source in pattern.get("source", [""]))
        if ours and pattern.get("detail", {}).get(FIELD) != [stack.parameters.get("Environment")]:
            text = f"its pattern takes events of any {FIELD} of the account"
            yield Finding(f"{stack.name}/{name}", "bus", text, BUSES)
