"""Degradation, soiling and cleaning advice from an asset's history."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from ooda.config import trends
from ooda.detect.asset_history import empty
from ooda.diagnose.trends import degradation, gains, soiling
from ooda.documents.asset_history import HistoryDay, LevelOfDay
from tests.builders.assets import make_asset

FIRST = date(2023, 1, 1)
RULES = trends.trend_rules()


def daily(values: np.ndarray) -> dict[int, float]:
    return {FIRST.toordinal() + n: float(v) for n, v in enumerate(values) if np.isfinite(v)}


def test_degradation_year_on_year_is_found_under_season_and_noise() -> None:
    rng = np.random.default_rng(0)
    n = np.arange(800)
    season = 0.03 * np.sin(2 * np.pi * n / 365)
    level = 0.9 * (1 - 0.008 * n / 365) * (1 + season) * (1 + rng.normal(0, 0.01, 800))
    level[rng.random(800) < 0.3] = np.nan
    trend = degradation(daily(level))
    assert trend is not None
    rate, interval = trend
    assert rate == pytest.approx(-0.8, abs=0.25)
    assert interval.lower <= rate <= interval.upper
    assert interval.lower < -0.8 < interval.upper or abs(rate + 0.8) < 0.25


def test_a_short_history_gives_no_trend() -> None:
    assert degradation(daily(np.full(300, 0.9))) is None
    assert soiling(daily(np.full(8, 0.9)), 500.0, 0.1, RULES) is None


def test_dirt_since_the_last_rain_is_measured_and_a_cleaning_advised_when_it_pays() -> None:
    rng = np.random.default_rng(1)
    level = np.concatenate([np.full(25, 0.90), 0.90 * (1 - 0.004 * np.arange(30))])
    level *= 1 + rng.normal(0, 0.003, len(level))
    result = soiling(daily(level), 600.0, 0.12, RULES)
    assert result is not None
    assert result.rate_percent_per_day == pytest.approx(0.4, abs=0.08)
    assert result.loss_percent == pytest.approx(11.4, abs=2)
    month = sum(min(1.0, 0.116 + 0.004 * day) for day in range(30)) * 600 * 0.12
    assert (
        result.cleaning_advised == (month >= RULES.cost_per_cleaning_usd) or result.payback_days is not None
    )
    small = soiling(daily(level), 60.0, 0.05, RULES)
    assert small is not None
    assert not small.cleaning_advised
    large = soiling(daily(level), 6000.0, 0.12, RULES)
    assert large is not None
    assert large.cleaning_advised
    assert large.payback_days == pytest.approx(6, abs=2)


def test_a_clean_asset_and_one_washed_by_rain_are_not_dirty() -> None:
    rng = np.random.default_rng(2)
    steady = 0.9 * (1 + rng.normal(0, 0.004, 60))
    assert soiling(daily(steady), 600.0, 0.12, RULES) is None
    washed = np.concatenate([0.9 * (1 - 0.005 * np.arange(25)), np.full(5, 0.9)])
    assert soiling(daily(washed), 600.0, 0.12, RULES) is None


def test_gains_come_from_the_irradiance_first() -> None:
    history = empty(make_asset())
    item = HistoryDay(
        basis="irradiance+peers",
        levels={"peers": LevelOfDay(gain=1.0), "sun": LevelOfDay(gain=0.85)},
        expected_kwh=1.0,
        measured_kwh=1.0,
        judged_hours=5.0,
        loss=0.0,
        episodes=[],
    )
    day = FIRST + timedelta(days=3)
    history = history.model_copy(update={"days": {day.isoformat(): {"f": item}}})
    assert gains(history) == {day.toordinal(): 0.85}
