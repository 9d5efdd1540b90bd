"""EvaluateFold and Train: the candidate on what came before each window, then on all rows."""

from __future__ import annotations

import time

from forecasting.config import forecasting_config
from forecasting.global_training_service import evaluate, store
from forecasting.model import registry
from forecasting.model.booster import TooFewRows
from forecasting.payloads import FoldRequest, StepResult, TrainRequest
from ona.runtime.observability import logger


def fold(request: FoldRequest, bucket: str) -> StepResult:
    """One rolling-origin window: train on what came before it, forecast it, keep the forecasts.

    Where too little came before it, as in a history with a long silence, nothing is forecast.
    """
    started = time.monotonic()
    data = store.load_dataset(bucket, request.customer_id, request.version)
    window = data.card.folds[request.fold]
    settings = forecasting_config().booster
    try:
        trained = evaluate.fit_before(
            data.frames, window[0], settings, data.others, every=data.card.thinned
        )
        table = evaluate.forecast_window(trained, data.frames, window)
    except TooFewRows as error:
        logger.info("nothing to judge in a window", window=window, why=str(error))
        table = evaluate.no_window(settings.levels)
    store.save_fold(bucket, request.customer_id, request.version, request.fold, table)
    return _done(request, len(table), started)


def train(request: TrainRequest, bucket: str) -> StepResult:
    """The candidate, on all rows."""
    started = time.monotonic()
    data = store.load_dataset(bucket, request.customer_id, request.version)
    trained = evaluate.fit_before(
        data.frames,
        data.card.trained_until,
        forecasting_config().booster,
        data.others,
        every=data.card.thinned,
    )
    registry.write_model(bucket, request.customer_id, request.version, trained)
    return _done(request, data.card.rows, started)


def _done(request: FoldRequest | TrainRequest, rows: int, started: float) -> StepResult:
    seconds = round(time.monotonic() - started, 2)
    return StepResult(customer_id=request.customer_id, version=request.version, rows=rows, seconds=seconds)
