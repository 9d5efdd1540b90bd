"""Training: one handler for the steps of `forecast_training`, told apart by the payload's `task`."""

from __future__ import annotations

from typing import Any

from global_training_service import work
from ona import storage
from ona.errors import InvalidPayload
from ona.forecasting.payloads import DecideRequest, FoldRequest, PrepareRequest, TrainRequest
from ona.observability import handler


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """See the module."""
    return run(event, storage.environment("OUTPUT_BUCKET"))


def run(event: Any, bucket: str) -> dict[str, Any]:
    """One step. Raises InvalidPayload for a task that is none."""
    task = event.get("task") if isinstance(event, dict) else None
    if task == "prepare":
        return work.prepare(PrepareRequest.parse(event), bucket).dump()
    if task == "fold":
        return work.fold(FoldRequest.parse(event), bucket).dump()
    if task == "train":
        return work.train(TrainRequest.parse(event), bucket).dump()
    if task == "decide":
        return work.decide(DecideRequest.parse(event), bucket).dump()
    raise InvalidPayload(f"task {task!r}: use prepare, fold, train or decide")
