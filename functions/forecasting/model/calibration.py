"""Intervals that hold what they promise, for any forecast of quantiles.

An outcome has a *score*: where it lay in its raw forecast, on the scale of a standard normal. 0 is the
median, ±1.28 the raw bounds of 80 %, ±1.96 those of 95 %; between them and beyond the scale is linear. The
calibrated end of an interval is the score that the right share of recent outcomes lay below, put back into
the raw forecast (conformalised quantile regression, Romano, Patterson, Candès, NeurIPS 2019; quantiles
recalibrated, Kuleshov, Fenner, Ermon, ICML 2018).

Which outcomes: those of the training's unseen windows (the *prior*) and those of measured days, which count
less the older they are (Barber, Candès, Ramdas, Tibshirani, Annals of Statistics 51(2), 2023). Beside that
the level that is asked for moves by what the served intervals missed of late (adaptive conformal inference,
Gibbs, Candès, NeurIPS 2021; the step forgets, as in their JMLR 25(162), 2024).

All of it is a function of the days that are kept: a corrected day takes the place of its first version,
days may come in any order, and two writers who know the same days agree. Days of all versions of a model
count: scores are relative to each one's own raw forecast. Training, backtests and the service call the same
functions.

>>> quantiles = np.array([[0.2, 0.3, 0.5, 0.6, 0.7]])
>>> scores(np.array([0.55]), quantiles).round(2).tolist()
[0.64]
>>> at_score(quantiles, -1.2816).round(2).tolist()
[0.3]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.model.booster import at_levels
from ona.sky.sun import Floats

INTERVALS: dict[int, tuple[float, float]] = {80: (0.1, 0.9), 95: (0.025, 0.975)}
"""Quantile levels of the bounds by interval (%); the contract's intervals."""
REFERENCE = (0.025, 0.1, 0.5, 0.9, 0.975)
"""Levels of a raw forecast that scores refer to."""
Z_80, Z_95 = 1.2816, 1.96
"""Scores of the raw bounds: quantiles 90 and 97.5 % of a standard normal."""
MIN_WIDTH = 0.004
"""Half width of 80 % that a raw forecast has at least, share of capacity: a forecast without width would
give every outcome an endless score."""
MIN_STRETCH = 1.15
"""A raw half width of 95 % is at least so many times that of 80 %."""
MOST_SCORE = 8.0
"""Scores are cut here, so that a broken meter does not widen intervals without end. Ours."""
PRIOR_LEVELS: NDArray[np.float64] = np.array([0.01, 0.025, *np.arange(0.05, 0.951, 0.05), 0.975, 0.99])
"""Levels at which a training keeps its scores."""
MIN_OUTCOMES = 80
"""Outcomes that make a prior: with fewer, a tail of 2.5 % holds less than two. Ours."""
PRIOR_HOURS = 60.0
"""So many outcomes of today the prior counts as: about five days of daylight."""
KEPT_DAYS = 90
"""Days that are kept: older ones weigh below a twentieth."""
FADES_DAYS = 30.0
"""Days in which an outcome's weight falls to 37 %."""
STEP, STEP_FADES_DAYS = 0.05, 40.0
"""How far a day that misses throughout moves the level of 80 %, and how many days that lasts; that of 95 %
moves half as far."""
MOST_STEP = {80: 0.06, 95: 0.02}
"""How far the level of a tail moves at most, from 10 and from 2.5 %."""
LEAST_TAIL = 0.002
"""Share outside that is asked of a tail at least."""
WHOLE_DAY_HOURS = 8
"""Hours that make a day count whole in the step."""
STANDS_STILL, MOVES = 0.001, 0.05
"""Share of capacity below which a day's power stood still, and above which its forecast moved. Ours."""
MIN_LAG = timedelta(days=2)
"""How old the newest measured day is for the day that is forecast: a day-ahead forecast is issued before
the day between has ended."""


@dataclass(frozen=True)
class Ends:
    """Scores of an interval's lower and upper end."""

    lower: float
    upper: float


Calibration = Mapping[int, Ends]
UNCALIBRATED: Calibration = {80: Ends(-Z_80, Z_80), 95: Ends(-Z_95, Z_95)}
"""Intervals as the raw forecast gives them."""
Bounds = dict[int, tuple[Floats, Floats]]
"""Lower and upper bound by interval (80 and 95 %), shares of capacity, shape (n,) each."""
Prior = tuple[float, ...]
"""Scores at `PRIOR_LEVELS`; empty where nothing is known."""


@dataclass(frozen=True)
class Day:
    """A measured day of a site: scores of its hours, and the shares of hours (0…1) below and above each
    interval that was served. `version` is the model's whose forecast it was; `hours`: which hour of the UTC
    day each score is of, 1…24, empty where an earlier version kept the day."""

    day: date
    version: str
    scores: tuple[float, ...]
    misses: Mapping[int, tuple[float, float]]
    hours: tuple[int, ...] = ()


def reference(quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles at `REFERENCE`, shape (n, 5), of quantiles at other levels, shape (n, levels)."""
    return at_levels(quantiles, levels, np.asarray(REFERENCE))


def _halves(raw: Floats, above: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Half widths of 80 and 95 % on the side that is asked for, shape (n,), none of them nothing."""
    median = raw[:, 2]
    near = np.where(above, raw[:, 3] - median, median - raw[:, 1])
    far = np.where(above, raw[:, 4] - median, median - raw[:, 0])
    near = np.maximum(near, MIN_WIDTH)
    return near, np.maximum(far, MIN_STRETCH * near)


def scores(actual: Floats, raw: Floats) -> Floats:
    """Where outcomes, shape (n,), lay in raw forecasts at `REFERENCE`, shape (n, 5); NaN stays NaN."""
    error = actual - raw[:, 2]
    above = error >= 0
    near, far = _halves(raw, above)
    size = np.abs(error)
    beyond = Z_80 + (Z_95 - Z_80) * (size - near) / (far - near)
    score = np.minimum(np.where(size <= near, Z_80 * size / near, beyond), MOST_SCORE)
    return np.asarray(np.where(above, score, -score))


def at_score(raw: Floats, score: float | Floats) -> Floats:
    """The values, shape (n,), that have a score in raw forecasts at `REFERENCE`, shape (n, 5); 0…1."""
    wanted = np.broadcast_to(np.asarray(score, dtype=float), raw.shape[:1])
    above, size = wanted >= 0, np.abs(wanted)
    near, far = _halves(raw, above)
    beyond = near + (far - near) * (size - Z_80) / (Z_95 - Z_80)
    away = np.where(size <= Z_80, near * size / Z_80, beyond)
    return np.clip(raw[:, 2] + np.where(above, away, -away), 0.0, 1.0)


def prior(actual: Floats, raw: Floats) -> Prior:
    """What a training keeps of its unseen outcomes, shape (n,), and their raw forecasts, shape (n, 5).

    Give daylight hours. Too few outcomes make no prior.
    """
    found = scores(actual, raw)
    found = found[~np.isnan(found)]
    if len(found) < MIN_OUTCOMES:
        return ()
    return tuple(round(float(value), 3) for value in np.quantile(found, PRIOR_LEVELS))


def prior_of_factors(factors: Mapping[int, tuple[float, float]]) -> Prior:
    """The prior that cards of earlier versions mean: factors of the raw half widths, (lower, upper) by
    interval."""
    if set(factors) != set(INTERVALS):
        return ()
    (low80, high80), (low95, high95) = factors[80], factors[95]
    at = [-Z_95 * low95, -Z_80 * low80, 0.0, Z_80 * high80, Z_95 * high95]
    return tuple(float(value) for value in np.interp(PRIOR_LEVELS, REFERENCE, sorted(at)))


def ends(prior_scores: Prior, days: Iterable[Day]) -> Calibration:
    """The ends of both intervals from a prior and measured days.

    A day's age is counted from the newest one: while nothing is measured, nothing moves.
    """
    known = sorted(days, key=lambda one: one.day)
    newest = known[-1].day if known else date.min
    centiles = (np.arange(99) + 0.5) / 99
    values = [np.interp(centiles, PRIOR_LEVELS, prior_scores or _NORMAL)]
    weights = [np.full(99, PRIOR_HOURS / 99)]
    moved = {level: np.zeros(2) for level in INTERVALS}
    for one in known:
        age = (newest - one.day).days
        if age > KEPT_DAYS:
            continue
        values.append(np.asarray(one.scores))
        weights.append(np.full(len(one.scores), np.exp(-age / FADES_DAYS)))
        part = STEP * np.exp(-age / STEP_FADES_DAYS) * min(1.0, len(one.scores) / WHOLE_DAY_HOURS)
        for level, missed in one.misses.items():
            moved[level] += part * (np.asarray(missed) - INTERVALS[level][0])
    moved[95] = moved[95] / 2
    out = {}
    for level, (tail, _) in INTERVALS.items():
        step = np.clip(moved[level], -MOST_STEP[level], MOST_STEP[level])
        low, high = np.maximum(tail - step, LEAST_TAIL)
        lower, upper = _weighted(np.concatenate(values), np.concatenate(weights), [low, 1.0 - high])
        out[level] = Ends(lower, upper)
    return out


_NORMAL: Prior = (
    *(-2.326, -1.96, -1.645, -1.282, -1.036, -0.842, -0.674, -0.524, -0.385, -0.253, -0.126, 0.0),
    *(0.126, 0.253, 0.385, 0.524, 0.674, 0.842, 1.036, 1.282, 1.645, 1.96, 2.326),
)
"""Scores of a forecast that is right: a standard normal's quantiles at `PRIOR_LEVELS`."""


def _weighted(values: Floats, weights: Floats, wanted: Sequence[float]) -> list[float]:
    """Weighted quantiles, linear between the middles of the values' weights."""
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    middles = (sums - weights[order] / 2) / sums[-1]
    return [float(value) for value in np.interp(wanted, middles, values[order])]


def intervals(raw: Floats, calibration: Calibration) -> tuple[Floats, Bounds]:
    """Median, and the calibrated (lower, upper) by interval, shares of capacity, of raw forecasts at
    `REFERENCE`; a wider interval holds the narrower one, all of them hold the median, none leaves 0…1.

    Where even the highest raw quantile is zero, as at night, all bounds are.
    """
    median = np.clip(raw[:, 2], 0.0, 1.0)
    certain = raw[:, 4] <= 0.0
    out: Bounds = {}
    inner = (median, median)
    for level in sorted(INTERVALS):
        tail = calibration.get(level, UNCALIBRATED[level])
        lower = np.where(certain, median, np.minimum(at_score(raw, tail.lower), inner[0]))
        upper = np.where(certain, median, np.maximum(at_score(raw, tail.upper), inner[1]))
        inner = (lower, upper)
        out[level] = inner
    return median, out


def misses(actual: Floats, bounds: Bounds) -> dict[int, tuple[float, float]]:
    """Shares of outcomes below and above each interval."""
    return {
        level: (float((actual < low).mean()), float((actual > high).mean()))
        for level, (low, high) in bounds.items()
    }


def before(days: Iterable[Day], day: date) -> list[Day]:
    """The days that had been measured when a day's day-ahead forecast was issued."""
    return [one for one in days if day - one.day >= MIN_LAG]


def replayed(hours: pd.DatetimeIndex, actual: Floats, raw: Floats, known: Prior) -> Bounds:
    """The intervals that one site would have been served day by day, each day knowing only those that had
    been measured when its day-ahead forecast was issued.

    `hours`: ends of hours (UTC), rising, shape (n,); `actual`: shares that came; `raw`: shape (n, 5).
    """
    days: dict[date, Day] = {}
    out = {level: (np.zeros(len(actual)), np.zeros(len(actual))) for level in INTERVALS}
    for today, rows in _by_day(hours):
        _, bounds = intervals(raw[rows], ends(known, before(days.values(), today)))
        for level, (low, high) in bounds.items():
            out[level][0][rows], out[level][1][rows] = low, high
        day = measured(today, "", actual[rows], raw[rows], bounds)
        if day is not None:
            days[today] = day
        days.pop(today - timedelta(days=KEPT_DAYS + MIN_LAG.days), None)
    return out


def measured(
    day: date, version: str, actual: Floats, raw: Floats, bounds: Bounds, hours: Sequence[int] = ()
) -> Day | None:
    """A day as it is kept, of outcomes, raw forecasts (NaN where there is none) and the intervals that had
    been served; None where it tells nothing of the forecast. `hours`: which hour of the day each one is.

    So is a day on which power stood still although the forecast did not: a meter or a plant that stopped.
    """
    known = ~(np.isnan(actual) | np.isnan(raw).any(axis=1))
    if not known.any():
        return None
    came, expected = actual[known], raw[known]
    if np.ptp(came) < STANDS_STILL and np.ptp(expected[:, 2]) > MOVES:
        return None
    found = tuple(round(float(value), 2) for value in scores(came, expected))
    held = {level: (low[known], high[known]) for level, (low, high) in bounds.items()}
    of_day = tuple(hour for hour, is_known in zip(hours, known, strict=False) if is_known)
    return Day(day, version, found, misses(came, held), of_day)


def _by_day(hours: pd.DatetimeIndex) -> Iterator[tuple[date, NDArray[np.intp]]]:
    """UTC days with the positions of their hours; an hour ends in its day, midnight in the day before."""
    day = (hours - pd.Timedelta(hours=1)).floor("D")
    for first in sorted(set(day)):
        yield first.date(), np.flatnonzero(day == first)
