"""Intervals that hold what they promise, and the error that is carried into the first hours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.model import calibration, nowcast, score
from tests.builders.models import LEVELS


def outcomes(n: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth is normal about 0.5; the forecast's spread is `spread` times the true one."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    actual = 0.5 + 0.08 * rng.normal(size=n)
    q = 0.5 + 0.08 * spread * norm.ppf(np.array(LEVELS))
    return actual, np.tile(q, (n, 1))


@pytest.mark.parametrize("spread", [0.4, 0.8, 1.0, 1.6])
def test_calibrated_intervals_hold_what_they_promise(spread: float) -> None:
    actual, q = outcomes(4000, spread)
    factors = calibration.calibrate(actual, q, LEVELS)
    fresh, q = outcomes(4000, spread, seed=9)
    _, bounds = calibration.intervals(q, LEVELS, factors)
    for level, (low, high) in bounds.items():
        assert 100 * score.coverage(fresh, low, high) == pytest.approx(level, abs=1.5)


def test_too_few_outcomes_calibrate_nothing() -> None:
    actual, q = outcomes(20, 0.5)
    assert calibration.calibrate(actual, q, LEVELS) == calibration.UNCALIBRATED
    assert (
        calibration.calibrate(np.full(500, np.nan), np.tile(q[:1], (500, 1)), LEVELS)
        == calibration.UNCALIBRATED
    )


@pytest.mark.parametrize("spread", [0.6, 1.0, 1.5])
def test_live_factors_bring_intervals_to_what_they_promise_within_a_season(spread: float) -> None:
    """Twelve hours a day for a year, errors that last a whole day: the last 240 days hold 80 and 95 %."""
    rng = np.random.default_rng(4)
    q = 0.5 + 0.08 * spread * np.array([-1.96, -1.28, -0.67, 0.0, 0.67, 1.28, 1.96])
    live: dict[int, calibration.Tail] = {}
    held: dict[int, list[float]] = {80: [], 95: []}
    for _ in range(360):
        actual = 0.5 + 0.08 * (0.7 * rng.normal() + 0.714 * rng.normal(size=12))
        _, bounds = calibration.intervals(np.tile(q, (12, 1)), LEVELS, calibration.combined({}, live))
        misses = {}
        for level, (low, high) in bounds.items():
            held[level].append(score.coverage(actual, low, high))
            misses[level] = (float((actual < low).mean()), float((actual > high).mean()))
        live = calibration.adapted(live, misses)
    for level, days in held.items():
        assert 100 * np.mean(days[120:]) == pytest.approx(level, abs=2.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.floats(0.3, 4), st.floats(0.3, 4))
def test_intervals_are_nested_for_any_factors(values: list[float], low: float, high: float) -> None:
    q = np.sort(np.array([values]), axis=1)
    tails = {80: calibration.Tail(low, high), 95: calibration.Tail(high, low)}
    median, bounds = calibration.intervals(q, LEVELS, tails)
    assert (bounds[95][0] >= 0).all()
    assert (bounds[95][0] <= bounds[80][0]).all()
    assert (bounds[80][0] <= median).all()
    assert (median <= bounds[80][1]).all()
    assert (bounds[80][1] <= bounds[95][1]).all()
    assert (bounds[95][1] <= 1).all()


# ------------------------------------------------------------------ the first hours


def test_an_error_that_lives_on_is_learned_and_carried() -> None:
    rng = np.random.default_rng(0)
    z = np.zeros(3000)
    for n in range(1, len(z)):
        z[n] = 0.8 * z[n - 1] + rng.normal(0, 0.1)
    index = pd.date_range("2025-01-01", periods=3000, freq="h", tz="UTC")
    lives = nowcast.learn(np.full(3000, "s"), index, z, np.ones(3000))
    assert lives.weight == pytest.approx(0.8, abs=0.05)
    assert np.exp(-1 / lives.tau_hours) == pytest.approx(0.8, abs=0.05)
    white = nowcast.learn(np.full(3000, "s"), index, rng.normal(size=3000), np.ones(3000))
    assert white.remaining(np.array([1.0]))[0] == 0.0


def test_a_correction_moves_the_day_and_not_the_night() -> None:
    q = np.tile(np.linspace(0.2, 0.6, len(LEVELS)), (4, 1))
    envelope = np.array([0.8, 0.8, 0.8, 0.0])
    ahead = np.array([1.0, 2.0, 24.0, 1.0])
    lives = nowcast.Persistence(0.8, 3.0)
    moved = nowcast.correct(q, LEVELS, envelope, ahead, -0.2, lives)
    assert moved[0].mean() < moved[1].mean() < q[1].mean()
    assert np.array_equal(moved[2:], q[2:])
    assert np.ptp(moved[0]) < np.ptp(q[0]), "what is known better is narrower"
