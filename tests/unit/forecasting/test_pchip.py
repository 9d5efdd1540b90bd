"""Interpolation that never swings beyond its points: against SciPy's, and by what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from forecasting.interpolation_service import pchip


@pytest.mark.parametrize("seed", range(20))
def test_it_is_scipys_on_uneven_points_and_plateaus(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(20):
        x = np.sort(rng.choice(90, rng.integers(2, 14), replace=False)).astype(float)
        y = np.round(rng.normal(size=len(x)), int(rng.integers(0, 4)))  # few digits make equal neighbours
        at = np.concatenate([x, rng.uniform(x[0], x[-1], 30)])
        np.testing.assert_allclose(pchip.between(x, y, at), PchipInterpolator(x, y)(at), atol=1e-12)


def test_it_never_swings_beyond_its_neighbours_where_a_spline_would() -> None:
    x = np.array([0, 1, 2, 3, 4, 5])  # whole numbers, as places in a series are
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    values = pchip.between(x, y, np.linspace(0, 5, 501))
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    assert np.all(np.diff(values) >= 0.0)


def test_two_points_are_joined_by_a_line() -> None:
    values = pchip.between(np.array([2, 6]), np.array([1.0, 3.0]), np.array([2, 3, 5, 6]))
    np.testing.assert_allclose(values, [1.0, 1.5, 2.5, 3.0])
