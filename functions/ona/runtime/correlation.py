"""The correlation id: one text that stands in every log line of all that one event brought about.

A workflow takes it from the event that started it (`ops/asl_correlation.py`), and passes it to each
function.
A function passes it on: into its events, into the outbox, and so to tickets and webhooks.

>>> _ = begin({"task": "send"}, "4f6e")
>>> current()
'4f6e'
>>> with using("of-the-order"):
...     current()
'of-the-order'
>>> current()
'4f6e'
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

KEY = "correlation_id"
"""The name of the id in payloads, events, items, and log lines."""
HEADER = "X-Correlation-Id"
"""The HTTP header that other people's servers get it in."""
VARIABLE = "ONA_CORRELATION_ID"
"""The environment variable by which a container gets it: it has no payload."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#=@-]{0,127}")
"""What an id may be (ours). It goes into headers and log lines, and some ids come from outside."""

_here: ContextVar[str] = ContextVar(KEY, default="")
"""Set where a thread works for another id than its invocation's."""
_of_invocation = ""


def current() -> str:
    """The id of what is done just now; empty outside an invocation."""
    return _here.get() or _of_invocation or valid(os.environ.get(VARIABLE))


def begin(event: Any, request_id: str) -> Any:
    """Begin an invocation: its id from now on is its event's, else `request_id`.

    Out comes the event without the key KEY: models of payloads are strict and do not know it.
    """
    global _of_invocation
    _of_invocation = id_of(event) or valid(request_id)
    if isinstance(event, dict) and KEY in event:
        return {name: value for name, value in event.items() if name != KEY}
    return event


def end() -> None:
    """End an invocation: what comes after it has no id until the next begins."""
    global _of_invocation
    _of_invocation = ""


def id_of(event: Any) -> str:
    """The id that an event brings; empty where it has none.

    In this order: a payload's own, an event's of the bus that one of ours passed on, the bus event's `id`
    (an S3 event is one), the request's of API Gateway.

    >>> id_of({"task": "train", "correlation_id": "a-1"}), id_of({"task": "train"})
    ('a-1', '')
    >>> id_of({"detail-type": "Object Created", "id": "17793124-05d4", "detail": {}})
    '17793124-05d4'
    >>> id_of({"detail-type": "Site Day Due", "id": "b", "detail": {"correlation_id": "a-1"}})
    'a-1'
    >>> id_of({"requestContext": {"requestId": "c6af9ac6"}, "headers": {"correlation_id": "theirs"}})
    'c6af9ac6'
    """
    if not isinstance(event, dict):
        return ""
    if own := valid(event.get(KEY)):
        return own
    if "detail-type" in event:
        detail = event.get("detail")
        passed_on = valid(detail.get(KEY)) if isinstance(detail, dict) else ""
        return passed_on or valid(event.get("id"))
    context = event.get("requestContext")
    return valid(context.get("requestId")) if isinstance(context, dict) else ""


def valid(value: Any) -> str:
    r"""An id as it is, and empty for what can be none: other types, line ends, more than 128 characters.

    >>> [valid(value) for value in ("wo-1", "two\nlines", "", None, "x" * 129)]
    ['wo-1', '', '', '', '']
    """
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def headers() -> dict[str, str]:
    """The header that other people's servers get the current id in; none where there is no id."""
    return {HEADER: current()} if current() else {}


@contextmanager
def using(own: str) -> Iterator[None]:
    """Work for another id than the invocation's, in this thread only; an empty one changes nothing."""
    token = _here.set(valid(own) or _here.get())
    try:
        yield
    finally:
        _here.reset(token)
