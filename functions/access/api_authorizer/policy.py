"""API Gateway's side of the authorizer: where a request carries its key, and what an answer looks like.

>>> key_of({"headers": {"x-api-key": "k1"}, "queryStringParameters": {"api_key": "k2"}})
'k1'
>>> key_of({"headers": None, "queryStringParameters": None})
''
"""

from __future__ import annotations

from typing import Any

from ona.api.callers import Caller


def key_of(event: dict[str, Any]) -> str:
    """The API key of a request, or ""."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get("x-api-key") or query.get("api_key") or "")


def allowing(caller: Caller, key: str, method_arn: str) -> dict[str, Any]:
    """The answer that lets a request through; its route sees the caller's customer and tier."""
    return {
        "principalId": caller.customer_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": method_arn}],
        },
        "context": {"customer_id": caller.customer_id, "tier": caller.tier},
        "usageIdentifierKey": key,
    }
