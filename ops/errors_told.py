"""A function's error as Lambda writes it: error, message and one line where; the stack only when wanted.

A failed call of a function has a cause in JSON: `errorMessage`, `errorType`, `stackTrace` (AWS Lambda
Developer Guide, "Lambda function handler errors in Python"; AWS Step Functions Developer Guide, "Handling
errors"). The frames of libraries say nothing to an operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ona.runtime.sentences import document_in, in_words

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)')
_LIBRARIES = ("site-packages", "/var/runtime", "/var/lang", "/opt/python", "importlib", "/lib/python")
_ROOTS = ("/functions/", "/var/task/", "/code/")
"""Behind these a file's path is that of functions/; the last is a sandbox's of the embedded cloud."""


def where(cause: str) -> str:
    """The innermost line of ours in a cause's stack; empty where it has none.

    >>> import json
    >>> frame = '  File "/var/task/ooda/detect/handler.py", line 40, in lambda_handler'
    >>> where(json.dumps({"errorMessage": "bad", "stackTrace": [frame]}))
    'functions/ooda/detect/handler.py, line 40, in lambda_handler'
    """
    frames = [found for line in stack(cause) if (found := _FRAME.search(line))]
    ours = [found for found in frames if not any(part in found["file"] for part in _LIBRARIES)]
    if not frames:
        return ""
    inner = (ours or frames)[-1]
    return f"{_shortened(inner['file'])}, line {inner['line']}, in {inner['name']}"


def stack(cause: str) -> list[str]:
    """The lines of a cause's stack; none where it has none."""
    document = _document(cause)
    lines = document.get("stackTrace") if document else None
    return [str(line).rstrip() for line in lines] if isinstance(lines, list) else []


def told(cause: str) -> str:
    """What a cause says, in words, and where it happened."""
    place = where(cause)
    return in_words(cause) + (f" ({place})" if place else "")


def without_stacks(value: Any) -> Any:
    """A state's value, its causes in words: what is left of each stack is one line.

    >>> without_stacks({"Error": "E", "Cause": '{"errorMessage": "bad", "stackTrace": []}'})
    {'Error': 'E', 'Cause': 'bad'}
    """
    if isinstance(value, list):
        return [without_stacks(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: told(item) if _is_cause(key, item) else without_stacks(item) for key, item in value.items()
    }


def stacks_in(value: Any) -> Iterator[list[str]]:
    """Every stack in a state's value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        if isinstance(item, str) and (lines := stack(item)):
            yield lines
        yield from stacks_in(item)


def _is_cause(key: str, item: Any) -> bool:
    return key in ("Cause", "cause") and isinstance(item, str) and "stackTrace" in (_document(item) or {})


def _document(text: str) -> dict[str, Any] | None:
    return document_in(text)[1]


def _shortened(file: str) -> str:
    for root in _ROOTS:
        if root in file:
            return f"functions/{file.rpartition(root)[2]}"
    return file
