"""Prepare: put a customer's dataset together, or say why there is nothing to train."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC

import pandas as pd

from forecasting.config import TrainingRules, forecasting_config
from forecasting.documents import DatasetCard, Fitted
from forecasting.global_training_service import dataset, store
from forecasting.layout import TRAINING_HOURLY
from forecasting.model.booster import MIN_ROWS
from forecasting.payloads import PrepareRequest, PrepareResult
from ona.runtime.errors import InvalidInput
from ona.runtime.words import counted


def prepare(request: PrepareRequest, bucket: str) -> PrepareResult:
    """The customer's dataset, written to `bucket`. Raises InvalidInput for a key of another kind."""
    fields = TRAINING_HOURLY.parse(request.source.key)
    if fields is None:
        raise InvalidInput(f"{request.source.key} is no training/<customer>/<site>/hourly/<file>.parquet")
    customer, rules = fields["customer_id"], forecasting_config().training
    uploads = store.uploads_of(request.source.bucket, customer)
    if store.trained_by_another(bucket, uploads, request.execution_id):
        return PrepareResult(
            status="nothing_new", customer_id=customer, reason="these very uploads have been trained on"
        )
    frames, fitted = dataset.site_frames(store.tables_of(uploads, bucket))
    if max((site.days for site in fitted), default=0.0) < rules.min_days or too_dark(frames):
        return PrepareResult(status="too_little", customer_id=customer, reason=too_little(fitted, rules))
    rows = sum(site.rows for site in fitted)
    in_container = rows > rules.function_rows and bool(os.environ.get("TRAINING_CONTAINER", ""))
    others = store.rows_of_others(bucket, customer, rules.rows_of_others)
    content = uploads.digest
    card = DatasetCard(
        customer_id=customer,
        version=f"v{request.started.astimezone(UTC):%Y%m%d%H%M}-{content[:8]}",
        digest=content,
        execution_id=request.execution_id,
        started=request.started,
        trained_until=dataset.last_hour(frames),
        sites=fitted,
        sources=[entry["Key"] for entry in uploads.entries],
        rows=rows,
        rows_of_others=len(others) if others is not None else 0,
        thinned=dataset.thinned(frames, rules.container_rows if in_container else rules.function_rows),
        folds=dataset.windows(frames, rules),
    )
    store.save_dataset(bucket, store.Dataset(card, frames, others))
    return PrepareResult(
        status="ready",
        customer_id=customer,
        version=card.version,
        folds=tuple(range(len(card.folds))),
        run_in="container" if in_container else "function",
    )


def too_dark(frames: Mapping[str, pd.DataFrame]) -> bool:
    """Whether fewer hours have sun or wind, weather and power than a model is trained on."""
    return dataset.rows_of(frames) < MIN_ROWS


def too_little(fitted: list[Fitted], rules: TrainingRules) -> str:
    """Why a customer's uploads do not make a model yet, in a sentence for the customer."""
    if not fitted:
        return (
            "no upload has weather and power of the same hours by day, and a forecast rests on both: "
            "see the upload's report for the reason"
        )
    days = max(site.days for site in fitted)
    if days >= rules.min_days:
        return (
            f"fewer than {counted(MIN_ROWS, 'hour')} by day have weather and measured power. "
            "The uploads are kept: send more and a model is trained; until then the shared model forecasts"
        )
    return (
        f"{counted(days, 'day', 'g')} with measured power; {rules.min_days} are needed. "
        "The uploads are kept: send more and a model is trained; until then the shared model forecasts"
    )
