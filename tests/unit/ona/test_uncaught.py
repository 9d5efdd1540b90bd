"""An error that leaves a handler names no secret and nobody's address; its class and its place stay."""

from __future__ import annotations

import io
import json
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ona.runtime.errors import InvalidTelemetry, OnaError, RetryableError
from ona.runtime.observability import handler, logger

PARTS = {
    "user": "ana.souza",
    "token": "9f86d081884c7d65",
    "key": "8Zr0vTqXyP3mWc5Kd7Lh2Nb9Js4Gf6Ra1UeYoIx",
}
"""In parts: a traceback shows the lines of this file as well."""
MAIL = "@".join([PARTS["user"], "example.com"])
SECRETS = f"{MAIL} Bearer {PARTS['token']} {'_'.join(['ona', PARTS['key']])}"
HARMLESS = "key-1 email_export.csv 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
CONTEXT = SimpleNamespace(
    function_name="ona-detect-dev",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:ona-detect-dev",
    aws_request_id="4f6e",
)


class Group(ExceptionGroup):
    """An error that is made of more than a text."""


def failing(error: Exception, cause: Exception | None = None) -> Any:
    @handler
    def lambda_handler(_event: Any, _context: Any) -> None:
        raise error from cause

    return lambda_handler


def left(function: Any) -> Exception:
    try:
        function({}, CONTEXT)
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def printed(error: Exception) -> str:
    """What a runtime may print or pass on of an error, with all that it is chained to."""
    return "".join([*traceback.format_exception(error), repr(error), str(error), repr(error.args)])


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"refused: {SECRETS} {HARMLESS}"),
        KeyError(f"{SECRETS} {HARMLESS}"),
        RetryableError(f"{SECRETS} {HARMLESS}"),
        ClientError({"Error": {"Code": "Denied", "Message": f"{SECRETS} {HARMLESS}"}}, "PutItem"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, f"{SECRETS} {HARMLESS}"),
        Group(f"{SECRETS} {HARMLESS}", [ValueError(SECRETS)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_secret_leaves_with_an_error_and_what_looks_like_one_does(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    told = left(failing(error))
    assert type(told).__name__ == type(error).__name__, "workflows match on the name"
    for text in (printed(told), stream.getvalue()):
        assert not [part for part in PARTS.values() if part in text], text
    assert HARMLESS in str(told)
    assert "in lambda_handler" in printed(told), "where it failed is told"
    assert HARMLESS in stream.getvalue(), "and the log has the whole, redacted"


@pytest.mark.parametrize("how", ["cause", "context", "note"])
def test_no_secret_leaves_with_what_an_error_is_chained_to(how: str) -> None:
    error: Exception = OnaError("no answer from the portal")
    if how == "note":
        error.add_note(SECRETS)
    if how == "context":
        error.__context__ = ValueError(SECRETS)
    told = left(failing(error, ValueError(SECRETS) if how == "cause" else None))
    assert not [part for part in PARTS.values() if part in printed(told)]
    assert str(told) == "no answer from the portal"
    assert isinstance(told, OnaError)


def test_an_error_without_secrets_leaves_as_it_is() -> None:
    error = ValueError(f"refused: {HARMLESS}")
    assert left(failing(error, KeyError("key-1"))) is error
    assert isinstance(error.__cause__, KeyError)


def test_a_text_that_workflows_parse_can_still_be_parsed() -> None:
    key = "-----BEGIN {}-----\nMIIE".format("PRIVATE KEY")
    told = left(failing(InvalidTelemetry("bad_header", f"columns {MAIL}, {key}", where="a.csv")))
    document = json.loads(str(told))
    assert document["message"].count("[redacted]") == 2
    assert (document["reason"], document["where"]) == ("bad_header", "a.csv")


def test_a_probe_is_answered_without_secrets() -> None:
    answer = failing(ValueError(f"{MAIL} key-1"))({"$probe": {"input": {}}}, CONTEXT)
    assert answer["probe"]["error"] == "ValueError: [redacted] key-1"
