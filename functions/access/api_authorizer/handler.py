"""ApiAuthorizer: checks the API key of a request, and returns its customer and tier.

The key comes in the header X-API-Key, else in the query parameter api_key. API Gateway calls this function
for the APIs of all families. It answers 401 where the policy denies (`stacks/*.yaml`, ACCESS_DENIED).
"""

from __future__ import annotations

from typing import Any

from access.api_authorizer import policy
from ona.api import callers
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.observability import handler, logger

MAX_KEY_LENGTH = 128
"""Characters; a key of this platform has 44. A longer key is refused without a look into the table."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """API Gateway's request in; out a policy that allows it, with the caller's customer and tier.

    The policy denies where the key is missing, too long or no customer's. The answer never holds the key.
    Raises InvalidPayload for an event that no API Gateway sent, DependencyBusy where the table of customers
    does not answer.
    """
    method_arn = policy.method_of(event)
    key = policy.key_of(event)
    if not key or len(key) > MAX_KEY_LENGTH:
        return policy.refusing(method_arn, utc_now())
    caller = callers.find(aws.environment("CUSTOMERS_TABLE"), callers.key_id(key))
    if caller is None:
        logger.warning("an unknown API key was refused")
        return policy.refusing(method_arn, utc_now())
    return policy.allowing(caller, method_arn)
