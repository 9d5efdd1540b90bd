"""The four tasks of training, on stored data; the handler and the container both call these."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC
from importlib.metadata import version as installed
from typing import Any

import numpy as np
import pandas as pd

from forecasting.config import TrainingRules, forecasting_config
from forecasting.documents import Current, DatasetCard, ModelCard, SiteDocument
from forecasting.global_training_service import dataset, evaluate
from forecasting.model import booster, nowcast, registry
from forecasting.model.booster import Model
from forecasting.model.registry import folder, write_files, write_record
from forecasting.payloads import (
    DecideRequest,
    DecideResult,
    FoldRequest,
    PrepareRequest,
    PrepareResult,
    StepResult,
    TrainRequest,
)
from ona.documents.base import S3Pointer
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy, InvalidInput, ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.store import parquet, s3

_HALF = np.array([0.5])
LIMITS = (
    "Trained on hours with at least half of the capacity measured; filled values are no truth to train "
    "on. Intervals hold for hourly means. Snow, new shading and curtailment that the weather does not "
    "tell appear as errors until the model has seen them."
)
_KEY = re.compile(r"^training/(?P<customer>[^/]+)/(?P<site>[^/]+)/hourly/[^/]+\.parquet$")


def prepare(request: PrepareRequest, bucket: str) -> PrepareResult:
    """Put the customer's dataset together, or say why there is nothing to train."""
    found = _KEY.match(request.source.key)
    if not found:
        raise InvalidInput(f"{request.source.key} is no training/<customer>/<site>/hourly/<file>.parquet")
    customer, rules = found["customer"], forecasting_config().training
    objects = [
        entry
        for entry in s3.list_keys(request.source.bucket, f"training/{customer}/")
        if _KEY.match(entry["Key"])
    ]
    content = digest(*(f"{item['Key']} {item['ETag']}" for item in objects), length=32)
    version = f"v{request.started.astimezone(UTC):%Y%m%d%H%M}-{content[:8]}"
    if _trained(bucket, customer, content, request.execution_id):
        return PrepareResult(status="nothing_new", customer_id=customer,
                             reason="these very uploads have been trained on")  # fmt: skip
    frames, fitted = _frames(request.source.bucket, bucket, customer, objects)
    days = max((site.days for site in fitted), default=0.0)
    if days < rules.min_days:
        return PrepareResult(
            status="too_little", customer_id=customer, reason=_too_little(days, fitted, rules)
        )
    rows = sum(site.rows for site in fitted)
    runs_in_container = rows > rules.function_rows and bool(_container())
    limit = rules.container_rows if runs_in_container else rules.function_rows
    others = _others(bucket, customer, rules.rows_of_others)
    card = DatasetCard(
        customer_id=customer,
        version=version,
        digest=content,
        execution_id=request.execution_id,
        started=request.started,
        trained_until=max(
            f.index[dataset.usable(f).to_numpy()].max() for f in frames.values()
        ).to_pydatetime(),
        sites=fitted,
        sources=[item["Key"] for item in objects],
        rows=rows,
        rows_of_others=len(others) if others is not None else 0,
        thinned=dataset.thinned(frames, limit),
        folds=dataset.windows(frames, rules),
    )
    files = {"dataset.parquet": parquet.dump(dataset.stacked(frames))}
    if others is not None:
        files["others.parquet"] = parquet.dump(others)
    write_files(bucket, customer, version, files)
    write_record(bucket, customer, version, "dataset.json", card)
    return PrepareResult(
        status="ready",
        customer_id=customer,
        version=version,
        folds=tuple(range(len(card.folds))),
        run_in="container" if runs_in_container else "function",
    )


def fold(request: FoldRequest, bucket: str) -> StepResult:
    """One rolling-origin window: train on what came before it, forecast it, keep the forecasts."""
    started = time.monotonic()
    card, frames, others = _dataset(bucket, request.customer_id, request.version)
    window = card.folds[request.fold]
    trained = evaluate.fit_before(
        frames, window[0], forecasting_config().booster, others, every=card.thinned
    )
    table = evaluate.forecast_window(trained, frames, window)
    write_files(
        bucket,
        request.customer_id,
        request.version,
        {f"folds/fold-{request.fold}.parquet": parquet.dump(table)},
    )
    return _done(request, len(table), started)


def train(request: TrainRequest, bucket: str) -> StepResult:
    """The candidate, on all rows."""
    started = time.monotonic()
    card, frames, others = _dataset(bucket, request.customer_id, request.version)
    trained = evaluate.fit_before(
        frames, card.trained_until, forecasting_config().booster, others, every=card.thinned
    )
    write_files(bucket, request.customer_id, request.version, trained.files())
    return _done(request, card.rows, started)


def decide(request: DecideRequest, bucket: str) -> DecideResult:
    """Judge the candidate, write its card, and promote it or keep the model in service."""
    customer, version = request.customer_id, request.version
    settings = forecasting_config()
    pointer, etag = registry.current(bucket, customer)
    if pointer is not None and pointer.version == version:  # this very step, run again
        return _decided(bucket, registry.read_card(bucket, customer, version), version)
    card, frames, _ = _dataset(bucket, customer, version)
    levels = settings.booster.levels
    folds = _folds(bucket, customer, version, len(card.folds))
    mine = pd.concat(folds, ignore_index=True)
    other, other_levels = _other(bucket, customer, pointer, frames)
    verdict = evaluate.judge(mine, levels, other, other_levels, settings.training)
    own = evaluate.scores(folds, levels) if len(mine) else None
    median = booster.at_levels(evaluate.quantiles_of(mine, levels), levels, _HALF)[:, 0]
    lives = nowcast.learn(
        mine["site_id"].to_numpy(),
        pd.DatetimeIndex(mine["timestamp"]),
        mine[booster.TARGET].to_numpy(dtype=float) - median,
        mine["envelope"].to_numpy(dtype=float),
    )
    tails = evaluate.factors_of(folds, levels)
    trained: Model = registry.read_model(bucket, customer, version)
    written = ModelCard(
        customer_id=customer,
        version=version,
        created_at=utc_now(),
        trained_until=card.trained_until,
        sites=card.sites,
        training_rows=card.rows // card.thinned,
        training_days=max(site.days for site in card.sites),
        rows_of_others=card.rows_of_others,
        settings=json.loads(settings.booster.model_dump_json()),
        features=list(trained.member.features),
        xgboost_version=installed("xgboost-cpu"),
        own=own,
        compared_with=pointer.version if pointer else "clear-sky persistence",
        compared_days=verdict.days,
        candidate_pinball_percent=verdict.candidate,
        other_pinball_percent=verdict.other,
        decision="promoted" if verdict.promoted else "kept",
        reason=verdict.reason,
        calibration=registry.stored_form(tails),
        nowcast_weight=lives.weight,
        nowcast_tau_hours=lives.tau_hours,
        limits=LIMITS,
    )
    write_record(bucket, customer, version, "card.json", written)
    known = {"version": version, "execution_id": card.execution_id}
    s3.write_json(bucket, _digest_key(customer, card.digest), known)
    if verdict.promoted:
        moved = Current(
            version=version,
            previous=pointer.version if pointer else "",
            changed_at=utc_now(),
            reason=verdict.reason,
        )
        if not registry.promote(bucket, customer, moved, etag):
            raise DependencyBusy(f"another training moved models/{customer}/current.json; judge again")
        registry.share_globally(bucket, customer, version, utc_now())
    count("ModelsPromoted", float(verdict.promoted))
    if own is not None:
        logger.info("candidate judged", customer=customer, version=version, decision=written.decision,
                    reason=written.reason, scores=own.document())  # fmt: skip
    return _decided(bucket, written, version if verdict.promoted else pointer.version if pointer else "")


def _decided(bucket: str, card: ModelCard, in_service: str) -> DecideResult:
    return DecideResult(
        customer_id=card.customer_id,
        version=card.version,
        decision=card.decision,
        reason=card.reason,
        card=S3Pointer(bucket=bucket, key=f"{folder(card.customer_id, card.version)}/card.json"),
        sites=tuple(fitted.site.site_id for fitted in card.sites),
        pinball_percent=card.own.pinball_percent if card.own else None,
        in_service=in_service,
    )


def _done(request: FoldRequest | TrainRequest, rows: int, started: float) -> StepResult:
    seconds = round(time.monotonic() - started, 2)
    return StepResult(customer_id=request.customer_id, version=request.version, rows=rows, seconds=seconds)


def _container() -> str:
    return os.environ.get("TRAINING_CONTAINER", "")


def _too_little(days: float, fitted: list[Any], rules: TrainingRules) -> str:
    if not fitted:
        return "no upload has weather, and a forecast rests on it: see the upload's report for the reason"
    return (
        f"{days:g} days with measured power; {rules.min_days} are needed. The uploads are kept: send more "
        "and a model is trained; until then the shared model forecasts"
    )


def _digest_key(customer: str, content: str) -> str:
    return f"models/{customer}/digests/{content}.json"


def _trained(bucket: str, customer: str, content: str, execution_id: str) -> bool:
    """Whether another execution has judged a model of these very uploads."""
    try:
        known = s3.read_json(S3Pointer(bucket=bucket, key=_digest_key(customer, content)))
    except ObjectMissing:
        return False
    return bool(known["execution_id"] != execution_id)


def _frames(
    inputs: str, bucket: str, customer: str, objects: list[dict[str, Any]]
) -> tuple[dict[str, pd.DataFrame], list[Any]]:
    by_site: dict[str, list[dict[str, Any]]] = {}
    for item in sorted(objects, key=lambda entry: entry["LastModified"]):
        by_site.setdefault(item["Key"].split("/")[2], []).append(item)
    frames, fitted = {}, []
    for site_id, items in sorted(by_site.items()):
        key = f"sites/{customer}/{site_id}.json"
        document = SiteDocument.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
        tables = [parquet.load(s3.read_bytes(S3Pointer(bucket=inputs, key=item["Key"]))) for item in items]
        made = dataset.site_frame(document, dataset.merge(tables))
        if made is not None:
            frames[site_id] = made[0]
            fitted.append(made[1])
    return frames, fitted


def _others(bucket: str, customer: str, rows: int) -> pd.DataFrame | None:
    """Daylight rows of other customers' sites, evenly; None when there are none."""
    pointers = [
        entry["Key"].split("/")[1]
        for entry in s3.list_keys(bucket, "models/")
        if entry["Key"].endswith("/current.json")
    ]
    names = [name for name in pointers if name not in (customer, registry.GLOBAL)]
    parts = []
    for name in names:
        pointer, _ = registry.current(bucket, name)
        if pointer is None:
            continue
        key = f"{folder(name, pointer.version)}/dataset.parquet"
        try:
            table = parquet.load(s3.read_bytes(S3Pointer(bucket=bucket, key=key)))
        except ObjectMissing:
            continue
        useful = table[table["daylight"] & table[booster.TARGET].notna()]
        parts.append(dataset.sample(useful, max(1, rows // len(names)), seed=1))
    return pd.concat(parts, ignore_index=True) if parts and rows else None


def _dataset(
    bucket: str, customer: str, version: str
) -> tuple[DatasetCard, dict[str, pd.DataFrame], pd.DataFrame | None]:
    base = folder(customer, version)

    def at(name: str) -> S3Pointer:
        return S3Pointer(bucket=bucket, key=f"{base}/{name}")

    card = DatasetCard.read(s3.read_json(at("dataset.json")), f"{base}/dataset.json")
    frames = dataset.unstacked(parquet.load(s3.read_bytes(at("dataset.parquet"))))
    others = None
    if card.rows_of_others:
        others = parquet.load(s3.read_bytes(at("others.parquet")))
    return card, frames, others


def _folds(bucket: str, customer: str, version: str, number: int) -> list[pd.DataFrame]:
    tables = []
    for fold_number in range(number):
        key = f"{folder(customer, version)}/folds/fold-{fold_number}.parquet"
        table = parquet.load(s3.read_bytes(S3Pointer(bucket=bucket, key=key)))
        if len(table):
            tables.append(table)
    return tables


def _other(
    bucket: str, customer: str, pointer: Current | None, frames: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame | None, tuple[float, ...]]:
    """What the model in service had to say, out of sample: its own windows, and all after its training."""
    if pointer is None:
        return None, ()
    card = registry.read_card(bucket, customer, pointer.version)
    trained = registry.read_model(bucket, customer, pointer.version)
    base = DatasetCard.read(
        s3.read_json(S3Pointer(bucket=bucket, key=f"{folder(customer, pointer.version)}/dataset.json")),
        "dataset.json",
    )
    tables = _folds(bucket, customer, pointer.version, len(base.folds))
    newest = max(frame.index.max() for frame in frames.values()).to_pydatetime()
    live = evaluate.forecast_window(trained, frames, (card.trained_until, newest))
    table = pd.concat([*tables, live], ignore_index=True)
    table = table.drop_duplicates(["site_id", "timestamp"], keep="last")
    truth = pd.concat(
        [
            frame[[booster.TARGET]].assign(site_id=name, timestamp=frame.index)
            for name, frame in frames.items()
        ],
        ignore_index=True,
    )
    # the newest upload's truth stands for both models, also where an old one was corrected since
    fresh = table.drop(columns=booster.TARGET).merge(truth, on=["site_id", "timestamp"])
    return fresh[fresh[booster.TARGET].notna()], trained.levels
