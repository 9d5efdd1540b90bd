"""ForecastingApi: API Gateway's requests, and the scheduled tasks `forecast` and `accuracy`."""

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
        from forecasting.forecasting_api.api import app

        answer: dict[str, Any] = app.resolve(event, context)
        return answer
    return run(event, aws.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One scheduled task. Raises InvalidPayload for a task that is none."""
    from forecasting.forecasting_api import accuracy, service
    from forecasting.payloads import AccuracyRequest, ForecastRequest, ForecastResult

    task = event.get("task") if isinstance(event, dict) else None
    if task == "accuracy":
        return accuracy.measure(AccuracyRequest.read(event, "event"), bucket).document()
    if task != "forecast":
        raise InvalidPayload(f"task {task!r}: use forecast or accuracy")
    request = ForecastRequest.read(event, "event")
    site = service.read_site(bucket, request.site_key)
    document, pointer = service.generate(site, utc_now())
    return ForecastResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        forecast=pointer,
        degraded=document.metadata.degraded,
    ).document()
