"""ForecastingApi: API Gateway's requests, and the scheduled tasks `forecast` and `accuracy`."""

from __future__ import annotations

from typing import Any

from ona import storage
from ona.clock import utc_now
from ona.errors import InvalidPayload
from ona.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """See the module."""
    if isinstance(event, dict) and "httpMethod" in event:
        from forecasting_api.api import app

        answer: dict[str, Any] = app.resolve(event, context)
        return answer
    return run(event, storage.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One scheduled task. Raises InvalidPayload for a task that is none."""
    from forecasting_api import accuracy, service
    from ona.forecasting.payloads import AccuracyRequest, ForecastRequest, ForecastResult

    task = event.get("task") if isinstance(event, dict) else None
    if task == "accuracy":
        return accuracy.measure(AccuracyRequest.parse(event), bucket).dump()
    if task != "forecast":
        raise InvalidPayload(f"task {task!r}: use forecast or accuracy")
    request = ForecastRequest.parse(event)
    site = service.read_site(bucket, request.site_key)
    document, pointer = service.generate(site, utc_now())
    return ForecastResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        forecast=pointer,
        degraded=document.metadata.degraded,
    ).dump()
