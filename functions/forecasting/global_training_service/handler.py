"""Training: one handler for the steps of `forecast_training`; the payload's `task` says which."""

from __future__ import annotations

from typing import Any

from forecasting.global_training_service.candidate import fold, train
from forecasting.global_training_service.decide import decide
from forecasting.global_training_service.prepare import prepare
from forecasting.payloads import DecideRequest, FoldRequest, PrepareRequest, TrainRequest
from ona.runtime import aws
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """One step; returns a `PrepareResult`, `StepResult` or `DecideResult`."""
    return run(event, aws.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One step on the output bucket. Raises InvalidPayload for a task that does not exist."""
    task = event.get("task") if isinstance(event, dict) else None
    if task == "prepare":
        return prepare(PrepareRequest.read(event, "event"), bucket).document()
    if task == "fold":
        return fold(FoldRequest.read(event, "event"), bucket).document()
    if task == "train":
        return train(TrainRequest.read(event, "event"), bucket).document()
    if task == "decide":
        return decide(DecideRequest.read(event, "event"), bucket).document()
    raise InvalidPayload(f"task {task!r}: use prepare, fold, train or decide")
