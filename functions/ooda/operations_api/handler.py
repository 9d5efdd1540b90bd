"""OperationsApi: API Gateway's requests, and the scheduled task `verify`."""

from __future__ import annotations

from typing import Any

from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """See the module."""
    if isinstance(event, dict) and "httpMethod" in event:
        from ooda.operations_api.api import app

        answer: dict[str, Any] = app.resolve(event, context)
        return answer
    from ooda.operations_api.verify import verify

    task = event.get("task") if isinstance(event, dict) else None
    if task != "verify":
        raise InvalidPayload(f"task {task!r}: use verify")
    return verify(aws.environment("OUTPUT_BUCKET"), utc_now())
