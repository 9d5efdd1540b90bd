"""A model on days it has not seen: rolling origins, out-of-sample quantiles, scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings
from forecasting.documents import Scores
from forecasting.global_training_service.dataset import REFERENCE, usable
from forecasting.model import (
    blend,
    booster,
    calibration,
    experts,
    forecaster,
    measured_days,
    nowcast,
    recent,
    score,
)
from forecasting.model.booster import TARGET
from forecasting.model.experts import Heard
from forecasting.model.forecaster import Forecaster
from ona.sky.sun import Floats

LEVEL_PREFIX = "q"
"""Columns of quantiles are this and the level: `q0.5` is the median."""
COLUMNS = ("site_id", "timestamp", TARGET, "reference", "envelope")
"""What every out-of-sample table has beside its quantiles."""
APART = pd.Timedelta(days=1)
"""How far the rows that train a window lie from it, where later ones train it too. Ours."""
PARTS = {"physics": "physics:", "trees": "trees:"}
"""Prefix of the quantiles' columns by part of a forecast, beside those of the whole."""
FARTHER = 1.15
"""How much farther from the forecast outcomes lie after a training than in its windows, which lie next to
what trained them and have better weather. Ours, on the tuning half of the strangers."""
HOURS_A_DAY = 24
"""Rows of an hourly frame between a value and its persistence reference."""


def outside(
    frames: Mapping[str, pd.DataFrame], spans: list[tuple[datetime, datetime]]
) -> dict[str, pd.DataFrame]:
    """The rows at least a day away from all spans: the weather of a day lasts."""
    kept = {}
    for name, frame in frames.items():
        inside = np.zeros(len(frame), dtype=bool)
        for after, until in spans:
            inside |= (frame.index > pd.Timestamp(after) - APART) & (
                frame.index <= pd.Timestamp(until) + APART
            )
        kept[name] = frame[~inside]
    return kept


def one_in(frame: pd.DataFrame, every: int) -> pd.DataFrame:
    """One row in so many, by chance, always the same ones: every n-th hour would be the same hours of each
    day."""
    if every <= 1:
        return frame
    return frame[np.random.default_rng(1).random(len(frame)) < 1.0 / every]


def before(frames: Mapping[str, pd.DataFrame], moment: datetime) -> dict[str, pd.DataFrame]:
    """The rows up to a moment."""
    return {name: frame[frame.index <= pd.Timestamp(moment)] for name, frame in frames.items()}


def forecast_window(
    trained: Forecaster,
    frames: Mapping[str, pd.DataFrame],
    window: tuple[datetime, datetime],
) -> pd.DataFrame:
    """Out-of-sample quantiles over a window's daylight, with what came and clear-sky persistence.

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
        parts_of = trained.parts(rows, site_id)
        quantiles = trained.whole(parts_of, site_id)
        bright = frame.get(REFERENCE, pd.Series(1000.0, index=frame.index))
        envelope: Floats = np.asarray(bright, dtype=float)
        reference = score.clear_sky_persistence(frame[TARGET].to_numpy(dtype=float), envelope, HOURS_A_DAY)
        part = pd.DataFrame(quantiles, columns=names(trained.levels))
        part.insert(0, "site_id", site_id)
        part.insert(1, "timestamp", rows.index)
        part.insert(2, TARGET, rows[TARGET].to_numpy())
        part.insert(3, "reference", reference[inside])
        part.insert(4, "envelope", np.maximum(envelope[inside] / 1000.0, nowcast.ENVELOPE_FLOOR))
        for name, values in (("physics", parts_of.physics), ("trees", parts_of.trees)):
            columns = [f"{PARTS[name]}{column}" for column in names(trained.levels)]
            part = part.join(pd.DataFrame(values.astype(np.float32), columns=columns))
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


def unseen_by_site(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> dict[str, blend.Unseen]:
    """What the parts said of unseen hours, by site; nothing of windows of before parts were kept."""
    known = [fold for fold in folds if len(fold) and f"{PARTS['trees']}{names(levels)[0]}" in fold]
    if not known:
        return {}
    found = {}
    for site_id, rows in pd.concat(known, ignore_index=True).groupby("site_id"):
        of_part = {
            part: rows[[f"{prefix}{name}" for name in names(levels)]].to_numpy(dtype=float)
            for part, prefix in PARTS.items()
        }
        days = int(pd.DatetimeIndex(rows["timestamp"]).floor("D").nunique())
        actual = rows[TARGET].to_numpy(dtype=float)
        found[str(site_id)] = blend.Unseen(actual, of_part["physics"], of_part["trees"], days)
    return found


def replayed(
    folds: list[pd.DataFrame], trained: Forecaster, frames: Mapping[str, pd.DataFrame]
) -> dict[str, Heard]:
    """What the experts of each site would have missed on its newest unseen days (`recent.replayed`)."""
    levels = trained.levels
    found = {}
    for site_id, rows in together(folds, levels).groupby("site_id"):
        if f"{PARTS['trees']}{names(levels)[0]}" not in rows or site_id not in frames:
            continue
        table = rows.dropna(subset=[f"{PARTS['trees']}{names(levels)[0]}"]).sort_values("timestamp")
        said = {
            name: booster.at_levels(
                table[[f"{PARTS[name]}{column}" for column in names(levels)]].to_numpy(dtype=float),
                levels,
                np.array([0.5]),
            )[:, 0]
            for name in PARTS
        }
        weights = experts.with_model(trained.weight_of_trees(str(site_id)))
        heard = recent.replayed(table, said, weights, frames[str(site_id)])
        if heard is not None:
            found[str(site_id)] = heard
    return found


def weighted(
    folds: list[pd.DataFrame], levels: tuple[float, ...], before_judging: Mapping[str, float]
) -> list[pd.DataFrame]:
    """The windows as the blended forecast would have been: the weights of each are those that the other
    windows teach, so that no window judges what it taught."""
    out = []
    for number, fold in enumerate(folds):
        others = unseen_by_site([*folds[:number], *folds[number + 1 :]], levels)
        weights = blend.learn(others, levels, before_judging)
        own = unseen_by_site([fold], levels)
        whole = fold.copy()
        for site_id, hours in own.items():
            rows = (fold["site_id"] == site_id).to_numpy()
            mixed = blend.mixed(hours.physics, hours.trees, weights.get(site_id, 0.0))
            whole.loc[rows, names(levels)] = mixed
        out.append(whole)
    return out


def quantiles_of(table: pd.DataFrame, levels: tuple[float, ...]) -> Floats:
    """The quantiles of an out-of-sample table, shape (n, levels)."""
    return table[names(levels)].to_numpy(dtype=float)


def pinball_percent(table: pd.DataFrame, levels: tuple[float, ...]) -> float:
    """Mean pinball loss at the centiles, % of capacity."""
    q = booster.at_levels(quantiles_of(table, levels), levels, score.CENTILES)
    return 100.0 * score.pinball(table[TARGET].to_numpy(dtype=float), q)


def scores(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> Scores:
    """Scores over all windows but the first, which only calibrates: an hour's interval knows only what came
    before (`served`). A single window is scored as it is."""
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
        skill=round(score.skill(own, reference), 4) if reference > 0 else 0.0,
        coverage_80_percent=round(100.0 * score.coverage(actual, low80, high80), 2),
        coverage_95_percent=round(100.0 * score.coverage(actual, low95, high95), 2),
        width_80_percent=round(100.0 * score.sharpness(low80, high80), 2),
        width_95_percent=round(100.0 * score.sharpness(low95, high95), 2),
        accuracy_percent=round(100.0 * (1.0 - mae), 2),
    )


def _calibrated(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> tuple[Floats, ...]:
    """Medians and bounds of the scored windows, as they would have been served: the windows before give the
    prior, days of the window count when they would have been measured."""
    columns: list[list[Floats]] = [[], [], [], [], []]
    for number in range(1 if len(folds) > 1 else 0, len(folds)):
        bounds = served(folds[number], folds[:number], levels)
        for column, values in zip(columns, bounds.to_numpy().T, strict=True):
            column.append(values)
    return tuple(np.concatenate(column) for column in columns)


def served(table: pd.DataFrame, earlier: list[pd.DataFrame], levels: tuple[float, ...]) -> pd.DataFrame:
    """Median and bounds of an out-of-sample table, site by site and day by day; columns median, low80,
    high80, low95, high95, in the table's order."""
    known = scores_of(earlier, levels)
    out = np.zeros((len(table), 5))
    for site_id, rows in table.groupby("site_id").indices.items():
        part = table.iloc[rows]
        order = np.argsort(part["timestamp"].to_numpy(), kind="stable")
        raw = calibration.reference(quantiles_of(part, levels), levels)[order]
        prior = tuple(known.get(str(site_id)) or known.get(measured_days.EVERY_SITE) or ())
        hours = pd.DatetimeIndex(part["timestamp"])[order]
        bounds = calibration.replayed(hours, part[TARGET].to_numpy(dtype=float)[order], raw, prior)
        out[rows[order]] = np.column_stack([raw[:, 2], *bounds[80], *bounds[95]])
    return pd.DataFrame(out, columns=["median", "low80", "high80", "low95", "high95"])


def scores_of(folds: list[pd.DataFrame], levels: tuple[float, ...]) -> dict[str, list[float]]:
    """What calibrates a model's intervals, by site and of all sites; without enough outcomes nothing."""
    table = together(folds, levels)
    groups = {str(site_id): part for site_id, part in table.groupby("site_id")}
    found = {}
    for name, part in {measured_days.EVERY_SITE: table, **groups}.items():
        raw = calibration.reference(quantiles_of(part, levels), levels)
        if kept := calibration.prior(part[TARGET].to_numpy(dtype=float), raw):
            found[name] = [round(FARTHER * score, 3) for score in kept]
    return found


def fit_before(
    frames: Mapping[str, pd.DataFrame],
    moment: datetime,
    settings: BoosterSettings,
    others: pd.DataFrame | None,
    *,
    every: int = 1,
    threads: int = 0,
) -> Forecaster:
    """A model of the rows up to a moment, one in `every` of them. `others`: other customers' rows, or None.

    Raises TooFewRows.
    """
    earlier = {name: one_in(frame, every) for name, frame in before(frames, moment).items() if len(frame)}
    past = others[others["timestamp"] <= pd.Timestamp(moment)] if others is not None else None
    return forecaster.fit(earlier, settings, others=past, threads=threads)


def fit_outside(
    frames: Mapping[str, pd.DataFrame],
    spans: list[tuple[datetime, datetime]],
    settings: BoosterSettings,
    others: pd.DataFrame | None,
    *,
    every: int = 1,
    threads: int = 0,
) -> Forecaster:
    """A model of the rows outside some spans, one in `every` of them; `others` as in `fit_before`.

    Raises TooFewRows.
    """
    away = {name: one_in(frame, every) for name, frame in outside(frames, spans).items() if len(frame)}
    return forecaster.fit(away, settings, others=others, threads=threads)
