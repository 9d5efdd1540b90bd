"""ApiAuthorizer: an API key (header X-API-Key, else query parameter api_key) → its customer and tier.

API Gateway answers 401 when this raises `Unauthorized`. The key goes on to the usage plans.
"""

from __future__ import annotations

from typing import Any

from ona.api import callers
from ona.runtime import aws
from ona.runtime.observability import handler, logger

MAX_KEY_LENGTH = 128


class Unauthorized(Exception):
    """No key, or none that is known."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    key = _key(event)
    if not key or len(key) > MAX_KEY_LENGTH:
        raise Unauthorized("Unauthorized")
    found = callers.find(aws.environment("CUSTOMERS_TABLE"), callers.key_id(key))
    if found is None:
        logger.warning("an unknown API key was refused")
        raise Unauthorized("Unauthorized")
    return {
        "principalId": found.customer_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
            ],
        },
        "context": {"customer_id": found.customer_id, "tier": found.tier},
        "usageIdentifierKey": key,
    }


def _key(event: dict[str, Any]) -> str:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get("x-api-key") or query.get("api_key") or "")
