"""What a command says of an error is a sentence: no JSON, no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ona.runtime.sentences import in_words
from ops import explain, samples
from ops.messages import DeadLetter
from ops.target import OpsError

OURS = json.dumps({"reason": "no_rows", "message": "the file has no readings", "where": "x.csv"})
LAMBDA = json.dumps({"errorType": "InvalidTelemetry", "errorMessage": OURS, "stackTrace": ['File "a.py"']})
ENVELOPE = json.dumps(
    {"success": False, "errors": [{"code": "INVALID", "message": "no such day", "field": "day"}]}
)
CASES = {
    "a text": ("the disk is full", "the disk is full"),
    "our own error": (OURS, "no_rows: the file has no readings"),
    "a function's error with ours in it": (LAMBDA, "no_rows: the file has no readings"),
    "an API's envelope": (ENVELOPE, "INVALID: no such day (day)"),
    "API Gateway's own refusal": ('{"message": "Forbidden"}', "Forbidden"),
    "an error with an error in it": (json.dumps({"cause": LAMBDA}), "no_rows: the file has no readings"),
    "words before a function's error": (
        f"dead letter written: Detect: {LAMBDA}",
        "no_rows: the file has no readings (dead letter written: Detect)",
    ),
    "words before JSON that is no error": ('Detect: {"a": 1}', 'Detect: {"a": 1}'),
    "a sentence with a brace in it": ('no such {"errorMessage": 1}', 'no such {"errorMessage": 1}'),
    "JSON that is no error": ("[1, 2]", "[1, 2]"),
    "half a JSON text": ('{"errorMessage": "cut he', '{"errorMessage": "cut he'),
    "a name that looks like JSON": ("{unknown}", "{unknown}"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_a_sentence(case: str) -> None:
    text, told = CASES[case]
    assert in_words(text) == told
    assert explain.failure({"error": "E", "cause": text}) == f"E: {told}"
    assert DeadLetter("1", "r", {"kind": "execution", "cause": text}).reason == told


def test_a_foreign_message_stays_as_it_is() -> None:
    assert (
        DeadLetter("1", "r", {"kind": "foreign", "cause": '{"message": "hi"}'}).reason
        == '{"message": "hi"}'
    )


def answering(payload: Any, error: str = "") -> Any:
    """A target whose one function answers so."""
    body = SimpleNamespace(read=lambda: json.dumps(payload).encode())
    answer = {"Payload": body, **({"FunctionError": error} if error else {})}
    return SimpleNamespace(
        client=lambda _: SimpleNamespace(
            invoke=lambda **_: answer, exceptions=SimpleNamespace(ResourceNotFoundException=KeyError)
        ),
        function=lambda name: name,
    )


@pytest.mark.parametrize(
    ("payload", "error", "told"),
    [
        (json.loads(LAMBDA), "Unhandled", "InvalidTelemetry: no_rows: the file has no readings"),
        ({"statusCode": 400, "body": ENVELOPE}, "", "HTTP 400: INVALID: no such day (day)"),
        ({"statusCode": 502, "body": "<html>"}, "", "HTTP 502: <html>"),
        ({"statusCode": 200, "body": "{}"}, "", ""),
        ({"orders": []}, "", ""),
    ],
)
def test_what_invoke_says(payload: Any, error: str, told: str) -> None:
    assert samples.invoke(answering(payload, error), "detect", {}).error == told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "event.json: cannot be read: No such file or directory"),
        ("{", "event.json is not JSON: Expecting property name"),
        ("id: 1", "event.json is not JSON: Expecting value"),
        ("[" * 100_000, "event.json is not JSON: "),
        ("\ufeff{}", "event.json is not JSON: "),
    ],
)
def test_an_event_that_cannot_be_read_is_named_once(content: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(OpsError) as caught:
        samples.read(path)
    assert told in str(caught.value)
    assert str(caught.value).count("event.json") == 1
    assert "YAML" not in str(caught.value)


def test_an_event_is_read(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"id": 1}')
    assert samples.read(tmp_path / "event.json") == {"id": 1}
