"""A workflow walked state by state, without an embedded cloud: killed before or after any effect.

It knows what the loop's and the uploads' ways to an outcome or a letter use: Pass, Choice, Task, Succeed,
Fail, and a Map of nothing. Expressions are evaluated by the embedded cloud's engine.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jsonata
from ministack.services import stepfunctions

from ops.conformance.expressions import expression_in

Effect = Callable[[str, dict[str, Any]], Any]
"""What a task does: its resource and arguments in, its result out. Raises Failed."""


class Failed(Exception):
    """A state failed: error and cause, as Step Functions has them."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


class Killed(Exception):
    """The process ended here."""


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> Any:
    compiled = jsonata.Jsonata.jsonata(expression)
    stepfunctions._register_sfn_jsonata_functions(compiled)
    return compiled


def _value(node: Any, variables: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        return {name: _value(item, variables) for name, item in node.items()}
    if isinstance(node, list):
        return [_value(item, variables) for item in node]
    expression = expression_in(node)
    if expression is None:
        return node
    compiled = _compiled(expression)
    frame = compiled.create_frame()
    for name, value in variables.items():
        frame.bind(name, value)
    try:
        return json.loads(json.dumps(compiled.evaluate(None, frame)))
    except Exception as error:
        raise Failed("States.QueryEvaluationError", f"{expression}: {error}") from error


class Walk:
    """One execution. `kill` is asked before and after each effect, and raises Killed to end there."""

    _clock = itertools.count()

    def __init__(
        self, definition: dict[str, Any], context: dict[str, Any], effect: Effect, kill: Callable[[], None]
    ) -> None:
        self.states, self.start = definition["States"], definition["StartAt"]
        self.context, self.effect, self.kill = context, effect, kill
        self.path: list[str] = []

    def run(self, given: Any) -> None:
        """Walk to the end. Raises Failed and Killed."""
        variables: dict[str, Any] = {}
        name: str | None = self.start
        while name is not None:
            self.path.append(name)
            given, name = self._state(self.states[name], given, variables)

    def _state(
        self, state: dict[str, Any], given: Any, variables: dict[str, Any]
    ) -> tuple[Any, str | None]:
        entered = f"2026-11-26T00:{next(self._clock) // 60 % 60:02d}:00Z"
        known: dict[str, Any] = {
            "input": given,
            "context": {**self.context, "State": {"EnteredTime": entered}},
        }
        seen = {**variables, "states": known}
        try:
            if state["Type"] == "Choice":
                for rule in state["Choices"]:
                    if _value(rule["Condition"], seen):
                        variables |= _value(rule.get("Assign", {}), seen)
                        return given, rule["Next"]
                return given, state["Default"]
            if state["Type"] == "Fail":
                raise Failed(str(_value(state["Error"], seen)), str(_value(state["Cause"], seen)))
            if state["Type"] == "Task":
                arguments = _value(state["Arguments"], seen)
                self.kill()
                known["result"] = self.effect(state["Resource"], arguments)
                self.kill()
            if state["Type"] == "Map":
                assert not _value(state["Items"], seen), "only a Map of nothing is walked"
                known["result"] = []
            output = _value(state["Output"], seen) if "Output" in state else known.get("result", given)
            variables |= _value(state.get("Assign", {}), seen)
            return output, state.get("Next")
        except Failed as failure:
            for rule in state.get("Catch", []):
                if set(rule["ErrorEquals"]) & {failure.error, "States.ALL"}:
                    known["errorOutput"] = {"Error": failure.error, "Cause": failure.cause}
                    variables |= _value(rule.get("Assign", {}), seen)
                    output = _value(rule["Output"], seen) if "Output" in rule else known["errorOutput"]
                    return output, rule["Next"]
            raise


def after(number: int) -> Callable[[], None]:
    """Kill at the so many-th place; a negative number kills nowhere."""
    left: Iterator[int] = itertools.count()

    def kill() -> None:
        if next(left) == number:
            raise Killed

    return kill
