"""A workflow's time limit is above all that its longest way can wait, so that a busy table loses no file.

The bound: on a way from the first state to the last, each state waits as long as all its retry rules allow,
and runs into its time-out once, and once more for each try that a rule grants after a time-out. A refused
call ends at once beside these waits. Not in the bound, with its reason:

- A Map counts as one item: its items wait for the same table or function, and at the same time.
- A state counts once: the loop plans anew (DivideAgain) when crews were booked meanwhile, not when a table
  is busy. The hourly forecast's sites come in rounds; what an hour does not hold is the next hour's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.deployed import WORKFLOWS, definition

Machine = dict[str, Any]


def waits(rule: dict[str, Any]) -> float:
    """The waits of a Retry rule without jitter, which only shortens them."""
    total, wait = 0.0, float(rule.get("IntervalSeconds", 1))
    for _ in range(rule.get("MaxAttempts", 3)):
        total += min(wait, rule.get("MaxDelaySeconds", wait))
        wait *= rule.get("BackoffRate", 2.0)
    return total


def of_state(state: dict[str, Any]) -> float:
    if state["Type"] == "Map":
        return longest(state["ItemProcessor"])[0]
    if state["Type"] == "Wait":
        return float(state["Seconds"])
    if state["Type"] != "Task":
        return 0.0
    rules = state.get("Retry", [])
    again = sum(rule.get("MaxAttempts", 3) for rule in rules if "States.Timeout" in rule["ErrorEquals"])
    return sum(map(waits, rules)) + (1 + again) * float(state["TimeoutSeconds"])


def after(state: dict[str, Any]) -> Iterator[str]:
    for way in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (way[name] for name in ("Next", "Default") if name in way)


def longest(machine: Machine) -> tuple[float, list[str]]:
    """The seconds of the longest way, and its states; no state stands on it twice."""
    states = machine["States"]

    def beyond(name: str, passed: frozenset[str]) -> tuple[float, list[str]]:
        ways = [beyond(one, passed | {name}) for one in sorted(set(after(states[name])) - passed - {name})]
        rest, names = max(ways, default=(0.0, []))
        return rest + of_state(states[name]), [name, *names]

    return beyond(machine["StartAt"], frozenset())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_ends_before_its_states_have_given_up(path: Any) -> None:
    machine = definition(path)
    seconds, names = longest(machine)
    assert seconds < machine["TimeoutSeconds"], f"{seconds:.0f} s: {' → '.join(names)}"
    assert seconds > 1000, "a busy function alone is waited for longer"


def task(limit: int, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "TimeoutSeconds": limit, **more}


def test_the_arithmetic_of_a_small_machine_by_hand() -> None:
    """2 + 4 + 5 s and 1 + 1 s of waits; three tries may time out; the way by the map is the longest."""
    busy = {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 3, "MaxDelaySeconds": 5}
    late = {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Letter"}]
    inner = {"StartAt": "B", "States": {"B": task(7, End=True)}}
    states = {
        "A": task(10, Retry=[busy, late], Catch=catch, Next="Which"),
        "Which": {"Type": "Choice", "Choices": [{"Condition": "x", "Next": "A"}], "Default": "Each"},
        "Each": {"Type": "Map", "ItemProcessor": inner, "Next": "Letter"},
        "Letter": task(3, End=True),
    }
    found = longest({"StartAt": "A", "States": states})
    assert found == (2 + 4 + 5 + 1 + 1 + 3 * 10 + 7 + 3, ["A", "Which", "Each", "Letter"])


def test_distractor_never_is_no_wait_and_a_loop_is_gone_round_once() -> None:
    never = {"ErrorEquals": ["Told"], "MaxAttempts": 0}
    states = {
        "A": task(5, Retry=[never], Next="B"),
        "B": {"Type": "Choice", "Choices": [{"Condition": "x", "Next": "A"}], "Default": "C"},
        "C": {"Type": "Succeed"},
    }
    assert longest({"StartAt": "A", "States": states}) == (5, ["A", "B", "C"])
