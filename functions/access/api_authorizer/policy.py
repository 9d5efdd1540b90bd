"""What API Gateway sends to an authorizer and expects back: where the key is, and the form of an answer.

>>> key_of({"headers": {"x-api-key": "k1"}, "queryStringParameters": {"api_key": "k2"}})
'k1'
>>> key_of({"headers": None, "queryStringParameters": None})
''
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ona.api.callers import Caller
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidPayload


def method_of(event: Any) -> str:
    """The ARN of the route that was called. Raises InvalidPayload for an event that no API Gateway sent.

    API Gateway asks with type REQUEST, and names the route (API Gateway Developer Guide, "Input to an API
    Gateway Lambda authorizer").
    """
    if not isinstance(event, Mapping) or event.get("type") != "REQUEST":
        raise InvalidPayload("an authorizer's event has the type REQUEST")
    arn = event.get("methodArn")
    if not isinstance(arn, str) or ":execute-api:" not in arn:
        raise InvalidPayload("an authorizer's event names the route in methodArn")
    return arn


def key_of(event: Mapping[str, Any]) -> str:
    """The API key of a request, or "" where it has none. The header wins over the query parameter."""
    headers = {name.lower(): value for name, value in _texts(event.get("headers")).items()}
    key = headers.get("x-api-key") or _texts(event.get("queryStringParameters")).get("api_key") or ""
    return key if key.isascii() else ""  # a key of this platform is ASCII


def _texts(values: Any) -> dict[str, str]:
    """The texts of a mapping, by their names; empty for anything else."""
    pairs = values.items() if isinstance(values, Mapping) else ()
    return {name: value for name, value in pairs if isinstance(name, str) and isinstance(value, str)}


def refusing(method_arn: str, now: datetime) -> dict[str, Any]:
    """The answer that refuses one request. `now` becomes the time in the refusal: of all that refuse a
    request before it reaches a function, only the authorizer can write a time in ISO 8601."""
    return {
        "principalId": "nobody",
        "policyDocument": _policy("Deny", method_arn),
        "context": {"timestamp": iso(now)},
    }


def _policy(effect: Literal["Allow", "Deny"], method_arn: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowing(caller: Caller, method_arn: str) -> dict[str, Any]:
    """The answer that allows one request. The route's function receives the caller's customer and tier.

    `method_arn`: the route that was called. The answer has no `usageIdentifierKey`, which would show the
    caller's key to whoever reads the answer: API Gateway looks at it only for usage plans, in an API whose
    key source is AUTHORIZER and whose methods demand a key (API Gateway Developer Guide, "Choose an API key
    source"). The APIs here have neither; requests are counted by customer (`ona.api.callers`).
    """
    return {
        "principalId": caller.customer_id,
        "policyDocument": _policy("Allow", method_arn),
        "context": {"customer_id": caller.customer_id, "tier": caller.tier},
    }
