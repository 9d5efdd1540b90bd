"""Errors as a sentence for a person: what functions, workflows and APIs answer as JSON."""

from __future__ import annotations

import json
from typing import Any

_DEPTH = 4
"""Texts within texts that are looked into: a workflow's cause holds a function's error, and that ours."""


def in_words(text: str, depth: int = _DEPTH) -> str:
    """The sentence in an error's text; a text that is no JSON is one already.

    >>> in_words('{"errorType": "InvalidTelemetry", "errorMessage": "no readings", "trace": ["File x"]}')
    'no readings'
    >>> in_words('{"reason": "no_rows", "message": "no readings", "remedy": "export again"}')
    'no_rows: no readings'
    >>> in_words('{"success": false, "errors": [{"code": "FORBIDDEN", "message": "not yours"}]}')
    'FORBIDDEN: not yours'
    >>> in_words("the disk is full")
    'the disk is full'

    The reason comes first, also where words stand before the JSON, as in a workflow's last state:

    >>> in_words('dead letter written: Detect: {"errorMessage": "no readings"}')
    'no readings (dead letter written: Detect)'
    """
    before, document = document_in(text)
    said = _of(document, depth) if document and depth else ""
    if not said:
        return text
    return f"{said} ({before})" if before else said


def document_in(text: str) -> tuple[str, dict[str, Any] | None]:
    """The JSON object at the end of a text, and the words before it; None where there is none.

    >>> document_in('Detect: {"a": 1}'), document_in("Detect"), document_in("[1]")
    (('Detect', {'a': 1}), ('', None), ('', None))
    """
    before, brace, rest = text.partition("{")
    try:
        document = json.loads(brace + rest)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(document, dict) or (before and not before.endswith(": ")):
        return "", None
    return before.removesuffix(": "), document


def _of(document: dict[str, Any], depth: int) -> str:
    if document.get("errors"):
        errors = document["errors"] if isinstance(document["errors"], list) else []
        return "; ".join(_of_the_api(item) for item in errors if isinstance(item, dict))
    if document.get("errorMessage"):
        return in_words(str(document["errorMessage"]), depth - 1)
    if document.get("reason"):
        return f"{document['reason']}: {document.get('message', '')}"
    said = (
        document.get("message") or document.get("Message") or document.get("cause") or document.get("Cause")
    )
    return in_words(str(said), depth - 1) if said else ""


def _of_the_api(error: dict[str, Any]) -> str:
    field = f" ({error['field']})" if error.get("field") else ""
    return f"{error.get('code', '')}: {error.get('message', '')}{field}"
