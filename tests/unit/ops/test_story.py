"""`ona explain` begins with what happened, in words, and shows each value once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops import story
from ops.explain import Step

BEGIN = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)
FILE = "observations/2025/01/15/INV-001_20250115.csv"


def step(name: str, seconds: float, *, attempts: int = 1, error: str = "", kind: str = "Task") -> Step:
    end = BEGIN + timedelta(seconds=seconds)
    return Step(name, kind, BEGIN, end, {}, {}, [error] if error else [], attempts)


def described(status: str, **more: Any) -> dict[str, Any]:
    stop = {} if status == "RUNNING" else {"stopDate": BEGIN + timedelta(seconds=7.94)}
    return {"status": status, "startDate": BEGIN, **stop, **more}


LETTER = "dead letter written: Detect: the disk is full"
CASES: dict[str, tuple[dict[str, Any], list[Step], str, list[str]]] = {
    "found": (
        described("SUCCEEDED"),
        [step("Detect", 5), step("Wait", 0.01), step("Order", 2)],
        "found: 1 ordered",
        [
            f"ooda of {FILE} ended well after 7.9 s: found: 1 ordered",
            "3 steps, no retry; longest: Detect 5.0 s, Order 2.0 s",
        ],
    ),
    "failed": (
        described("FAILED", error="DependencyBusy", cause=json.dumps({"errorMessage": LETTER})),
        [step("Detect", 5, attempts=4, error="busy"), step("Failed", 0, error=LETTER, kind="Fail")],
        "",
        [
            f"ooda of {FILE} failed after 7.9 s in Detect: DependencyBusy: {LETTER}",
            "2 steps, 3 retries; longest: Detect 5.0 s",
        ],
    ),
    "stopped": (described("ABORTED"), [], "", [f"ooda of {FILE} was stopped by somebody after 7.9 s"]),
    "out of time": (
        described("TIMED_OUT"),
        [step("Wait", 0)],
        "",
        [f"ooda of {FILE} ran into its time limit after 7.9 s", "1 step, no retry"],
    ),
    "running": (described("RUNNING"), [], "", [f"ooda of {FILE} still runs"]),
}


@pytest.mark.parametrize("case", CASES)
def test_an_execution_in_words(case: str) -> None:
    given, steps, outcome, told = CASES[case]
    assert story.summary("ooda", given, steps, FILE, outcome) == told


def test_one_without_a_file_is_named_by_its_workflow() -> None:
    [told] = story.summary("forecast_schedule", described("SUCCEEDED"), [], "", "4 sites: 4 done")
    assert told == "forecast_schedule ended well after 7.9 s: 4 sites: 4 done"


def test_an_event_that_passes_through_nine_states_is_shown_once() -> None:
    event = {
        "detail": {"bucket": {"name": "ona-dev-input-000000000000"}, "object": {"key": FILE, "size": 5136}}
    }
    shown = story.Shown()
    texts = []
    for number in range(9):
        texts.append(shown.text(event, f"State{number}'s input"))
        texts.append(shown.text({"event": event, "number": number}, f"State{number}'s output"))
    assert sum(FILE in text for text in texts) == 1
    assert texts[2] == "as State0's input"
    assert json.loads(texts[3]) == {"event": "(as State0's input)", "number": 1}


def test_a_part_of_what_was_shown_is_said_to_be_a_part() -> None:
    job = {
        "schedule": {"bucket": "ona-dev-output-000000000000", "key": "schedules/2025/01/15/sched-1.json"}
    }
    shown = story.Shown()
    shown.text({"jobs": [job], "scheduled": 1}, "Schedule's output")
    assert shown.text({"job": job}, "Order's input") == '{"job": "(in Schedule\'s output)"}'


@pytest.mark.parametrize("value", [{}, {"status": "found"}, [], 1, None, "text", {"a": {"b": 1}}])
def test_what_is_short_is_always_shown(value: Any) -> None:
    shown = story.Shown()
    assert [shown.text(value, name) for name in ("A's input", "B's input")] == [json.dumps(value)] * 2
