"""What API Gateway sends to an authorizer and expects back: where the key is, and the form of an answer.

>>> key_of({"headers": {"x-api-key": "k1"}, "queryStringParameters": {"api_key": "k2"}})
'k1'
>>> key_of({"headers": None, "queryStringParameters": None})
''
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ona.api.callers import Caller
from ona.runtime.clock import iso


def key_of(event: dict[str, Any]) -> str:
    """The API key of a request, or "" where it has none. The header wins over the query parameter."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get("x-api-key") or query.get("api_key") or "")


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


def allowing(caller: Caller, key: str, method_arn: str) -> dict[str, Any]:
    """The answer that allows one request. The route's function receives the caller's customer and tier.

    `method_arn`: the route that was called; `key`: the API key, by which API Gateway picks the usage plan.
    """
    return {
        "principalId": caller.customer_id,
        "policyDocument": _policy("Allow", method_arn),
        "context": {"customer_id": caller.customer_id, "tier": caller.tier},
        "usageIdentifierKey": key,
    }
