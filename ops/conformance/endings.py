"""Endings: whatever fails in a workflow reaches a dead letter.

A state that can fail has a Catch of everything, or the machine's stack has a rule on "Step Functions
Execution Status Change" that puts each execution into a dead-letter queue which ended without its own
letter. A Pass, a Choice, a Wait, a Succeed and a Fail can fail too, by an expression, and take no Catch.
Executions of a Distributed Map have no rule: there every state that can fail needs its Catch.

Sources: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows" (Catch stands in
Task, Map and Parallel; States.QueryEvaluationError) and "Automating Step Functions event delivery with
EventBridge".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ops.conformance.expressions import expression_in, parsed, strings
from ops.conformance.findings import GUIDE, Finding, Scope, State, states
from ops.conformance.machines import Machine

ERRORS = GUIDE + "concepts-error-handling.html"
EVENTS = GUIDE + "eventbridge-integration.html"
WRITTEN = "dead letter written: "
"""How the cause of an execution begins that has written its letter itself."""
ENDS: tuple[tuple[str, str | None, bool], ...] = (
    ("TIMED_OUT", None, True),
    ("ABORTED", None, True),
    ("FAILED", None, True),
    ("FAILED", "Detect: States.Timeout", True),
    ("FAILED", f"{WRITTEN}Detect: States.Timeout", False),
    ("SUCCEEDED", None, False),
    ("RUNNING", None, False),
)
"""Status, cause, and whether the rule has to write a letter."""
_WITH_CATCH = ("Task", "Map", "Parallel")
_TOTAL_OPERATORS = {"=", "!=", "and", "or"}
_TOTAL_FUNCTIONS = {"not", "exists", "type"}


def check(machine: Machine) -> Iterator[Finding]:
    """States whose failure nobody is told of."""
    covered = bool(_rules(machine)) or _answers_by_token(machine.definition)
    if not covered:
        text = "no rule writes a letter when it times out, is stopped, or fails uncaught"
        yield Finding("/", "ending", text, EVENTS)
    text = "it can fail, and no Catch and no rule makes a letter of that"
    for path, state, scope in states(machine.definition):
        if can_fail(state) and not _caught(state) and (_distributed(scope) or not covered):
            yield Finding(path, "ending", text, ERRORS)
        yield from _marks(path, state)
    for rule in _rules(machine):
        yield from _fits(machine, rule)


def can_fail(state: State) -> bool:
    """Whether a state can fail: by what it calls, or by an expression that is not true of every input.

    >>> can_fail({"Type": "Pass"}), can_fail({"Type": "Pass", "Output": "{% $states.input.a %}"})
    (False, False)
    >>> can_fail({"Type": "Pass", "Output": "{% $hash($states.input.a, 'MD5') %}"})
    True
    >>> can_fail({"Type": "Choice", "Choices": [{"Condition": "{% $states.input.a = 'b' %}"}]})
    True
    >>> can_fail({"Type": "Choice", "Choices": [{"Condition": "{% $x = 'b' %}"}], "Default": "A"})
    False
    """
    if state.get("Type") in _WITH_CATCH:
        return True
    if state.get("Type") == "Choice" and "Default" not in state:
        return True
    own = {name: value for name, value in state.items() if name not in ("Comment", "ItemProcessor")}
    if state.get("Type") == "Fail":
        return False  # it ends the execution in any case
    return any(not is_total(text) for _, text in strings(own) if expression_in(text) is not None)


@lru_cache(maxsize=1024)
def is_total(text: str) -> bool:
    """Whether an expression has a value whatever is in its variables: paths, literals, comparisons for
    equality, objects of these. Calls of functions and arithmetic fail on values of another type."""
    expression = expression_in(text)
    try:
        return expression is None or _total(parsed(expression))
    except Exception:  # jsonata's error, which `expressions` tells of
        return False


def _total(node: Any) -> bool:
    kind, value = node.type, node.value
    if kind in ("string", "number", "value", "variable", "name"):
        return True
    if kind == "path":
        return all(
            step.type in ("variable", "name", "string") and not step.predicate for step in node.steps
        )
    if kind == "binary":
        return value in _TOTAL_OPERATORS and _total(node.lhs) and _total(node.rhs)
    if kind == "function":
        return node.procedure.value in _TOTAL_FUNCTIONS and all(_total(item) for item in node.arguments)
    if kind == "condition":
        return all(_total(part) for part in (node.condition, node.then, node._else) if part is not None)
    return False


def _caught(state: State) -> bool:
    names = {name for rule in state.get("Catch", []) for name in rule.get("ErrorEquals", [])}
    return {"States.ALL", "States.DataLimitExceeded"} <= names


def _distributed(scope: Scope | None) -> bool:
    return scope is not None and (scope.distributed or _distributed(scope.outer))


def _marks(path: str, state: State) -> Iterator[Finding]:
    """Only what has sent a letter may say so."""
    caught = [rule.get("Assign", {}) for rule in state.get("Catch", [])]
    own = {} if str(state.get("Resource", "")).endswith("sqs:sendMessage") else state.get("Assign", {})
    if any(WRITTEN.strip() in json.dumps(item) for item in [*caught, own, state.get("Cause", "")]):
        yield Finding(path, "ending", f"it says {WRITTEN!r} without having sent one", EVENTS)


def _answers_by_token(definition: dict[str, Any]) -> bool:
    """Whether a machine works for another, which waits with a time-out and writes the letter."""
    return any("sendTaskFailure" in str(state.get("Resource", "")) for _, state, _ in states(definition))


def _rules(machine: Machine) -> list[dict[str, Any]]:
    """The rules of its stack that hear of its executions' ends."""
    found = []
    for item in machine.stack.resources.values():
        pattern = item["Properties"].get("EventPattern") if item["Type"] == "AWS::Events::Rule" else None
        pattern = pattern if isinstance(pattern, dict) else {}
        hears = "aws.states" in pattern.get("source", [])
        if hears and machine.arn in pattern.get("detail", {}).get("stateMachineArn", []):
            found.append(item["Properties"])
    return found


def _fits(machine: Machine, rule: dict[str, Any]) -> Iterator[Finding]:
    """Whether a rule takes the ends that have no letter, and no other, and sends them to a queue."""
    from ministack.services import eventbridge

    from local.hooks.base import private

    for status, cause, wanted in ENDS:
        detail = {"stateMachineArn": machine.arn, "status": status, "cause": cause}
        event = {
            "Source": "aws.states",
            "DetailType": "Step Functions Execution Status Change",
            "Detail": json.dumps(detail),
        }
        if private(eventbridge, "_matches_pattern")(json.dumps(rule["EventPattern"]), event) != wanted:
            text = f"its rule {'misses' if wanted else 'takes'} {status} with the cause {cause!r}"
            yield Finding("/", "ending", text, EVENTS)
    targets = rule.get("Targets", [])
    if not any(":sqs:" in str(target.get("Arn")) for target in targets):
        yield Finding("/", "ending", "its rule sends to no queue", EVENTS)
    if any("DeadLetterConfig" not in target for target in targets):
        yield Finding("/", "ending", "its rule's target has no dead-letter queue of its own", EVENTS)
