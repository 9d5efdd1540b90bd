"""ForecastingApi: API Gateway's requests, and the timers' tasks `forecast` and `accuracy`."""

from __future__ import annotations

from typing import Any

from ona.api import gateway
from ona.runtime import aws, collector
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """One request (API Gateway's answer), or one task (`ForecastResult`, `AccuracyResult`)."""
    if gateway.claims_a_request(event):
        with collector.importing("forecasting.forecasting_api.api"):
            from forecasting.forecasting_api.api import api
        return api.resolve(event, context)
    return run(event, aws.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One task of the timers. Raises InvalidPayload for a task that does not exist."""
    from forecasting.forecasting_api import tasks
    from forecasting.payloads import AccuracyRequest, ForecastRequest

    task = event.get("task") if isinstance(event, dict) else None
    if task == "accuracy":
        return tasks.measure(AccuracyRequest.read(event, "event"), bucket).document()
    if task == "forecast":
        return tasks.forecast(ForecastRequest.read(event, "event"), bucket, utc_now()).document()
    raise InvalidPayload(f"task {task!r}: use forecast or accuracy")
