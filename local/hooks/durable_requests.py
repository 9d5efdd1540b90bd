"""Requests and answers as durability sees them: which action it is, whether it changes anything, and the
answer to a write that could not be stored."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import parse_qs

READS = (
    "Get",
    "List",
    "Describe",
    "BatchGet",
    "Query",
    "Scan",
    "TransactGet",
    "Head",
    "Search",
    "Validate",
)
"""Beginnings of the names of actions that change nothing."""
Answer = tuple[int, dict[str, str], Any]


def action_of(method: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]) -> str:
    """The action that a request names; for a REST service its method."""
    if target := headers.get("x-amz-target", ""):
        return target.rsplit(".", 1)[-1]
    if named_ := query.get("Action"):
        return named_[0]
    if (method == "POST" and body.startswith((b"Action=", b"Version="))) or b"&Action=" in body[:4096]:
        return (parse_qs(body[:65536].decode("utf-8", "replace")).get("Action") or [""])[0]
    return method


def is_reading(action: str) -> bool:
    """Whether an action changes nothing.

    >>> [is_reading(action) for action in ("GetItem", "GET", "PutItem", "POST", "ReceiveMessage")]
    [True, True, False, False, False]
    """
    return action in ("GET", "HEAD", "OPTIONS") or action.startswith(READS)


def failure(service: str, headers: dict[str, str], reason: str) -> Answer:
    """The answer to a write that was not stored, in the service's own words and shape.

    Codes: DynamoDB InternalServerError, S3 InternalError, Lambda ServiceException; for the others
    InternalFailure of AWS's common errors. All are 500, so that clients try again.
    """
    codes = {"dynamodb": "InternalServerError", "s3": "InternalError", "lambda": "ServiceException"}
    code = codes.get(service, "InternalFailure")
    if service == "s3":
        text = f"We encountered an internal error. Please try again. ({reason})"
        return (
            500,
            {"Content-Type": "application/xml"},
            _xml(f"<Code>{code}</Code>", text, "Error").encode(),
        )
    text = f"The request processing has failed because of an unknown error. ({reason})"
    json_spoken = "x-amz-target" in headers or service in ("lambda", "apigateway", "scheduler")
    if json_spoken:
        kind = "application/x-amz-json-1.0"
        body = json.dumps({"__type": code, "message": text})
        return 500, {"Content-Type": kind, "x-amzn-errortype": code}, body.encode()
    inner = _xml(f"<Type>Receiver</Type><Code>{code}</Code>", text, "Error")
    return 500, {"Content-Type": "text/xml"}, f"<ErrorResponse>{inner}</ErrorResponse>".encode()


def _xml(head: str, text: str, name: str) -> str:
    return f"<{name}>{head}<Message>{escape(text)}</Message></{name}>"
