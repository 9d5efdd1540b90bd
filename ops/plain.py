"""Errors in plain words: what functions, workflows and APIs answer as JSON, as a sentence for a person."""

from __future__ import annotations

import json

REDRIVE = "dlq redrive"
"""What a remedy names when something outside the file mends it: the file is then read again as it was."""
_AGAIN = "put the file again"


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
