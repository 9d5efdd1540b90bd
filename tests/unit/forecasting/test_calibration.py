"""Intervals that hold what they promise, and the error that is carried into the first hours."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.accuracy_documents import LiveCalibration
from forecasting.model import calibration, measured_days, nowcast, score
from tests.builders.models import LEVELS


def outcomes(n: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth is normal about 0.5; the forecast's spread is `spread` times the true one."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    actual = 0.5 + 0.08 * rng.normal(size=n)
    q = 0.5 + 0.08 * spread * norm.ppf(np.array(LEVELS))
    return actual, np.tile(q, (n, 1))


@pytest.mark.parametrize("spread", [0.4, 0.8, 1.0, 1.6])
def test_a_prior_alone_makes_intervals_hold_what_they_promise(spread: float) -> None:
    actual, q = outcomes(4000, spread)
    known = calibration.prior(actual, calibration.reference(q, LEVELS))
    fresh, q = outcomes(4000, spread, seed=9)
    _, bounds = calibration.intervals(calibration.reference(q, LEVELS), calibration.ends(known, []))
    for level, (low, high) in bounds.items():
        assert 100 * score.coverage(fresh, low, high) == pytest.approx(level, abs=1.5)


def test_too_few_outcomes_make_no_prior_and_none_leaves_a_forecast_as_it_is() -> None:
    actual, q = outcomes(20, 0.5)
    raw = calibration.reference(q, LEVELS)
    assert calibration.prior(actual, raw) == ()
    assert calibration.prior(np.full(500, np.nan), np.tile(raw[:1], (500, 1))) == ()
    _, bounds = calibration.intervals(raw[:1], calibration.ends((), []))
    assert [bounds[95][0][0], bounds[80][1][0]] == pytest.approx([raw[0, 0], raw[0, 3]], abs=0.003)


def test_a_card_of_an_earlier_version_means_the_same_intervals() -> None:
    factors = {80: (0.8, 1.4), 95: (1.1, 1.7)}
    raw = np.array([[0.094, 0.2, 0.4, 0.5, 0.553]])
    known = calibration.prior_of_factors(factors)
    _, bounds = calibration.intervals(raw, calibration.ends(known, []))
    assert bounds[80][0][0] == pytest.approx(0.4 - 0.8 * 0.2, abs=0.01)
    assert bounds[95][1][0] == pytest.approx(0.4 + 1.7 * 0.153, abs=0.01)
    assert calibration.prior_of_factors({}) == ()


def season(days: int, seed: int) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    """Twelve hours a day; errors last a whole day. Half way the forecast falls 0.08 too low, and outcomes
    spread half as far again."""
    rng = np.random.default_rng(seed)
    hours = pd.DatetimeIndex(
        [
            pd.Timestamp("2025-01-01 05:00", tz="UTC") + pd.Timedelta(days=day, hours=hour)
            for day in range(days)
            for hour in range(1, 13)
        ]
    ).as_unit("us")
    late = np.repeat(np.arange(days) >= days // 2, 12)
    error = 0.7 * rng.normal(size=len(hours)) + 0.714 * np.repeat(rng.normal(size=days), 12)
    actual = np.clip(0.5 + 0.08 * late + np.where(late, 0.12, 0.08) * error, 0.0, 1.0)
    raw = np.tile(0.5 + 0.08 * np.array([-1.96, -1.28, 0.0, 1.28, 1.96]), (len(hours), 1))
    return hours, actual, raw


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_measured_days_bring_intervals_to_what_they_promise(scale: float) -> None:
    """Through a change of regime, for raw forecasts too narrow or too wide by a factor of two."""
    hours, actual, raw = season(180, 3)
    raw = 0.5 + scale * (raw - 0.5)
    bounds = calibration.replayed(hours, actual, raw, ())
    months = np.arange(len(hours)) // 360
    for level, (low, high) in bounds.items():
        held = (actual >= low) & (actual <= high)
        by_month = [100 * held[months == month].mean() for month in (1, 2, 4, 5)]
        assert np.mean(by_month) == pytest.approx(level, abs={80: 3, 95: 2}[level])
        assert np.abs(np.array(by_month) - level).max() < {80: 10, 95: 6}[level]


def test_a_day_knows_only_days_that_were_measured_when_its_forecast_was_issued() -> None:
    hours, actual, raw = season(40, 5)
    bounds = calibration.replayed(hours, actual, raw, ())
    changed = np.where(np.arange(len(actual)) >= 20 * 12, 0.0, actual)
    other = calibration.replayed(hours, changed, raw, ())
    until = 22 * 12  # the day after the first changed one was forecast before that one had ended
    assert np.array_equal(bounds[80][0][:until], other[80][0][:until])
    assert not np.array_equal(bounds[80][0][until:], other[80][0][until:])


def kept(days: int, spoil: range, how: str) -> tuple[float, float]:
    """Width of 80 % after so many days, of which some were spoilt, and without that."""
    hours, actual, raw = season(2 * days, 7)
    hours, actual, raw = hours[: days * 12], actual[: days * 12], raw[: days * 12]
    raw = raw + 0.05 * np.tile(np.sin(np.arange(12)), days)[:, None]
    day = np.arange(len(actual)) // 12
    bad = (day >= spoil.start) & (day < spoil.stop)
    spoilt = np.where(bad, {"stuck": 0.2, "half": 0.5 * actual}[how], actual)
    widths = [
        float((bounds[80][1] - bounds[80][0])[-12:].mean())
        for bounds in (calibration.replayed(hours, one, raw, ()) for one in (spoilt, actual))
    ]
    return widths[0], widths[1]


def test_a_meter_that_stands_still_hardly_moves_an_interval() -> None:
    spoilt, sound = kept(60, range(40, 58), "stuck")
    assert spoilt < 1.2 * sound
    wrong, sound = kept(60, range(40, 58), "half")
    assert wrong > 1.5 * sound, "the distractor: what the forecast misses by half counts while it lasts"


def test_a_wrong_meter_is_forgotten() -> None:
    later, sound = kept(120, range(10, 18), "half")
    assert later == pytest.approx(sound, rel=0.1)


def test_scores_and_values_are_each_others_reverse() -> None:
    raw = np.array([[0.1, 0.2, 0.5, 0.6, 0.8], [0.5, 0.5, 0.5, 0.5, 0.5]])
    for score_ in (-2.5, -1.2816, -0.4, 0.0, 0.7, 1.96, 2.5):
        value = calibration.at_score(raw, score_)
        assert calibration.scores(value, raw) == pytest.approx([score_, score_], abs=0.01)


def test_a_night_has_no_width_and_a_full_day_has_some() -> None:
    raw = np.array([[0.0] * 5, [1.0] * 5])
    wide = {level: calibration.Ends(-5.0, 5.0) for level in (80, 95)}
    median, bounds = calibration.intervals(raw, wide)
    assert median.tolist() == [0.0, 1.0]
    assert (bounds[95][0][0], bounds[95][1][0]) == (0.0, 0.0)
    assert bounds[80][0][1] < 1.0 == bounds[80][1][1]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=5), st.lists(st.floats(-9, 9), min_size=4, max_size=4)
)
def test_intervals_are_nested_for_any_ends(values: list[float], ends: list[float]) -> None:
    raw = np.sort(np.array([values]), axis=1)
    tails = {80: calibration.Ends(ends[0], ends[1]), 95: calibration.Ends(ends[2], ends[3])}
    median, bounds = calibration.intervals(raw, tails)
    assert (bounds[95][0] >= 0).all()
    assert (bounds[95][0] <= bounds[80][0]).all()
    assert (bounds[80][0] <= median).all()
    assert (median <= bounds[80][1]).all()
    assert (bounds[80][1] <= bounds[95][1]).all()
    assert (bounds[95][1] <= 1).all()


# ------------------------------------------------------------------ the days that are kept


def day(number: int, shift: float = 0.0) -> calibration.Day:
    found = tuple(round(shift + 0.1 * n, 2) for n in range(-5, 6))
    return calibration.Day(date(2025, 6, number), "v1", found, {80: (0.1, 0.0), 95: (0.0, 0.0)})


def stored(live: LiveCalibration | None, *days: calibration.Day) -> LiveCalibration | None:
    for one in days:
        live = measured_days.with_day(live, one.day, {"model": one}) or live
    return live


def test_a_day_counts_once_in_any_order_and_a_corrected_one_replaces_its_first_version() -> None:
    once = stored(None, day(1), day(2), day(3))
    assert stored(once, day(2)) is once
    assert stored(None, day(3), day(1), day(2)) == once
    corrected = stored(once, day(2, shift=0.5))
    assert corrected == stored(None, day(1), day(2, shift=0.5), day(3))
    assert measured_days.days_of(corrected, "model") == [day(1), day(2, shift=0.5), day(3)]
    gone = measured_days.with_day(corrected, date(2025, 6, 2), {"model": None})
    assert gone == stored(None, day(1), day(3)), "a correction shows that the meter stood still"


def test_days_are_bounded_and_belong_to_what_made_the_forecast() -> None:
    live = None
    for number in range(120):
        when = date(2025, 1, 1) + timedelta(days=number)
        source = "physical" if number % 2 else "model"
        one = calibration.Day(when, "v", (0.5,), {80: (0.0, 0.0), 95: (0.0, 0.0)})
        live = measured_days.with_day(live, when, {source: one})
    assert live is not None
    assert len(live.days) == calibration.KEPT_DAYS
    old = calibration.Day(date(2024, 1, 1), "v", (0.5,), {80: (0.0, 0.0), 95: (0.0, 0.0)})
    assert len(measured_days.days_of(live, "physical")) == calibration.KEPT_DAYS // 2
    assert measured_days.with_day(live, date(2024, 1, 1), {"model": old}) is None, "too old to count"


def test_live_documents_of_earlier_versions_are_read_and_begin_anew() -> None:
    old = {"model_version": "v1", "through": "2025-06-01", "factors": {"80": {"lower": 1.2, "upper": 1.0}}}
    live = LiveCalibration.read(old)
    assert measured_days.days_of(live, "model") == []
    assert stored(live, day(2)) == stored(None, day(2))


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
