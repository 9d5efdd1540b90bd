"""EvaluateFold and Train: the candidate on what each window leaves it, then on all rows."""

from __future__ import annotations

import time
from dataclasses import replace

import pandas as pd

from forecasting.config import forecasting_config
from forecasting.global_training_service import dataset, evaluate, store
from forecasting.model import blend, registry
from forecasting.model.booster import TooFewRows
from forecasting.payloads import FoldRequest, StepResult, TrainRequest
from ona.runtime.observability import logger

JUDGING_ROWS = 20_000
"""Daylight rows that train a window of months: five trainings on all rows would cost more than they tell.
Ours."""


def fold(request: FoldRequest, bucket: str) -> StepResult:
    """One window: train without it, forecast it, keep the forecasts.

    With less than a year of data a window is trained on what came before it (a rolling origin); with more,
    on all other months. A site is forecast where the window's model has learned it: the candidate will
    have. Where too little is left, as in a history with a long silence, nothing is forecast.
    """
    started = time.monotonic()
    data = store.load_dataset(bucket, request.customer_id, request.version)
    spans, settings, every = (
        data.card.spans(request.fold),
        forecasting_config().booster,
        data.card.thinned,
    )
    frames, moved = dataset.aligned(data.frames)
    try:
        if data.card.blocks:
            every = max(every, dataset.thinned(frames, JUDGING_ROWS))
            trained = evaluate.fit_outside(frames, spans, settings, data.others, every=every)
        else:
            trained = evaluate.fit_before(frames, spans[0][0], settings, data.others, every=every)
        learned = {name: frame for name, frame in frames.items() if name in trained.physics}
        tables = [evaluate.forecast_window(trained, learned, span) for span in spans]
        table = pd.concat(tables, ignore_index=True)
        table["timestamp"] -= table["site_id"].map(moved)
    except TooFewRows as error:
        logger.info("nothing to judge in a window", spans=spans, why=str(error))
        table = evaluate.no_window(settings.levels)
    store.save_fold(bucket, request.customer_id, request.version, request.fold, table)
    return _done(request, len(table), started)


def train(request: TrainRequest, bucket: str) -> StepResult:
    """The candidate, on all rows; how much its trees count is learned from its windows."""
    started = time.monotonic()
    data = store.load_dataset(bucket, request.customer_id, request.version)
    trained = evaluate.fit_before(
        data.frames,
        data.card.trained_until,
        forecasting_config().booster,
        data.others,
        every=data.card.thinned,
    )
    unseen = evaluate.unseen_by_site(store.load_folds(bucket, data.card), trained.levels)
    trained = replace(trained, weights=blend.learn(unseen, trained.levels, trained.weights))
    registry.write_model(bucket, request.customer_id, request.version, trained)
    return _done(request, data.card.rows, started)


def _done(request: FoldRequest | TrainRequest, rows: int, started: float) -> StepResult:
    seconds = round(time.monotonic() - started, 2)
    return StepResult(customer_id=request.customer_id, version=request.version, rows=rows, seconds=seconds)
