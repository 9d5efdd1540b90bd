"""How the errors of two sites go together: learned from their measured hours, by distance before.

Two sites' scores (`forecasting.model.calibration`) of the same hours have a correlation. It comes together
with the one that their distance says, which counts as `PRIOR_DAYS` days:

    ρ = ((n − 1)·r + N·ρ₀) / (n − 1 + N)

with n days that both have, r the correlation of their hours in them, ρ₀ the distance's and N the prior's
days. Days count rather than hours, because hours of one day err alike. r may be negative: were it cut at
nothing, chance alone would make hundreds of independent sites err together.

A stored forecast carries its site's scores in letters, a letter an hour, 24 a UTC day: a sum reads no
further object, and 90 days are 4 kB.

>>> text = letters([1, 3], [0.0, -9.0])
>>> text
'm.a.....................'
>>> numbers([{"2025-06-10": text}])[:3, 0].tolist()
[0.0, nan, -3.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ona.sky.sun import Floats  # it brings pandas, which a sum of stored forecasts does not wait for

MOST_SCORE = 3.0
"""Scores are cut here: one wild hour does not decide. Ours."""
STEP = 0.25
"""Scores of neighbouring letters differ by so much; the rounding is 0.5 % of a score's variance."""
NONE = "."
"""Stands for an hour without a score."""
HOURS = 24
PRIOR_DAYS = 10.0
"""Days that the distance counts as: it misses a correlation by about 0.3, as chance does in ten days
(1/√10). Ours; chosen on made-up sites (docs/decisions/0043)."""
LEAST = 1e-9
_ZERO = round(MOST_SCORE / STEP)
PastScores = Mapping[str, str]
"""Letters by UTC day (`2025-06-10`)."""


def letters(hours: Sequence[int], scores: Sequence[float]) -> str:
    """A day's scores as text, 24 letters. `hours`: which hour of the UTC day each is of, 1…24."""
    text = [NONE] * HOURS
    for hour, score in zip(hours, scores, strict=True):
        cut = min(max(score, -MOST_SCORE), MOST_SCORE)
        text[hour - 1] = chr(ord("a") + _ZERO + round(cut / STEP))
    return "".join(text)


def numbers(past: Sequence[PastScores]) -> Floats:
    """The scores of sites, shape (24 · days, sites), days in order; NaN where an hour has none."""
    days = sorted({day for own in past for day in own})
    if not days:
        return np.zeros((0, len(past)))
    texts = "".join(own.get(day, NONE * HOURS) for day in days for own in past)
    code = np.frombuffer(texts.encode("ascii"), dtype=np.uint8).astype(float) - ord("a")
    scores = np.where((code >= 0) & (code <= 2 * _ZERO), (code - _ZERO) * STEP, np.nan)
    return np.asarray(scores.reshape(len(days), len(past), HOURS).transpose(0, 2, 1).reshape(-1, len(past)))


def learned(prior: Floats, past: Sequence[PastScores]) -> Floats:
    """How the errors of sites correlate, shape (sites, sites), −1…1; `prior`: what their distances say.

    The answer is positive semidefinite: where sites have other days, eigenvalues below nothing are cut.
    """
    scores = numbers(past)
    if not len(scores):
        return prior
    known = ~np.isnan(scores)
    value, there = np.where(known, scores, 0.0), known.astype(float)
    both = np.maximum(there.T @ there, 1.0)
    mean = (value.T @ there) / both  # of each site over the hours that both have
    spread = np.maximum((value**2).T @ there / both - mean**2, 0.0)
    product = np.sqrt(spread * spread.T)
    found = np.clip(
        np.divide(value.T @ value / both - mean * mean.T, product, where=product > LEAST, out=prior.copy()),
        -1.0,
        1.0,
    )
    weight = np.maximum(_common_days(known) - 1.0, 0.0)
    mixed = (weight * found + PRIOR_DAYS * prior) / (weight + PRIOR_DAYS)
    np.fill_diagonal(mixed, 1.0)
    return _semidefinite(mixed)


def _common_days(known: Floats) -> Floats:
    """Days on which two sites have a score of the same hour, shape (sites, sites)."""
    by_day = known.reshape(-1, HOURS, known.shape[1]).astype(np.float32)
    return np.asarray(sum((day.T @ day > 0).astype(float) for day in by_day))


def _semidefinite(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= -LEAST:
        return matrix
    near = (vectors * np.maximum(values, 0.0)) @ vectors.T
    size = np.sqrt(np.diag(near))
    return np.asarray(np.clip(near / np.outer(size, size), -1.0, 1.0))
