"""EvaluateFold and Train: the candidate on what came before each window, then on all rows."""

from __future__ import annotations

import time

from forecasting.config import forecasting_config
from forecasting.global_training_service import dataset, evaluate, store
from forecasting.model import registry
from forecasting.model.booster import TooFewRows
from forecasting.payloads import FoldRequest, StepResult, TrainRequest
from ona.runtime.observability import logger


def fold(request: FoldRequest, bucket: str) -> StepResult:
    """One rolling-origin window: train on what came before it, forecast it, keep the forecasts.

    A site is forecast where the window's model has learned it: the candidate will have. Where too little
    came before the window, as in a history with a long silence, nothing is forecast.
    """
    started = time.monotonic()
    data = store.load_dataset(bucket, request.customer_id, request.version)
    window = data.card.folds[request.fold]
    settings = forecasting_config().booster
    frames, moved = dataset.aligned(data.frames)
    try:
        trained = evaluate.fit_before(frames, window[0], settings, data.others, every=data.card.thinned)
        learned = {name: frame for name, frame in frames.items() if name in trained.codes}
        table = evaluate.forecast_window(trained, learned, window)
        table["timestamp"] -= table["site_id"].map(moved)
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
