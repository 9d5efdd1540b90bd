"""A probe: a function runs with a sample, reads what is there, and writes nothing.

Whoever may invoke a function sends `{"$probe": {"input": ...}}` (`ona deploy validate`). The function runs
as always, with the version's own code, layers, settings and role. What it would write to AWS or send to
others is named in the answer, and not done; nothing is measured. An API's event cannot carry the key:
API Gateway makes that event.

One invocation runs at a time in a process, so that what is noted here is this invocation's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from ona.runtime.errors import InvalidConfiguration, InvalidPayload, OnaError, RetryableError

ANSWERED = "answered"
"""What a probe says that did the whole of its work."""
KEY = "$probe"
"""The field of a payload that is a probe."""
_READS = ("Get", "Head", "List", "Describe", "BatchGet", "Query", "Scan")
"""How operations begin that change nothing. ReceiveMessage does: it hides messages from others."""
_FAULTS = (InvalidConfiguration, InvalidPayload, RetryableError)
"""Errors of ours that a sound version does not raise for its own sample."""
_ANSWERS: dict[str, dict[str, Any]] = {
    "CreateMultipartUpload": {"UploadId": "probe"},
    "PutObject": {"ETag": '"probe"', "VersionId": "probe"},
    "UploadPart": {"ETag": '"probe"'},
}
"""What AWS would answer, where a function reads the answer of a write."""
_would: list[str] | None = None
"""What the present probe would have written; None: no probe runs."""


def asking(sample: Any) -> dict[str, Any]:
    """The payload of a probe with a sample event.

    >>> asking({"task": "due"})
    {'$probe': {'input': {'task': 'due'}}}
    """
    return {KEY: {"input": sample}}


def told(answer: Any) -> dict[str, Any] | None:
    """What a probe says in a function's answer; None where it did not answer as a probe.

    >>> told({"probe": {"ok": True}}), told({"errorMessage": "no"}), told("VERSION 1")
    ({'ok': True}, None, None)
    """
    said = answer.get("probe") if isinstance(answer, dict) else None
    return said if isinstance(said, dict) else None


def running() -> bool:
    """Whether a probe runs."""
    return _would is not None


def note(what: str) -> None:
    """Remember what a probe would have done."""
    if _would is not None and what not in _would:
        _would.append(what)


def guard(client: Any) -> Any:
    """Let a boto3 client write nothing while a probe runs; returns the client.

    botocore makes no request when a listener of `before-call` answers.
    """
    client.meta.events.register("before-call", _answer_writes)
    return client


def _answer_writes(model: Any, **_: Any) -> Any:
    if _would is None or model.name.startswith(_READS):
        return None
    note(f"{model.service_model.service_name}:{model.name}")
    told = {"HTTPStatusCode": 200, "HTTPHeaders": {}}
    return _Nothing(), {**_ANSWERS.get(model.name, {}), "ResponseMetadata": told}


class _Nothing:
    """The HTTP answer of a request that was not made."""

    status_code = 200


def run(function: Callable[[Any, Any], Any], probe: Any, context: Any) -> dict[str, Any]:
    """Run a handler with a probe's input; returns what became of it.

    `ok` is False for what a sound version never says: a missing package or setting, a right that its role
    has not, a payload that it does not know, a fault of the code. An input of a sample that is not there
    (ObjectMissing and its kin) is an answer like any other: the function came as far as looking for it.
    """
    global _would
    begun = time.perf_counter()
    noted: list[str] = []
    _would = noted
    try:
        answer = function(probe.get("input"), context)
        status = answer.get("statusCode", 200) if isinstance(answer, dict) else 200
        text = f"HTTP {status}" if status != 200 else ANSWERED
        found = {"ok": status < 500, "answer": text, "error": ""}
    except Exception as error:
        known = isinstance(error, OnaError) and not isinstance(error, _FAULTS)
        text = f"{type(error).__name__}: {error}"
        found = {"ok": known, "answer": text if known else "", "error": "" if known else text}
    finally:
        _would = None
    return {
        "probe": {
            **found,
            "would_write": noted,
            "ms": round(1000 * (time.perf_counter() - begun)),
            "version": str(getattr(context, "function_version", "")),
            "release": os.environ.get("ONA_RELEASE", ""),
        }
    }
