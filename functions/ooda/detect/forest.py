"""Isolation forest (Liu, Ting and Zhou, ICDM 2008), the user's second detector, on residual features.

scikit-learn has one, and it is the peer in `benchmarks/detection`; it is not shipped because it adds
32 MB to a function that must stay below 230, for these sixty lines of NumPy (docs/decisions/0007). The
forest gives evidence, it opens no incident: by its contamination a tenth of all readings is unusual on any
day.

>>> points = np.column_stack((np.r_[np.zeros(19), 9.0], np.zeros(20)))  # one of twenty lies apart
>>> np.flatnonzero(unusual(points, contamination=0.05, seed=42)).tolist()
[19]
"""

from __future__ import annotations

import math

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from ooda.detect.sky import Floats, Mask

TREES, SAMPLE = 100, 256
"""Trees, and readings a tree is grown on: the paper's own numbers."""
EULER = 0.5772156649
"""The Euler–Mascheroni constant."""


def average_path(n: NDArray[np.float64]) -> Floats:
    """Average path length of an unsuccessful search among n points: 2 H(n−1) − 2 (n−1)/n; 0 for n ≤ 1."""
    more = np.maximum(n, 2.0)
    length = 2.0 * (np.log(np.maximum(more - 1.0, 1.0)) + EULER) - 2.0 * (more - 1.0) / more
    return np.asarray(np.where(n > 2, length, np.where(n > 1, 1.0, 0.0)))


def scores(points: Floats, seed: int) -> Floats:
    """Anomaly scores 0…1 of points, shape (n, f) → (n,): 2^(−E[path] / c(sample)); finite input only.

    All trees are grown together, level by level, in a heap of 2^(depth+1) nodes each.
    """
    n, features = points.shape
    if n < 8:
        return np.full(n, 0.5)
    rng = np.random.default_rng(seed)
    m = min(SAMPLE, n)
    depth = max(1, math.ceil(math.log2(m)))
    width = 2 ** (depth + 1)
    chosen = np.argsort(rng.random((TREES, n)), axis=1)[:, :m]
    sample = points[chosen]
    tree = np.repeat(np.arange(TREES), m)
    node = np.ones(TREES * m, dtype=np.int64)
    flat = sample.reshape(TREES * m, features)
    feature = rng.integers(0, features, (TREES, width))
    split = np.full((TREES, width), np.inf)
    count = np.zeros((TREES, width))
    for level in range(depth + 1):
        count += np.bincount(tree * width + node, minlength=TREES * width).reshape(TREES, width)
        if level == depth:
            break
        value = flat[np.arange(len(flat)), feature[tree, node]]
        low, high = np.full((TREES, width), np.inf), np.full((TREES, width), -np.inf)
        np.minimum.at(low, (tree, node), value)
        np.maximum.at(high, (tree, node), value)
        parts = (count > 1) & (high > low)
        with np.errstate(invalid="ignore"):
            cut = low + rng.random((TREES, width)) * (high - low)
        here = np.zeros(width, dtype=bool)
        here[2**level : 2 ** (level + 1)] = True
        split = np.where(parts & here, cut, split)
        node = 2 * node + (value >= split[tree, node])
    first = np.arange(TREES)[:, None] * width
    at = np.ones((TREES, n), dtype=np.int64)
    length, alive = np.zeros((TREES, n)), np.ones((TREES, n), dtype=bool)
    for level in range(depth + 1):
        place = first + at
        size = count.take(place)
        ends = alive & ((size <= 1) | (level == depth))
        length[ends] = level + average_path(size[ends])
        alive &= ~ends
        if level == depth:
            break
        value = points.take(np.arange(n) * features + feature.take(place))
        at = np.where(alive, 2 * at + (value >= split.take(place)), at)
    path = length.mean(axis=0)
    return np.asarray(2.0 ** (-path / float(average_path(np.array(float(m))))))


def unusual(points: Floats, contamination: float, seed: int) -> Mask:
    """The `contamination` share of points that are isolated soonest, shape (n,); a NaN counts as its
    column's median."""
    if len(points) < 8:
        return np.zeros(len(points), dtype=bool)
    middle = bn.nanmedian(points, axis=0)
    filled = np.where(np.isfinite(points), points, np.where(np.isfinite(middle), middle, 0.0))
    score = scores(filled, seed)
    return np.asarray(score > np.quantile(score, 1.0 - contamination))
