"""Training: one handler for the steps of `forecast_training`, told apart by the payload's `task`."""

from __future__ import annotations

from typing import Any

from forecasting.global_training_service import work
from forecasting.payloads import DecideRequest, FoldRequest, PrepareRequest, TrainRequest
from ona.runtime import aws
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    return run(event, aws.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One step. Raises InvalidPayload for a task that is none."""
    task = event.get("task") if isinstance(event, dict) else None
    if task == "prepare":
        return work.prepare(PrepareRequest.read(event, "event"), bucket).document()
    if task == "fold":
        return work.fold(FoldRequest.read(event, "event"), bucket).document()
    if task == "train":
        return work.train(TrainRequest.read(event, "event"), bucket).document()
    if task == "decide":
        return work.decide(DecideRequest.read(event, "event"), bucket).document()
    raise InvalidPayload(f"task {task!r}: use prepare, fold, train or decide")
