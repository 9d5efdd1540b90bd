"""One trained member of a forecasting model: trees of LightGBM or of xgboost, and what they learned.

A member learns one of three targets:

share       power as a share of capacity (all there was in format 1)
departure   power less what the site's own physics says (`BASE`): an unseen season is still physics
clear_sky   power over what a clear sky would give the plane; the loss is weighted by the clear sky's share,
            so that it is the pinball loss of power: max(a e, (a − 1) e) grows in proportion with e

LightGBM has one booster a level, xgboost one for all. Stored as the libraries' own text or UBJSON, never
pickled.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings, MemberChoice
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from ona.sky.sun import Floats

TARGET = "share"
"""Measured power as a share of capacity; the column of a training frame beside its features."""
BASE = "base"
"""What the site's own physics says of the row, share of capacity (`physics.share`)."""
CLEAR = "clear_poa"
"""Clear-sky irradiance in the plane, W/m²; what target `clear_sky` divides by."""
LEAST_CLEAR = 0.02
"""Share of 1 000 W/m² below which the clear sky is not divided by: near the horizon it is noise. Ours."""
NOT_FEATURES = {TARGET, BASE, "daylight"}
"""Columns of a training frame that no member must see."""
MB_A_CPU = 1769
"""Memory (MB) with which a Lambda function has one whole CPU (AWS Lambda, Developer Guide)."""


@dataclass(frozen=True)
class Member:
    """Trained trees with the features they want, in order; `raw` is what is stored."""

    choice: MemberChoice
    features: tuple[str, ...]
    raw: bytes

    @cached_property
    def boosters(self) -> list[Any]:
        """The boosters, read once. Raises InvalidConfiguration for bytes that are none."""
        return _read_lightgbm(self.raw) if self.choice.kind == "lightgbm" else [_read_xgboost(self.raw)]

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Quantiles of the share as learned, neither sorted nor clipped, shape (n, levels); features that a
        frame lacks count as missing."""
        wanted = frame.reindex(columns=list(self.features)).to_numpy(dtype=np.float32)
        if self.choice.kind == "lightgbm":
            columns = [each.predict(wanted) for each in self.boosters]
            answer = np.column_stack(columns)
        else:
            import xgboost

            data = xgboost.DMatrix(wanted, feature_names=list(self.features))
            answer = np.asarray(self.boosters[0].predict(data), dtype=float).reshape(len(frame), -1)
        base, scale = _parts(frame, self.choice)
        return np.asarray(base[:, None] + answer * scale[:, None])


@dataclass(frozen=True)
class _Rows:
    """What trains: features, shape (n, p); target and weight, shape (n,); names of the features."""

    values: np.ndarray
    target: Floats
    weight: Floats | None
    names: list[str]


def fit(frame: pd.DataFrame, settings: BoosterSettings, choice: MemberChoice, threads: int = 0) -> Member:
    """Train a member on rows with features, `share` and `base`: all of them are used.

    `threads`: 0 is as many as are free (`free_threads`).
    """
    names = [name for name in frame.columns if name not in NOT_FEATURES and frame[name].notna().any()]
    base, scale = _parts(frame, choice)
    target = (frame[TARGET].to_numpy(dtype=float) - base) / scale
    weight = scale if choice.target == "clear_sky" else None
    rows = _Rows(frame[names].to_numpy(dtype=np.float32), target, weight, names)
    train = _fit_lightgbm if choice.kind == "lightgbm" else _fit_xgboost
    return Member(choice, tuple(names), train(rows, settings, threads or free_threads()))


def free_threads() -> int:
    """Threads that training may use: the CPUs of this process that nobody uses now, at least one.

    In a Lambda function the CPUs that its memory buys (one for each 1 769 MB), below that one. Two threads
    that share one CPU wait for each other at every tree: 40 s became three minutes.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isdigit():
        return max(1, min(there, int(memory) // MB_A_CPU))
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, there - round(busy))


def _parts(frame: pd.DataFrame, choice: MemberChoice) -> tuple[Floats, Floats]:
    """What is added to a prediction, and before that multiplied with it, shape (n,) each."""
    base, scale = np.zeros(len(frame)), np.ones(len(frame))
    if choice.target == "departure":
        base = frame[BASE].to_numpy(dtype=float)
    if choice.target == "clear_sky" and CLEAR in frame:
        clear = frame[CLEAR].to_numpy(dtype=float) / 1000.0
        scale = np.where(np.isnan(clear), 1.0, np.maximum(clear, LEAST_CLEAR))  # wind has no clear sky
    return base, scale


def _fit_lightgbm(rows: _Rows, settings: BoosterSettings, threads: int) -> bytes:
    """One booster a level; the values are put into bins once for all of them."""
    import lightgbm

    shared = {
        "max_bin": settings.bins,
        "min_data_in_leaf": settings.min_rows_a_leaf,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(
        rows.values, rows.target, weight=rows.weight, params=shared, free_raw_data=False
    ).construct()
    rules = {
        **shared,
        "objective": "quantile",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": _row_share(settings, len(rows.target)),
        "bagging_freq": 1,
        "seed": settings.seed,
    }
    texts = [
        lightgbm.train({**rules, "alpha": level}, data, settings.rounds).model_to_string()
        for level in settings.levels
    ]
    return zlib.compress(json.dumps(texts).encode(), 6)


def _fit_xgboost(rows: _Rows, settings: BoosterSettings, threads: int) -> bytes:
    """One booster for all levels."""
    import xgboost

    data = xgboost.QuantileDMatrix(
        rows.values,
        rows.target.astype(np.float32),
        weight=rows.weight,
        feature_names=rows.names,
        max_bin=settings.bins,
        nthread=threads,
    )
    rules = {
        "objective": "reg:quantileerror",
        "quantile_alpha": np.asarray(settings.levels),
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": settings.leaves,
        "max_depth": 0,
        "max_bin": settings.bins,
        "eta": settings.learning_rate,
        "min_child_weight": settings.min_rows_a_leaf,
        "subsample": _row_share(settings, len(rows.target)),
        "colsample_bytree": settings.feature_share,
        "seed": settings.seed,
        "nthread": threads,
    }
    booster = xgboost.train(rules, data, settings.rounds)
    return bytes(booster.save_raw("ubj"))


def _row_share(settings: BoosterSettings, rows: int) -> float:
    """Share of the rows that each tree sees: never more than `rows_a_tree`, so that training takes its
    time however long the history is."""
    return min(settings.row_share, settings.rows_a_tree / max(rows, 1))


def _read_lightgbm(raw: bytes) -> list[Any]:
    from forecasting.model.trees import Trees

    try:
        return [Trees(text) for text in json.loads(zlib.decompress(raw))]
    except (zlib.error, ValueError, TypeError, AttributeError) as error:
        raise InvalidConfiguration(f"{counted(len(raw), 'byte')} are no boosters of LightGBM") from error


def _read_xgboost(raw: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster()
    try:
        if not (raw.startswith(b"{") and raw.endswith(b"}")):
            raise ValueError("it neither begins nor ends as UBJSON")  # xgboost ends the process for b""
        booster.load_model(bytearray(raw))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise InvalidConfiguration(
            f"booster.ubj of {counted(len(raw), 'byte')} is no booster of xgboost"
        ) from error
    return booster
