"""A model on days it has not seen: rolling origins, out-of-sample quantiles, scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings
from forecasting.documents import Scores
from forecasting.global_training_service.dataset import REFERENCE, usable
from forecasting.model import booster, calibration, nowcast, score
from forecasting.model.booster import TARGET, Model
from ona.sky.sun import Floats

LEVEL_PREFIX = "q"
"""Columns of quantiles are this and the level: `q0.5` is the median."""
COLUMNS = ("site_id", "timestamp", TARGET, "reference", "envelope")
"""What every out-of-sample table has beside its quantiles."""
HOURS_A_DAY = 24
"""Rows of an hourly frame between a value and its persistence reference."""


def before(frames: Mapping[str, pd.DataFrame], moment: datetime) -> dict[str, pd.DataFrame]:
    """The rows up to a moment."""
    return {name: frame[frame.index <= pd.Timestamp(moment)] for name, frame in frames.items()}


def forecast_window(
    trained: Model,
    frames: Mapping[str, pd.DataFrame],
    window: tuple[datetime, datetime],
    *,
    as_site: str | None = None,
) -> pd.DataFrame:
    """Out-of-sample quantiles over a window's daylight, with what came and clear-sky persistence.

    `as_site`: the name under which the model forecasts, its own where None; "" is a site that it never saw.

    Columns: site_id, timestamp, share, reference, envelope, one `q<level>` a level; without a row in the
    window the table has none.
    """
    after, until = (pd.Timestamp(moment) for moment in window)
    parts = []
    for site_id, frame in frames.items():
        inside = (frame.index > after) & (frame.index <= until) & usable(frame).to_numpy()
        if not inside.any():
            continue
        rows = frame[inside]
        quantiles = trained.predict(rows, site_id if as_site is None else as_site)
        bright = frame.get(REFERENCE, pd.Series(1000.0, index=frame.index))
        envelope: Floats = np.asarray(bright, dtype=float)
        reference = score.clear_sky_persistence(frame[TARGET].to_numpy(dtype=float), envelope, HOURS_A_DAY)
        part = pd.DataFrame(quantiles, columns=names(trained.levels))
        part.insert(0, "site_id", site_id)
        part.insert(1, "timestamp", rows.index)
        part.insert(2, TARGET, rows[TARGET].to_numpy())
        part.insert(3, "reference", reference[inside])
        part.insert(4, "envelope", np.maximum(envelope[inside] / 1000.0, nowcast.ENVELOPE_FLOOR))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else no_window(trained.levels)


def no_window(levels: tuple[float, ...]) -> pd.DataFrame:
    """The table of a window that nothing was forecast in: all columns, no rows."""
    numbers = (TARGET, "reference", "envelope", *names(levels))
    return pd.DataFrame(
        {"site_id": pd.Series(dtype=object), "timestamp": pd.Series(dtype="datetime64[us, UTC]")}
        | {name: pd.Series(dtype=float) for name in numbers}
    )


def together(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> pd.DataFrame:
    """All windows as one table; one without rows where no window has any."""
    return pd.concat(folds or [no_window(levels)], ignore_index=True)


def names(levels: tuple[float, ...]) -> list[str]:
    """Column names of quantiles."""
    return [f"{LEVEL_PREFIX}{level:g}" for level in levels]


def quantiles_of(table: pd.DataFrame, levels: tuple[float, ...]) -> Floats:
    """The quantiles of an out-of-sample table, shape (n, levels)."""
    return table[names(levels)].to_numpy(dtype=float)


def pinball_percent(table: pd.DataFrame, levels: tuple[float, ...]) -> float:
    """Mean pinball loss at the centiles, % of capacity."""
    q = booster.at_levels(quantiles_of(table, levels), levels, score.CENTILES)
    return 100.0 * score.pinball(table[TARGET].to_numpy(dtype=float), q)


def scores(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> Scores:
    """Scores over all windows but the first, which only calibrates: each window's intervals are calibrated
    on the windows before it only. A single window is scored as it is."""
    scored = folds[1:] or folds
    table = pd.concat(scored, ignore_index=True)
    actual = table[TARGET].to_numpy(dtype=float)
    median, low80, high80, low95, high95 = _calibrated(folds, levels)
    mae = score.mean_absolute_error(actual, median)
    persisted = table["reference"].to_numpy(dtype=float)
    both = ~np.isnan(persisted)
    reference = score.mean_absolute_error(actual[both], persisted[both])
    own = score.mean_absolute_error(actual[both], median[both])
    return Scores(
        rows=len(table),
        days=int(pd.DatetimeIndex(table["timestamp"]).floor("D").nunique()),
        pinball_percent=round(pinball_percent(table, levels), 4),
        mae_percent=round(100.0 * mae, 3),
        reference_mae_percent=round(100.0 * reference, 3) if np.isfinite(reference) else 0.0,
        skill=round(score.skill(own, reference), 4) if both.any() else 0.0,
        coverage_80_percent=round(100.0 * score.coverage(actual, low80, high80), 2),
        coverage_95_percent=round(100.0 * score.coverage(actual, low95, high95), 2),
        width_80_percent=round(100.0 * score.sharpness(low80, high80), 2),
        width_95_percent=round(100.0 * score.sharpness(low95, high95), 2),
        accuracy_percent=round(100.0 * (1.0 - mae), 2),
    )


def _calibrated(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> tuple[Floats, ...]:
    columns: list[list[Floats]] = [[], [], [], [], []]
    for number in range(1 if len(folds) > 1 else 0, len(folds)):
        fold, earlier = folds[number], folds[:number]
        factors = factors_of(earlier, levels) if earlier else calibration.UNCALIBRATED
        median, bounds = calibration.intervals(quantiles_of(fold, levels), levels, factors)
        for column, values in zip(columns, (median, *bounds[80], *bounds[95]), strict=True):
            column.append(values)
    return tuple(np.concatenate(column) for column in columns)


def factors_of(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> dict[int, calibration.Tail]:
    """Calibration factors from out-of-sample tables; none calibrates nothing."""
    table = together(folds, levels)
    return calibration.calibrate(table[TARGET].to_numpy(dtype=float), quantiles_of(table, levels), levels)


def fit_before(
    frames: Mapping[str, pd.DataFrame],
    moment: datetime,
    settings: BoosterSettings,
    others: pd.DataFrame | None,
    *,
    every: int = 1,
    threads: int = 0,
) -> Model:
    """A model of the rows up to a moment, every n-th of them. `others`: other customers' rows, or None.

    Raises TooFewRows.
    """
    earlier = {name: frame[::every] for name, frame in before(frames, moment).items() if len(frame)}
    past = others[others["timestamp"] <= pd.Timestamp(moment)] if others is not None else None
    trimmed = past.drop(columns=["site_id", "timestamp"]) if past is not None else None
    return booster.fit(earlier, settings, others=trimmed, threads=threads)
