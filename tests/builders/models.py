"""Small models: quantile levels and settings that train in a moment."""

from __future__ import annotations

import json

import numpy as np

from forecasting.config import BoosterSettings, MemberChoice

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
FAST = BoosterSettings(
    members=(
        MemberChoice(kind="lightgbm", target="departure"),
        MemberChoice(kind="lightgbm", target="clear_sky"),
    ),
    levels=LEVELS,
    rounds=60,
    leaves=12,
    bins=63,
    learning_rate=0.15,
    min_rows_a_leaf=10,
    row_share=0.8,
    rows_a_tree=20000,
    feature_share=0.8,
    seed=1,
)


def old_model() -> tuple[tuple[float, ...], dict[str, bytes]]:
    """Levels and files of a model of the first format, of before it had a hash: power is half of `poa` in
    kW/m², a little more at the upper levels."""
    import xgboost

    poa = np.linspace(0.0, 1000.0, 400, dtype=np.float32)[:, None]
    data = xgboost.DMatrix(poa, poa[:, 0] / 2000.0, feature_names=["poa"])
    rules = {"objective": "reg:quantileerror", "quantile_alpha": np.asarray(LEVELS), "nthread": 1}
    booster = xgboost.train(rules, data, 40)
    manifest = {"format": 1, "levels": list(LEVELS), "sites": {"a": 0}, "features": ["poa"]}
    return LEVELS, {
        "model.json": json.dumps(manifest).encode(),
        "booster.ubj": bytes(booster.save_raw("ubj")),
    }
