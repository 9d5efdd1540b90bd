"""Decide: judge the candidate at each site on days it has not seen, write its card, promote it or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings, forecasting_config
from forecasting.documents import ModelCard, Scores, SiteVerdict
from forecasting.global_training_service import evaluate, incumbents, judge, serving, store
from forecasting.layout import MODEL_CARD, MODEL_CURRENT
from forecasting.model import booster, measured_days, nowcast, registry
from forecasting.model.forecaster import Forecaster
from forecasting.payloads import DecideRequest, DecideResult
from ona.documents.base import S3Pointer
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy
from ona.runtime.observability import count, logger

LIMITS = (
    "Trained on hours with at least half of the capacity measured; filled values are no truth to train "
    "on. Intervals hold for hourly means. Snow, new shading and curtailment that the weather does not "
    "tell appear as errors until the model has seen them."
)
"""What a model card says of every model."""


@dataclass(frozen=True)
class Comparison:
    """A candidate as the windows showed it: scores, and what became of it at each site."""

    scores: Scores | None
    verdicts: dict[str, SiteVerdict]

    @property
    def is_promoted(self) -> bool:
        """Whether the candidate serves a site from now on."""
        return any(verdict.decision == "promoted" for verdict in self.verdicts.values())


def decide(request: DecideRequest, bucket: str) -> DecideResult:
    """Judge the candidate site by site, write its card, and let it serve the sites where it is better.

    Raises DependencyBusy when another training moved `current.json` meanwhile: judge again. Raises
    InvalidConfiguration where nobody may read that document: it is not written over.
    """
    customer, version = request.customer_id, request.version
    settings = forecasting_config()
    found = registry.pointer(bucket, customer)
    if found.current is not None and version in (found.current.judged, found.current.version):
        return _decided(bucket, registry.read_card(bucket, customer, version))  # this step, run again
    data = store.load_dataset(bucket, customer, version)
    levels, windows = settings.booster.levels, store.load_folds(bucket, data.card)
    trained = registry.read_model(bucket, customer, version)
    folds = evaluate.weighted(windows, levels, trained.before_judging)
    kinds = {fitted.site.site_id: fitted.site.kind for fitted in data.card.sites}
    table = judge.with_physics(evaluate.together(folds, levels), data.frames, kinds)
    services = registry.services(bucket, customer, sorted(data.frames), found)
    comparison = Comparison(
        evaluate.scores(folds, levels) if len(table) else None,
        judge.judge(
            judge.OutOfSample(table, levels),
            incumbents.of_sites(bucket, services, data.frames, table),
            settings.training,
        ),
    )
    card = model_card(data, folds, settings.booster, comparison, trained, utc_now())
    store.save_card(bucket, card)
    store.save_trained(bucket, data.card)
    _serve(bucket, card, comparison, services, found)
    count("ModelsPromoted", float(comparison.is_promoted))
    if card.own is not None:
        logger.info(
            "candidate judged",
            customer=customer,
            version=version,
            decision=card.decision,
            reason=card.reason,
            scores=card.own.document(),
        )
    return _decided(bucket, card)


def model_card(
    dataset: store.Dataset,
    folds: list[pd.DataFrame],
    settings: BoosterSettings,
    comparison: Comparison,
    trained: Forecaster,
    now: datetime,
) -> ModelCard:
    """The card of a candidate; calibration, persistence of errors and what each expert missed are learned
    from its windows."""
    data = dataset.card
    levels = settings.levels
    table = evaluate.together(folds, levels)
    median = booster.at_levels(evaluate.quantiles_of(table, levels), levels, np.array([0.5]))[:, 0]
    persistence = nowcast.learn(
        table["site_id"].to_numpy(),
        pd.DatetimeIndex(table["timestamp"]),
        table[booster.TARGET].to_numpy(dtype=float) - median,
        table["envelope"].to_numpy(dtype=float),
    )
    verdicts = comparison.verdicts
    judged = [verdict for verdict in verdicts.values() if verdict.candidate is not None]
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
        features=list(trained.trees.features),
        xgboost_version=installed("xgboost-cpu"),
        lightgbm_version=installed("lightgbm"),
        own=comparison.scores,
        compared_with=", ".join(sorted({verdict.against for verdict in verdicts.values()})),
        compared_days=max((verdict.days for verdict in verdicts.values()), default=0),
        candidate_pinball_percent=judged[0].candidate if len(judged) == 1 else None,
        other_pinball_percent=judged[0].other if len(judged) == 1 else None,
        decision="promoted" if comparison.is_promoted else "kept",
        reason=serving.told(verdicts),
        verdicts=verdicts,
        scores=evaluate.scores_of(folds, levels),
        experts={
            site_id: measured_days.errors_of(heard)
            for site_id, heard in evaluate.replayed(folds, trained, dataset.frames).items()
        },
        nowcast_weight=persistence.weight,
        nowcast_tau_hours=persistence.tau_hours,
        limits=LIMITS,
    )


def _serve(
    bucket: str,
    card: ModelCard,
    comparison: Comparison,
    services: dict[str, registry.Service],
    found: registry.Pointer,
) -> None:
    """Write what serves each site now. A document that nobody could read is kept aside before."""
    customer, now = card.customer_id, utc_now()
    if found.damage:
        aside = registry.keep_aside(bucket, customer, found)
        logger.error("current.json was damaged and is written anew", kept=f"s3://{bucket}/{aside}")
    before = serving.entries(bucket, customer, found)
    sites = serving.after(before, comparison.verdicts, services, card.version, now)
    moved = serving.pointer(found.current, sites, card.reason, card.version, now)
    if not registry.promote(bucket, customer, moved, found.etag):
        key = MODEL_CURRENT.build(customer_id=customer)
        raise DependencyBusy(f"another training moved {key}; judge again")


def _decided(bucket: str, card: ModelCard) -> DecideResult:
    key = MODEL_CARD.build(customer_id=card.customer_id, version=card.version)
    moved = [name for name, verdict in card.verdicts.items() if verdict.decision != "kept"]
    current = registry.pointer(bucket, card.customer_id).current
    return DecideResult(
        customer_id=card.customer_id,
        version=card.version,
        decision=card.decision,
        reason=card.reason,
        card=S3Pointer(bucket=bucket, key=key),
        sites=tuple(moved),
        pinball_percent=card.own.pinball_percent if card.own else None,
        in_service=current.version if current else "",
    )
