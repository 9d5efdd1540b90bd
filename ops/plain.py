"""Errors in plain words: what functions, workflows and APIs answer as JSON, as a sentence for a person."""

from __future__ import annotations

import json
from typing import Any

REDRIVE = "dlq redrive"
"""What a remedy names when something outside the file mends it: the file is then read again as it was."""
_AGAIN = "put the file again"
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
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(document, dict) or not depth:
        return text
    return _of(document, depth) or text


def to_mend(remedy: str) -> str:
    """A rejected file's remedy with its last step: a redrive where it names one, else the file put again.

    >>> to_mend("save it as UTF-8")
    'save it as UTF-8; then put the mended file again'
    >>> to_mend("put assets.json, then `./ona dlq redrive`")
    'put assets.json, then `./ona dlq redrive`'
    >>> to_mend("")
    'put the mended file again'
    """
    if REDRIVE in remedy or _AGAIN in remedy:
        return remedy
    return f"{remedy}; then put the mended file again" if remedy else "put the mended file again"


def remedy_in(text: str) -> str:
    """The remedy in a rejection's JSON; empty where there is none.

    >>> remedy_in('{"reason": "no_rows", "message": "no readings", "remedy": "export again"}')
    'export again'
    >>> remedy_in("the disk is full"), remedy_in("[1]")
    ('', '')
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    remedy = document.get("remedy") if isinstance(document, dict) else None
    return remedy if isinstance(remedy, str) else ""


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
