"""ApiAuthorizer: an API key (header X-API-Key, else query parameter api_key) → its customer and tier.

The APIs of all families ask this function. API Gateway answers 401 when it raises `Unauthorized`.
The key goes on to the usage plans.
"""

from __future__ import annotations

from typing import Any

from access.api_authorizer import policy
from ona.api import callers
from ona.runtime import aws
from ona.runtime.observability import handler, logger

MAX_KEY_LENGTH = 128
"""Characters; ours have 44. A longer one is refused without asking the table."""


class Unauthorized(Exception):
    """No key, or one that opens nothing."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """API Gateway's request in, a policy with the caller's customer and tier out.

    Raises Unauthorized for a key that opens nothing, and DependencyBusy.
    """
    key = policy.key_of(event)
    if not key or len(key) > MAX_KEY_LENGTH:
        raise Unauthorized("Unauthorized")
    caller = callers.find(aws.environment("CUSTOMERS_TABLE"), callers.key_id(key))
    if caller is None:
        logger.warning("an unknown API key was refused")
        raise Unauthorized("Unauthorized")
    return policy.allowing(caller, key, event["methodArn"])
