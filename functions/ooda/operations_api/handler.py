"""OperationsApi: API Gateway's requests, and the timer's task `verify`."""

from __future__ import annotations

from typing import Any

from ona.api import gateway
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """API Gateway's answer to a request; or, for the timer, how many repairs were verified, did not hold,
    and wait. Raises InvalidPayload for any other event."""
    if gateway.claims_a_request(event):
        from ooda.operations_api.api import api

        return api.resolve(event, context)
    from ooda.operations_api.verify import verify

    task = event.get("task") if isinstance(event, dict) else None
    if task != "verify":
        raise InvalidPayload(f"task {task!r}: use verify")
    return verify(aws.environment("OUTPUT_BUCKET"), utc_now())
