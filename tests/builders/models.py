"""Small models: quantile levels and settings that train in a moment."""

from __future__ import annotations

from forecasting.config import BoosterSettings

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
FAST = BoosterSettings(
    levels=LEVELS,
    rounds=60,
    depth=4,
    learning_rate=0.15,
    min_rows_a_leaf=10,
    row_share=0.8,
    feature_share=0.8,
    seed=1,
)
