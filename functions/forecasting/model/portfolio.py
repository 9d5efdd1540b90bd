"""The bounds of a sum of sites: some err together, others do not.

Each site's outcome is `median + a·z + b·|z|` with a standard normal z: its upper and its lower half width
may differ. The z of two sites correlate (a Gaussian copula): as their measured hours did, and by their
distance before (`forecasting.model.dependence`). Mean and variance of the sum
then have a closed form, without random numbers: E|z| = √(2/π), and with a correlation ρ

    cov(|z1|, |z2|) = 2/π · (ρ·asin ρ + √(1 − ρ²) − 1)

(moments of the bivariate normal: Nabeya, Annals of the Institute of Statistical Mathematics 3, 1951). The
sum is taken to have the same form again, with that mean and variance. Its lean, b : a, is that of the sites
over √n, where n is how many independent sites would have its spread: sums of many become normal. With ρ = 1
throughout the bounds are the sums of the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecasting.model import dependence

if TYPE_CHECKING:
    from ona.sky.sun import Floats  # it brings pandas, which a sum of stored forecasts does not wait for

LENGTH_KM = 200.0
"""Distance at which the correlation of two sites' errors has fallen to 37 % as long as nothing is measured.
Ours, and meant to be too long rather than too short: too wide is better here than too narrow."""
EARTH_KM = 6371.0
Z = (1.2816, 1.96)
"""Scores of the ends of 80 and of 95 %."""
LEAST_KW = 1e-9
"""Half widths below are none: no division by nothing."""
MEAN_SIZE = math.sqrt(2.0 / math.pi)
"""Mean of the size of a standard normal."""
Place = tuple[float, float]
"""Latitude and longitude, degrees."""


def distances_km(places: Sequence[Place]) -> Floats:
    """Great-circle distances, shape (sites, sites) (haversine formula).

    >>> distances_km([(0.0, 0.0), (0.0, 1.0)]).round().tolist()
    [[0.0, 111.0], [111.0, 0.0]]
    """
    latitude, longitude = np.radians(np.asarray(places, dtype=float).reshape(-1, 2)).T
    north = np.sin((latitude[:, None] - latitude) / 2) ** 2
    east = np.sin((longitude[:, None] - longitude) / 2) ** 2
    chord = north + np.cos(latitude[:, None]) * np.cos(latitude) * east
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0))))


def correlations(places: Sequence[Place | None]) -> Floats:
    """How the errors of sites correlate by their distance, shape (sites, sites), 0…1.

    A site whose place nobody knows errs together with all others: its bounds are added.
    """
    known = [place is not None for place in places]
    apart = distances_km([place or (0.0, 0.0) for place in places])
    return np.where(np.outer(known, known), np.exp(-apart / LENGTH_KM), 1.0)


def of_sum(
    values: Floats, places: Sequence[Place | None], past: Sequence[dependence.PastScores] = ()
) -> Floats:
    """Lower and upper bounds of 80 and of 95 % of a sum of sites, kW, shape (hours, 4).

    `values`: median, lower and upper bound of 80, lower and upper of 95 %, shape (hours, sites, 5); `past`:
    the scores of each site's measured hours. The bounds hold the sum of the medians, those of 95 % hold
    those of 80; none is wider than the sum of the bounds.
    """
    return with_correlation(values, dependence.learned(correlations(places), past))


def with_correlation(values: Floats, correlation: Floats) -> Floats:
    """As `of_sum`, with the sites' correlations, shape (sites, sites), −1…1."""
    sizes = (correlation * np.arcsin(correlation) + np.sqrt(1 - correlation**2) - 1) / (np.pi / 2)
    total = values.sum(axis=1)
    middle, columns = total[:, 0], []
    for first, z in zip((1, 3), Z, strict=True):
        down = np.maximum(values[..., 0] - values[..., first], 0.0) / z
        up = np.maximum(values[..., first + 1] - values[..., 0], 0.0) / z
        even, skew = (up + down) / 2, (up - down) / 2
        lean, together = skew.sum(axis=1), _form(even, correlation)
        alone = np.maximum(even.sum(axis=1), LEAST_KW) ** 2
        bend = lean * together / alone
        left = _form(skew, sizes) - (1 - MEAN_SIZE**2) * bend**2
        spread = np.sqrt(np.maximum(together + left, 0.0))
        if first == 1:  # the mean is that of the inner law: tails hardly move it
            centre = middle + MEAN_SIZE * (lean - bend)
        columns += [
            np.minimum(np.maximum(centre - z * np.maximum(spread - bend, 0.0), total[:, first]), middle),
            np.maximum(
                np.minimum(centre + z * np.maximum(spread + bend, 0.0), total[:, first + 1]), middle
            ),
        ]
    low80, high80, low95, high95 = columns
    return np.column_stack([low80, high80, np.minimum(low95, low80), np.maximum(high95, high80)])


def _form(rows: Floats, matrix: Floats) -> Floats:
    """x·M·x of each row, shape (hours,)."""
    return np.asarray(np.einsum("hs,hs->h", rows @ matrix, rows))
