"""Prepare: put a customer's dataset together, or say why there is nothing to train."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC

import pandas as pd

from forecasting.config import TrainingRules, forecasting_config
from forecasting.documents import DatasetCard, Fitted
from forecasting.global_training_service import dataset, store
from forecasting.layout import TRAINING_HOURLY
from forecasting.model.booster import MIN_ROWS
from forecasting.payloads import PrepareRequest, PrepareResult
from ona.config import flags
from ona.runtime.errors import InvalidInput
from ona.runtime.words import counted, shortened
from ona.store.unreadable import Unreadable, note

MOST_NAMED = 10
"""Objects that an outcome names; the rest is counted (ours)."""
LONGEST = 400
"""Characters about one object (ours)."""


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
    bad: list[Unreadable] = []
    frames, fitted = dataset.site_frames(store.tables_of(uploads, bucket, request.started, bad))
    for entry in bad:
        note(entry.where, entry.why)
    left_out = told(bad)
    if max((site.days for site in fitted), default=0.0) < rules.min_days or too_dark(frames):
        if bad and not fitted:
            return PrepareResult(
                status="unreadable", customer_id=customer, reason=without(bad), unreadable=left_out
            )
        reason = too_little(fitted, rules) + (f". Left out: {'; '.join(left_out)}" if bad else "")
        return PrepareResult(status="too_little", customer_id=customer, reason=reason, unreadable=left_out)
    rows = sum(site.rows for site in fitted)
    where_bad = {entry.where for entry in bad}
    sources = [entry["Key"] for entry in uploads.entries]
    in_container = wants_container(rows, rules, customer)
    others = store.rows_of_others(bucket, customer, rules.rows_of_others)
    content = uploads.digest
    blocks = dataset.blocks(frames, rules)
    card = DatasetCard(
        customer_id=customer,
        version=f"v{request.started.astimezone(UTC):%Y%m%d%H%M}-{content[:8]}",
        digest=content,
        execution_id=request.execution_id,
        started=request.started,
        trained_until=dataset.last_hour(frames),
        sites=fitted,
        sources=[key for key in sources if f"s3://{uploads.bucket}/{key}" not in where_bad],
        unreadable=list(left_out),
        rows=rows,
        rows_of_others=len(others) if others is not None else 0,
        thinned=dataset.thinned(frames, rules.container_rows if in_container else rules.function_rows),
        folds=[(months[0][0], months[-1][1]) for months in blocks]
        or dataset.windows(dataset.aligned(frames)[0], rules),
        blocks=blocks,
    )
    store.save_dataset(bucket, store.Dataset(card, frames, others))
    return PrepareResult(
        status="ready",
        customer_id=customer,
        version=card.version,
        folds=tuple(range(len(card.folds))),
        run_in="container" if in_container else "function",
        unreadable=left_out,
    )


def wants_container(rows: int, rules: TrainingRules, customer: str) -> bool:
    """Whether a dataset is too large for a function, and there is a container for the customer."""
    there = bool(os.environ.get("TRAINING_CONTAINER", ""))
    return rows > rules.function_rows and there and flags.enabled("container_training", customer)


def told(bad: Sequence[Unreadable]) -> tuple[str, ...]:
    """Which objects were left out, each with what is wrong with it; the first ones, and how many more.

    >>> told([Unreadable("s3://b/c.parquet", "s3://b/c.parquet has no rows")])
    ('s3://b/c.parquet has no rows',)
    >>> told([Unreadable("s3://b/s.json", "no JSON")])
    ('s3://b/s.json: no JSON',)
    """
    named = [
        shortened(entry.why if entry.where in entry.why else f"{entry.where}: {entry.why}", LONGEST)
        for entry in bad
    ]
    rest = len(named) - MOST_NAMED
    return (*named[:MOST_NAMED], *([f"and {rest} more"] if rest > 0 else []))


def without(bad: Sequence[Unreadable]) -> str:
    """Why nothing is trained where nothing that was stored can be used."""
    return (
        f"nothing is left to train on: {counted(len(bad), 'stored object')} cannot be used. "
        f"{'; '.join(told(bad))}. Send the upload again under a new upload_id, or restore the object"
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
            "The uploads are kept: send more and a model is trained; until then physics forecasts"
        )
    return (
        f"{counted(days, 'day', 'g')} with measured power; {rules.min_days} are needed. "
        "The uploads are kept: send more and a model is trained; until then physics forecasts"
    )
