"""Decide: judge the candidate on days that no model has seen, write its card, promote it or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings, forecasting_config
from forecasting.documents import Current, DatasetCard, ModelCard, Scores
from forecasting.global_training_service import evaluate, judge, store
from forecasting.global_training_service.judge import Verdict
from forecasting.layout import MODEL_CARD, MODEL_CURRENT
from forecasting.model import booster, nowcast, registry
from forecasting.payloads import DecideRequest, DecideResult
from ona.documents.base import S3Pointer
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy, InvalidInput
from ona.runtime.observability import count, logger
from ona.store.unreadable import note

LIMITS = (
    "Trained on hours with at least half of the capacity measured; filled values are no truth to train "
    "on. Intervals hold for hourly means. Snow, new shading and curtailment that the weather does not "
    "tell appear as errors until the model has seen them."
)
"""What a model card says of every model."""


@dataclass(frozen=True)
class Comparison:
    """A candidate as the windows showed it: scores, what became of it, the version in service until now."""

    scores: Scores | None
    verdict: Verdict
    in_service: str


def decide(request: DecideRequest, bucket: str) -> DecideResult:
    """Judge the candidate, write its card, and promote it or keep the model in service.

    Raises DependencyBusy when another training promoted a model meanwhile: judge again.
    """
    customer, version = request.customer_id, request.version
    settings = forecasting_config()
    pointer, etag = registry.current(bucket, customer)
    if pointer is not None and pointer.version == version:  # this very step, run again
        return _decided(bucket, registry.read_card(bucket, customer, version), version)
    data = store.load_dataset(bucket, customer, version)
    levels, windows = settings.booster.levels, store.load_folds(bucket, data.card)
    trained = registry.read_model(bucket, customer, version)
    folds = evaluate.weighted(windows, levels, trained.before_judging)
    candidate = judge.OutOfSample(evaluate.together(folds, levels), levels)
    other = _in_service(bucket, pointer, customer, data.frames)
    before = pointer.version if pointer else ""
    comparison = Comparison(
        evaluate.scores(folds, levels) if len(candidate.table) else None,
        judge.judge(candidate, other, settings.training),
        before,
    )
    features = trained.trees.features
    card = model_card(data.card, folds, settings.booster, comparison, features, utc_now())
    store.save_card(bucket, card)
    store.save_trained(bucket, data.card)
    if comparison.verdict.promoted:
        _promote(bucket, customer, card, before, etag)
    count("ModelsPromoted", float(comparison.verdict.promoted))
    if card.own is not None:
        logger.info(
            "candidate judged",
            customer=customer,
            version=version,
            decision=card.decision,
            reason=card.reason,
            scores=card.own.document(),
        )
    return _decided(bucket, card, version if comparison.verdict.promoted else before)


def model_card(
    data: DatasetCard,
    folds: list[pd.DataFrame],
    settings: BoosterSettings,
    comparison: Comparison,
    features: tuple[str, ...],
    now: datetime,
) -> ModelCard:
    """The card of a candidate; calibration and persistence of errors are learned from its windows."""
    levels = settings.levels
    table = evaluate.together(folds, levels)
    median = booster.at_levels(evaluate.quantiles_of(table, levels), levels, np.array([0.5]))[:, 0]
    persistence = nowcast.learn(
        table["site_id"].to_numpy(),
        pd.DatetimeIndex(table["timestamp"]),
        table[booster.TARGET].to_numpy(dtype=float) - median,
        table["envelope"].to_numpy(dtype=float),
    )
    verdict = comparison.verdict
    return ModelCard(
        customer_id=data.customer_id,
        version=data.version,
        created_at=now,
        trained_until=data.trained_until,
        sites=data.sites,
        training_rows=data.rows // data.thinned,
        training_days=max(site.days for site in data.sites),
        rows_of_others=data.rows_of_others,
        settings=json.loads(settings.model_dump_json()),
        features=list(features),
        xgboost_version=installed("xgboost-cpu"),
        lightgbm_version=installed("lightgbm"),
        own=comparison.scores,
        compared_with=comparison.in_service or "clear-sky persistence",
        compared_days=verdict.days,
        candidate_pinball_percent=verdict.candidate,
        other_pinball_percent=verdict.other,
        decision="promoted" if verdict.promoted else "kept",
        reason=verdict.reason,
        calibration=registry.stored_form(evaluate.factors_of(folds, levels)),
        nowcast_weight=persistence.weight,
        nowcast_tau_hours=persistence.tau_hours,
        limits=LIMITS,
    )


def _promote(bucket: str, customer: str, card: ModelCard, before: str, etag: str) -> None:
    """Let the candidate serve its customer, and all customers who have no model yet."""
    moved = Current(version=card.version, previous=before, changed_at=utc_now(), reason=card.reason)
    if not registry.promote(bucket, customer, moved, etag):
        key = MODEL_CURRENT.build(customer_id=customer)
        raise DependencyBusy(f"another training moved {key}; judge again")
    registry.share_globally(bucket, customer, card.version, utc_now())


def _decided(bucket: str, card: ModelCard, in_service: str) -> DecideResult:
    key = MODEL_CARD.build(customer_id=card.customer_id, version=card.version)
    return DecideResult(
        customer_id=card.customer_id,
        version=card.version,
        decision=card.decision,
        reason=card.reason,
        card=S3Pointer(bucket=bucket, key=key),
        sites=tuple(fitted.site.site_id for fitted in card.sites),
        pinball_percent=card.own.pinball_percent if card.own else None,
        in_service=in_service,
    )


def _in_service(
    bucket: str, pointer: Current | None, customer: str, frames: dict[str, pd.DataFrame]
) -> judge.OutOfSample | None:
    """What the model in service forecast out of sample: its own windows, and all after its training. None
    where nothing is in service, or what is cannot be read: the log names it, and it must not keep a sound
    candidate out."""
    if pointer is None:
        return None
    where = MODEL_CARD.build(customer_id=customer, version=pointer.version).removesuffix("card.json")
    try:
        card = registry.read_card(bucket, customer, pointer.version)
        trained = registry.read_model(bucket, customer, pointer.version)
        folds = store.load_folds(bucket, store.load_dataset_card(bucket, customer, pointer.version))
        folds = evaluate.weighted(folds, trained.levels, trained.before_judging)
    except InvalidInput as error:
        note(f"s3://{bucket}/{where}", error)
        return None
    newest = max(frame.index.max() for frame in frames.values()).to_pydatetime()
    since = evaluate.forecast_window(trained, frames, (card.trained_until, newest))
    return judge.OutOfSample(judge.with_newest_truth([*folds, since], frames), trained.levels)
