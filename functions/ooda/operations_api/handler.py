"""OperationsApi: API Gateway's requests, and the timers' tasks `verify` and `site_days`."""

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
    and wait, or how many sites were asked for. Raises InvalidPayload for any other event."""
    if gateway.claims_a_request(event):
        from ooda.operations_api.api import api

        return api.resolve(event, context)
    from ooda import site_days
    from ooda.operations_api.verify import verify

    task = event.get("task") if isinstance(event, dict) else None
    if task == "site_days":
        return site_days.sweep(utc_now())
    if task != "verify":
        raise InvalidPayload(f"task {task!r}: use verify or site_days")
    return verify(aws.environment("OUTPUT_BUCKET"), utc_now())
