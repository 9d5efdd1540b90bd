"""Intervals of a sum of sites, against sites whose errors are drawn with a known correlation.

Outcomes are lognormal around a median, which is not the law that the sum assumes.
"""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.model import portfolio

HOURS = 4000
DEGREE_KM = 111.2
LEVEL_Z = np.array([0.0, -1.2816, 1.2816, -1.96, 1.96])


def outcomes(correlation: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of sites, shape (hours, sites, 5), and what the sites gave together, shape (hours,)."""
    draw = np.random.default_rng(11)
    sites = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    z = draw.standard_normal((HOURS, sites)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    scale = draw.uniform(20.0, 400.0, (HOURS, sites))
    quantiles = scale[..., None] * np.exp(spread * LEVEL_Z)
    return quantiles, (scale * np.exp(spread * z)).sum(axis=1)


def coverage(came: np.ndarray, bounds: np.ndarray) -> tuple[float, float]:
    inside = [(came >= bounds[:, n]) & (came <= bounds[:, n + 1]) for n in (0, 2)]
    return 100 * inside[0].mean(), 100 * inside[1].mean()


@pytest.mark.parametrize("spread", [0.15, 0.4], ids=["nearly even", "leaning"])
@pytest.mark.parametrize("apart_km", [0.0, 60.0, 300.0, 3000.0])
@pytest.mark.parametrize("sites", [1, 2, 10])
def test_sums_hold_what_they_promise(sites: int, apart_km: float, spread: float) -> None:
    """One site, identical ones, some in between, and sites so far apart that nothing is shared."""
    places = [(0.0, number * apart_km / DEGREE_KM) for number in range(sites)]
    true = np.exp(-np.abs(np.subtract.outer(np.arange(sites), np.arange(sites))) * apart_km / 200.0)
    quantiles, came = outcomes(true, spread)
    near, far = coverage(came, portfolio.of_sum(quantiles, places))
    assert near == pytest.approx(80.0, abs=3.0)
    assert far == pytest.approx(95.0, abs=2.0)
    if sites > 2 and apart_km > 200.0:
        added = quantiles.sum(axis=1)[:, 1:]
        assert coverage(came, added)[0] > 95.0, "the sum of bounds is too wide"


def test_identical_sites_have_the_sum_of_the_bounds() -> None:
    quantiles, _ = outcomes(np.ones((4, 4)), 0.4)
    bounds = portfolio.of_sum(quantiles, [(10.0, 20.0)] * 4)
    assert np.allclose(bounds, quantiles.sum(axis=1)[:, 1:])
    # nobody knows where one of two lies: it errs together with the other
    pair = portfolio.of_sum(quantiles[:, :2], [(10.0, 20.0), None])
    assert np.allclose(pair, quantiles[:, :2].sum(axis=1)[:, 1:])


def test_hours_in_the_dark_and_bounds_out_of_order_give_no_nonsense() -> None:
    values = np.zeros((2, 3, 5))
    values[1] = [5.0, 6.0, 4.0, 7.0, 3.0]
    bounds = portfolio.of_sum(values, [(0.0, 0.0), (0.0, 1.0), (0.0, 30.0)])
    assert np.isfinite(bounds).all()
    assert (bounds[0] == 0).all()
    assert bounds[1, 2] <= bounds[1, 0] <= bounds[1, 1] <= bounds[1, 3]


def test_a_page_of_500_sites_and_a_week() -> None:
    draw = np.random.default_rng(3)
    places = list(zip(draw.uniform(-60, 60, 500), draw.uniform(-180, 180, 500), strict=True))
    values = np.sort(draw.random((168, 500, 5)), axis=2)[..., [2, 1, 3, 0, 4]]
    bounds = portfolio.of_sum(values, places)
    added = values.sum(axis=1)[:, 1:]
    assert bounds.shape == (168, 4)
    assert (bounds[:, 1] - bounds[:, 0] < 0.3 * (added[:, 1] - added[:, 0])).all()
