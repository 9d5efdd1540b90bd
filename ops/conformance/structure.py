"""What Amazon States Language demands of states: fields, transitions, numbers.

Source: the specification (states-language.net/spec.html) and the developer guide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ops.conformance.findings import GUIDE, Finding, Scope, State, scopes, states

STATES = GUIDE + "workflow-states.html"
JSONATA = GUIDE + "transforming-data.html"
SPEC = "https://states-language.net/spec.html"
QUOTAS = GUIDE + "service-quotas.html"
DEFINITION_BYTES = 1024 * 1024
"""AWS: the largest definition."""
LONGEST_NAME = 80
"""AWS: letters of a state's name."""
_COMMON = {"Type", "Comment", "QueryLanguage", "Output", "Assign", "Next", "End"}
_EXEC = _COMMON | {"Retry", "Catch"}
FIELDS = {
    "Pass": _COMMON,
    "Task": _EXEC | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"},
    "Map": _EXEC
    | {
        "Items", "ItemReader", "ItemSelector", "ItemBatcher", "ItemProcessor", "ResultWriter", "Label",
        "MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage",
    },
    "Parallel": _EXEC | {"Branches", "Arguments"},
    "Choice": (_COMMON | {"Choices", "Default"}) - {"Next", "End"},
    "Wait": _COMMON | {"Seconds", "Timestamp"},
    "Succeed": {"Type", "Comment", "QueryLanguage", "Output"},
    "Fail": {"Type", "Comment", "QueryLanguage", "Error", "Cause"},
}  # fmt: skip
"""Fields of each type of state in a JSONata machine."""
DEMANDED = {
    "Task": {"Resource"},
    "Map": {"ItemProcessor"},
    "Parallel": {"Branches"},
    "Choice": {"Choices"},
}
_RULES = {
    "Choices": {"Condition", "Next", "Assign", "Output", "Comment"},
    "Catch": {"ErrorEquals", "Next", "Assign", "Output", "Comment"},
    "Retry": {
        "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds",
        "JitterStrategy", "Comment",
    },
}  # fmt: skip
_NEEDED = {"Choices": {"Condition", "Next"}, "Catch": {"ErrorEquals", "Next"}, "Retry": {"ErrorEquals"}}
_NUMBERS = {
    "IntervalSeconds": (1, 99_999_999),
    "MaxAttempts": (0, 99_999_999),
    "BackoffRate": (1, 99_999_999),
    "MaxDelaySeconds": (1, 31_622_400),
    "TimeoutSeconds": (1, 99_999_999),
    "HeartbeatSeconds": (1, 99_999_999),
}
"""AWS: smallest and largest value."""


def check(definition: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with the states of a definition."""
    import json

    if len(json.dumps(definition)) > DEFINITION_BYTES:
        yield Finding("/", "size", "the definition is larger than 1 MiB", QUOTAS)
    if definition.get("QueryLanguage") != "JSONata":
        yield Finding("/", "language", "the machine's QueryLanguage is not JSONata (decision 2)", JSONATA)
    for name, count in Counter(path.split("/")[-1] for path, _, _ in states(definition)).items():
        if count > 1:
            yield Finding(name, "name", "stands twice in one machine", SPEC)
    for scope in scopes(definition):
        yield from _transitions(scope)
        for name, state in scope.states.items():
            where = f"{scope.path}{name}"
            if len(name) > LONGEST_NAME:
                yield Finding(where, "name", f"is longer than {LONGEST_NAME} letters", STATES)
            yield from _fields(where, state)
            yield from _times(where, state, definition)


def targets(state: State) -> Iterator[str]:
    """The states that one may go to."""
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        if rule.get("Next"):
            yield str(rule["Next"])
    if state.get("Default"):
        yield str(state["Default"])


def _transitions(scope: Scope) -> Iterator[Finding]:
    place = scope.path or "/"
    if scope.start not in scope.states:
        yield Finding(place, "StartAt", f"names no state: {scope.start!r}", SPEC)
        return
    reached, waiting = set(), [scope.start]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for target in targets(scope.states[name]):
            if target in scope.states:
                waiting.append(target)
            else:
                yield Finding(f"{scope.path}{name}", "Next", f"names no state: {target!r}", SPEC)
    for name in scope.states.keys() - reached:
        yield Finding(f"{scope.path}{name}", "unreachable", "no state leads here", SPEC)
    if not any(
        scope.states[name].get("Type") in ("Succeed", "Fail") or scope.states[name].get("End")
        for name in reached
    ):
        yield Finding(place, "terminal", "no state ends the workflow", SPEC)


def _fields(where: str, state: State) -> Iterator[Finding]:
    kind = str(state.get("Type"))
    if kind not in FIELDS:
        yield Finding(where, "Type", f"there is no type {kind!r}", STATES)
        return
    for name in sorted(state.keys() - FIELDS[kind]):
        yield Finding(where, "field", f"a {kind} has no {name} in JSONata", JSONATA)
    for name in sorted(DEMANDED.get(kind, set()) - state.keys()):
        yield Finding(where, "field", f"a {kind} needs {name}", STATES)
    if kind not in ("Choice", "Succeed", "Fail") and ("Next" in state) == ("End" in state):
        yield Finding(where, "field", "exactly one of Next and End", SPEC)
    if kind == "Wait" and ("Seconds" in state) == ("Timestamp" in state):
        yield Finding(where, "field", "exactly one of Seconds and Timestamp", SPEC)
    for group, allowed in _RULES.items():
        for index, rule in enumerate(state.get(group, [])):
            place = f"{where}.{group}[{index}]"
            for name in sorted(rule.keys() - allowed):
                yield Finding(place, "field", f"has no {name} in JSONata", JSONATA)
            for name in sorted(_NEEDED[group] - rule.keys()):
                yield Finding(place, "field", f"needs {name}", SPEC)
            yield from _numbers(place, rule)
            if rule.get("JitterStrategy", "FULL") not in ("FULL", "NONE"):
                yield Finding(place, "field", "JitterStrategy is FULL or NONE", SPEC)
    yield from _numbers(where, state)
    for name in _paths(state):
        yield Finding(where, "field", f"{name} is JSONPath in a JSONata state", JSONATA)


def _paths(node: Any) -> Iterator[str]:
    """Keys that end in `.$`, at every depth but that of other states."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith(".$"):
                yield key
            if key not in ("ItemProcessor", "Branches"):
                yield from _paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _paths(value)


def _numbers(where: str, holder: dict[str, Any]) -> Iterator[Finding]:
    for name, (least, most) in _NUMBERS.items():
        value = holder.get(name)
        if value is None or (isinstance(value, str) and value.startswith("{%")):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            yield Finding(where, "number", f"{name} is {value!r}, not between {least} and {most}", SPEC)


def _times(where: str, state: State, definition: dict[str, Any]) -> Iterator[Finding]:
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    whole = definition.get("TimeoutSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield Finding(where, "time", "HeartbeatSeconds is not below TimeoutSeconds", SPEC)
    if isinstance(timeout, int) and isinstance(whole, int) and timeout > whole:
        yield Finding(where, "time", "TimeoutSeconds is above the machine's, which ends it first", SPEC)
    if state.get("Type") == "Task" and timeout is None:
        text = "without TimeoutSeconds a Task waits 99 999 999 s"
        yield Finding(where, "time", text, GUIDE + "sfn-best-practices.html")
