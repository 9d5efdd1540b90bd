"""Whether an event came through the function's own APIs, and by which door.

A family has two APIs: one takes API keys, the other IAM signatures. The template names both to the function
(environment variables `API_ID` and `IAM_API_ID`), and its stage (`ONA_ENVIRONMENT`). Each door is believed
about its own credentials only: the authorizer's context of the first, the caller's ARN of the second.

An event must also have the form in which API Gateway hands on a request (API Gateway Developer Guide,
"Input format of a Lambda function for proxy integration"): what follows here reads it without looking.

A caller who may invoke the function itself can forge all of this. The function's resource policy admits its
APIs only; who else may is decided by IAM in the account (docs/access.md, "What is trusted").
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal

from ona.runtime import aws

Door = Literal["key", "signature"]
"""How a caller came in: with an API key, or with an IAM signature."""
_SINGLE = ("headers", "queryStringParameters", "pathParameters", "stageVariables")
_SEVERAL = ("multiValueHeaders", "multiValueQueryStringParameters")


def claims_a_request(event: Any) -> bool:
    """Whether an event says that it is a request, and so none of the function's own tasks.

    >>> claims_a_request({"httpMethod": "GET"}), claims_a_request({"requestContext": None})
    (True, True)
    >>> claims_a_request({"task": "verify"}), claims_a_request(None)
    (False, False)
    """
    return isinstance(event, Mapping) and ("httpMethod" in event or "requestContext" in event)


def door(event: Any) -> Door | None:
    """The door that an event came through; None for one that came through none of this function's.

    >>> import os
    >>> os.environ.update(API_ID="abc", IAM_API_ID="def", ONA_ENVIRONMENT="dev")
    >>> event = {"httpMethod": "GET", "path": "/health"}
    >>> door({**event, "requestContext": {"apiId": "def", "stage": "dev", "requestId": "1"}})
    'signature'
    >>> door({**event, "requestContext": {"apiId": "other", "stage": "dev", "requestId": "1"}}) is None
    True
    >>> door("x") is None
    True
    """
    if not isinstance(event, Mapping) or not _has_form(event):
        return None
    context = event["requestContext"]
    if context.get("stage") != aws.environment("ONA_ENVIRONMENT"):
        return None
    doors: dict[str, Door] = {
        aws.environment("API_ID"): "key",
        aws.environment("IAM_API_ID"): "signature",
    }
    return doors.get(context["apiId"])


def _has_form(event: Mapping[str, Any]) -> bool:
    """Whether an event has the form of API Gateway's."""
    context = event.get("requestContext")
    if not isinstance(context, Mapping):
        return False
    return (
        all(_text(event.get(name)) for name in ("httpMethod", "path"))
        and all(_text(context.get(name)) for name in ("apiId", "requestId"))
        and all(_texts(event.get(name)) for name in _SINGLE)
        and all(_lists(event.get(name)) for name in _SEVERAL)
        and isinstance(context.get("authorizer"), Mapping | None)
        and _identity(context.get("identity"))
        and _body(event.get("body"), event.get("isBase64Encoded"))
    )


def _identity(identity: Any) -> bool:
    """The caller's identity; its ARN is a text, or none."""
    if identity is None:
        return True
    return isinstance(identity, Mapping) and (identity.get("userArn") is None or _text(identity["userArn"]))


def _plain(value: Any) -> bool:
    """Text without lone surrogates: API Gateway hands on what can be written as UTF-8."""
    return isinstance(value, str) and (
        value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    )


def _text(value: Any) -> bool:
    return _plain(value) and value != ""


def _texts(values: Any) -> bool:
    """A mapping of texts, or none."""
    if values is None:
        return True
    return isinstance(values, Mapping) and all(map(_plain, values)) and all(map(_plain, values.values()))


def _lists(values: Any) -> bool:
    """A mapping of lists of texts, or none."""
    if values is None:
        return True
    return (
        isinstance(values, Mapping)
        and all(map(_plain, values))
        and all(isinstance(several, list) and all(map(_plain, several)) for several in values.values())
    )


def _body(body: Any, encoded: Any) -> bool:
    if not isinstance(encoded, bool | None) or not isinstance(body, str | None):
        return False
    if not encoded or body is None:
        return True
    try:
        base64.b64decode(body, validate=True)
    except ValueError:
        return False
    return True
