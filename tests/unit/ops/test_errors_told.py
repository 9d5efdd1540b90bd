"""What an operator sees of a function's error: error, message, one line where; its stack apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops import errors_told, explain

LIBRARY = (
    '  File "/opt/python/aws_lambda_powertools/logging/logger.py", line 554, in decorate\n    return f()\n'
)
OURS = '  File "/var/task/ooda/detect/handler.py", line 40, in lambda_handler\n    read(event)\n'
INNER = '  File "/home/x/checkout/functions/ona/config/files.py", line 12, in read\n    raise E\n'
CAUSE = json.dumps(
    {
        "errorMessage": "thresholds",
        "errorType": "InvalidConfiguration",
        "stackTrace": [LIBRARY, OURS, INNER],
    }
)


@pytest.mark.parametrize(
    ("frames", "line"),
    [
        ([LIBRARY, OURS, INNER], "functions/ona/config/files.py, line 12, in read"),
        ([OURS, LIBRARY], "functions/ooda/detect/handler.py, line 40, in lambda_handler"),
        ([LIBRARY], "/opt/python/aws_lambda_powertools/logging/logger.py, line 554, in decorate"),
        (
            ['  File "/tmp/lambda-detect-h5/code/ooda/detect/handler.py", line 66, in _detect'],
            "functions/ooda/detect/handler.py, line 66, in _detect",
        ),
        ([], ""),
    ],
)
def test_the_line_is_the_innermost_of_ours(frames: list[str], line: str) -> None:
    assert errors_told.where(json.dumps({"errorMessage": "m", "stackTrace": frames})) == line


@pytest.mark.parametrize(
    "cause", ["", "the disk is full", "[1, 2]", "7", '{"stackTrace": "text"}', "{" * 99]
)
def test_distractor_a_cause_without_a_stack_is_told_as_it_is(cause: str) -> None:
    assert errors_told.where(cause) == ""
    assert errors_told.stack(cause) == []
    assert errors_told.without_stacks({"Cause": cause, "n": [1]}) == {"Cause": cause, "n": [1]}


def test_a_stack_behind_words_is_told_as_one_without() -> None:
    """A workflow's last state names its step before the function's error."""
    cause = f"dead letter written: Detect: {CAUSE}"
    assert errors_told.told(cause) == (
        "thresholds (dead letter written: Detect) (functions/ona/config/files.py, line 12, in read)"
    )
    assert len(errors_told.stack(cause)) == 3


def test_a_value_has_its_cause_in_words_and_its_stack_apart() -> None:
    value: dict[str, Any] = {"Error": "E", "Cause": CAUSE, "list": [{"cause": CAUSE}], "text": CAUSE}
    told = errors_told.without_stacks(value)
    assert told["Cause"] == "thresholds (functions/ona/config/files.py, line 12, in read)"
    assert told["list"][0]["cause"] == told["Cause"]
    assert told["text"] == CAUSE, "what is no cause stays"
    assert len(list(errors_told.stacks_in(value))) == 3


def test_a_failed_step_has_one_line_and_keeps_its_stack() -> None:
    events = [
        {
            "id": 1,
            "type": "TaskStateEntered",
            "stateEnteredEventDetails": {"name": "Detect", "input": "{}"},
        },
        {"id": 2, "type": "TaskScheduled", "previousEventId": 1},
        {
            "id": 3,
            "type": "TaskFailed",
            "previousEventId": 2,
            "taskFailedEventDetails": {"error": "InvalidConfiguration", "cause": CAUSE},
        },
    ]
    [step] = explain.steps(events)
    assert step.errors == [
        "InvalidConfiguration: thresholds (functions/ona/config/files.py, line 12, in read)"
    ]
    assert [len(lines) for lines in step.stacks] == [3]
