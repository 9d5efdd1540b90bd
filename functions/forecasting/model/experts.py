"""Several forecasts of a site as one: each counts by what it missed on the newest days.

An *expert* is one way to forecast: the trees, the fitted physics, the physics of the last two days, the sky
of the day before, what usually comes. Their quantiles are averaged. The weights are those with which the
average would have missed least on the days that are known: the mean products of the experts' errors tell
that (Bates, Granger, Operational Research Quarterly 20(4), 1969). No weight is negative; together they are
one (Conflitti, De Mol, Giannone, International Journal of Forecasting 31(4), 2015). They are drawn to the
weights of before anything is known (Diebold, Pauly, International Journal of Forecasting 6(4), 1990), and a
day counts less the older it is.

An expert that errs the other way than the rest is worth much, also where it errs more. All of it is a
function of the days that are kept; their order does not matter.

>>> came = np.array([0.5, 0.7])
>>> same = {"a": 0.5, "b": 0.5}
>>> day = heard(date(2025, 6, 1), came, {"a": np.array([0.4, 0.5]), "b": came}, same)
>>> weights(same, [day] * 30)
{'a': 0.125, 'b': 0.875}
>>> one, other = [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9]
>>> said = {"a": np.array([one, one]), "b": np.array([other, [np.nan] * 5])}
>>> combined(said, same).round(1).tolist()
[[0.1, 0.2, 0.5, 0.8, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5]]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np

from forecasting.model.booster import at_levels
from forecasting.model.calibration import REFERENCE
from ona.sky.sun import Floats

TREES, PHYSICS, RECENT, PERSISTED, USUAL = "trees", "physics", "recent", "persisted", "usual"
"""The experts: the trees and the physics of a training; the physics of the last two days; the clear-sky
index of the day before; what usually comes without weather."""
WITHOUT_MODEL: Mapping[str, float] = {RECENT: 0.9, PERSISTED: 0.1}
"""Weights of before any day is known, where a site has no model. Ours."""
WITHOUT_WEATHER: Mapping[str, float] = {USUAL: 0.5, PERSISTED: 0.5}
"""The same where there is no weather. Ours."""
MODEL_SHARE = 0.95
"""What trees and physics have of the weight before any day is known; the rest has who stands by. Ours."""
STAND_BY: Mapping[str, float] = {PHYSICS: 0.02, RECENT: 0.02, PERSISTED: 0.01}
HALF_DAYS = 10.0
"""Days in which what a day says halves. Ours: 5 to 20 hardly differ."""
STRENGTH_HOURS = 20.0
"""Hours that the weights of before are worth: about two days of light. Ours: 20 to 80 hardly differ."""
GREAT = 0.1
"""An hour that was missed by more than about this share of capacity counts by the miss, not by its square:
else one bad day outvotes ten others (Huber, Annals of Mathematical Statistics 35(1), 1964). Ours."""
MIDDLE = REFERENCE.index(0.5)
POOLED: Floats = (np.arange(40) + 0.5) / 40
"""Levels at which an expert's distribution is taken into the pool."""
SPEAKS_HALF = 0.5
"""An expert that is silent in more than this share of a day's hours is not judged by that day."""


@dataclass(frozen=True)
class Heard:
    """What experts missed in some hours (faded: `hours`) up to a day.

    `products`, shape (k, k): by pair of `names` the mean product of their errors, shares of capacity, over
    how great the miss of the hour was.
    """

    day: date
    hours: float
    names: tuple[str, ...]
    products: Floats


def with_model(trees: float, kept: float = 1.0) -> dict[str, float]:
    """Weights of before any day is known, by the weight of the trees beside physics (`blend`), 0…1.

    `kept`: what of them stays on a day whose light the training has hardly seen, 0…1 (`light.kept`); the
    rest is as without a model.
    """
    own = {TREES: MODEL_SHARE * trees, PHYSICS: MODEL_SHARE * (1.0 - trees) + STAND_BY[PHYSICS]}
    whole = {**own, RECENT: STAND_BY[RECENT], PERSISTED: STAND_BY[PERSISTED]}
    return {
        name: kept * share + (1.0 - kept) * WITHOUT_MODEL.get(name, 0.0) for name, share in whole.items()
    }


def heard(
    day: date, actual: Floats, said: Mapping[str, Floats], by_name: Mapping[str, float]
) -> Heard | None:
    """What experts missed on a day; None where nothing can be compared.

    `actual`: shares that came, shape (n,); `said`: medians by expert, shape (n,), NaN where it is silent;
    `by_name`: the weights that they had.
    """
    spoken = {name: values for name, values in said.items() if np.isnan(values).mean() <= SPEAKS_HALF}
    if not spoken:
        return None
    table = np.column_stack([values - actual for values in spoken.values()])
    table = table[~np.isnan(table).any(axis=1)]
    if not len(table):
        return None
    had = np.array([by_name.get(name, 0.0) for name in spoken])
    missed = np.abs(table @ had) / max(float(had.sum()), 1e-9)
    products = (table / (missed + GREAT)[:, None]).T @ table / len(table)
    return Heard(day, float(len(table)), tuple(spoken), products)


def pooled(days: Iterable[Heard], names: Sequence[str]) -> Heard | None:
    """Several days as one, as of the newest; of the days that know all of the experts in question."""
    known = [one for one in days if set(names) <= set(one.names)]
    newest = max((one.day for one in known), default=date.min)
    hours, total = 0.0, np.zeros((len(names), len(names)))
    for one in known:
        faded = one.hours * 0.5 ** ((newest - one.day).days / HALF_DAYS)
        hours, total = hours + faded, total + faded * _of(one, names)
    return Heard(newest, hours, tuple(names), total / hours) if hours > 0.0 else None


def weights(before: Mapping[str, float], days: Iterable[Heard]) -> dict[str, float]:
    """The weights of the experts that `before` names: 0…1, together 1.

    `before`: weights of before anything is known, none negative, not all zero. Days that do not know one of
    the experts teach nothing.
    """
    names = list(before)
    prior = np.array([before[name] for name in names])
    prior = prior / prior.sum()
    known = pooled(days, names)
    size = float(np.trace(known.products)) / len(names) if known is not None else 0.0
    if known is None or size <= 0.0:
        return dict(zip(names, prior.tolist(), strict=True))
    found = _least(known.products * known.hours / size, prior, STRENGTH_HOURS)
    return dict(zip(names, found.round(4).tolist(), strict=True))


def combined(said: Mapping[str, Floats], by_name: Mapping[str, float]) -> Floats:
    """The forecast of several experts at `REFERENCE`, shape (n, 5), of theirs; NaN where none with a weight
    speaks.

    Medians are averaged. The bounds are those of the experts' distributions taken together (a linear pool:
    Stone, Annals of Mathematical Statistics 32(4), 1961): where experts disagree nobody is certain.
    """
    names = [name for name in said if by_name.get(name, 0.0) > 0.0]
    if not names:
        return np.full(next(iter(said.values())).shape, np.nan)
    if len(names) == 1:
        return said[names[0]]
    values = np.stack([said[name] for name in names], axis=1)
    speaks = np.asarray(~np.isnan(values).any(axis=2))
    weight = np.where(speaks, np.array([by_name[name] for name in names]), 0.0)
    whole: Floats = np.asarray(weight.sum(axis=1, keepdims=True))
    weight = weight / np.maximum(whole, 1e-9)
    values = np.where(speaks[:, :, None], values, 0.0)
    median = (weight * values[:, :, MIDDLE]).sum(axis=1)
    drawn = np.stack([_drawn(values[:, n]) for n in range(len(names))], axis=1)
    share = np.broadcast_to(weight[:, :, None] / len(POOLED), drawn.shape).reshape(len(drawn), -1)
    out = _quantiles(drawn.reshape(len(drawn), -1), share)
    out[:, MIDDLE] = median
    out[:, :MIDDLE] = np.minimum(out[:, :MIDDLE], median[:, None])
    out[:, MIDDLE:] = np.maximum(out[:, MIDDLE:], median[:, None])
    return np.asarray(np.where(whole > 0.0, out, np.nan))


def _drawn(quantiles: Floats) -> Floats:
    """Values of an expert's distribution at `POOLED`, shape (n, 40), by its quantiles at `REFERENCE`.

    Beyond them it goes on as fast as between the last two.
    """
    near, far = REFERENCE[1] - REFERENCE[0], REFERENCE[0]
    lowest = quantiles[:, :1] - (quantiles[:, 1:2] - quantiles[:, :1]) * far / near
    highest = quantiles[:, -1:] + (quantiles[:, -1:] - quantiles[:, -2:-1]) * far / near
    whole = np.clip(np.hstack([lowest, quantiles, highest]), 0.0, 1.0)
    return at_levels(whole, (0.0, *REFERENCE, 1.0), POOLED)


def _quantiles(values: Floats, share: Floats) -> Floats:
    """Quantiles at `REFERENCE`, shape (n, 5), of values with shares, shape (n, m) each: linear between the
    middles of the shares."""
    order = np.argsort(values, axis=1)
    values, share = np.take_along_axis(values, order, 1), np.take_along_axis(share, order, 1)
    middles = np.cumsum(share, axis=1) - share / 2
    rows = np.arange(len(values))
    out = np.empty((len(values), len(REFERENCE)))
    for column, level in enumerate(REFERENCE):
        before = np.asarray(middles < level)
        right = np.clip(before.sum(axis=1), 1, values.shape[1] - 1)
        low, high = middles[rows, right - 1], middles[rows, right]
        part = np.clip((level - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        out[:, column] = values[rows, right - 1] * (1 - part) + values[rows, right] * part
    return out


def _of(one: Heard, names: Sequence[str]) -> Floats:
    at = [one.names.index(name) for name in names]
    return np.asarray(one.products)[np.ix_(at, at)]


def _least(products: Floats, prior: Floats, strength: float) -> Floats:
    """The weights w with least w'Mw + strength |w - prior|², none negative, together one.

    Each set of experts has its own solution; with four there are 15 sets.
    """
    left = products + strength * np.eye(len(prior))
    best, least = prior, float("inf")
    for members in _sets(len(prior)):
        size = len(members)
        system = np.ones((size + 1, size + 1))
        system[:size, :size] = left[np.ix_(members, members)]
        system[size, size] = 0.0
        inside = np.linalg.solve(system, np.append(strength * prior[members], 1.0))[:size]
        found = np.zeros(len(prior))
        found[members] = inside
        loss = float(found @ products @ found + strength * ((found - prior) ** 2).sum())
        if inside.min() >= 0.0 and loss < least:
            best, least = found, loss
    return best


def _sets(size: int) -> Iterator[list[int]]:
    for many in range(1, size + 1):
        yield from (list(members) for members in combinations(range(size), many))
