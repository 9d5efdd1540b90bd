"""A lone machine under the clear sky: seasons and haze are no loss, a step is one, dull days within it too.

The levels of days are this test's own: a season, haze that lasts some days, thin clouds now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ooda.detect.dull_days import MOST_APART, dull_days
from ooda.detect.lasting import lasting
from ooda.detect.sky import SLOTS
from ooda.detect.stretches import SURE_SIGMAS
from ooda.detect.witnesses.clear_sky import UNKNOWN, Clouds, bright, followed
from ooda.documents.asset_history import HistoryDay
from ooda.documents.detections import Window

DAYS = 120


def _haze(seed: int, days: int, size: float) -> np.ndarray:
    """Log of what haze takes, (days,): heavy tails, and as much again on the next day."""
    rng, out = np.random.default_rng(seed), np.zeros(days)
    for n in range(1, days):
        out[n] = 0.7 * out[n - 1] + size * rng.gamma(0.6, 1.0)
    return out - out.mean()


def test_a_level_that_goes_with_the_season_is_followed_and_a_step_is_not() -> None:
    noise = np.random.default_rng(5).normal(0.0, 0.015, DAYS)
    season = np.exp(noise - 0.003 * np.arange(DAYS))  # 30 % from summer to winter
    step = np.exp(noise) * np.where(np.arange(DAYS) < 80, 1.0, 0.8)
    dark = np.where(np.arange(DAYS) < 50, 1.0, np.where(np.arange(DAYS) < 115, np.nan, 0.8)) * np.exp(noise)
    due = followed(np.array([season, step, dark]))
    assert due[0] == pytest.approx(season[-1], rel=0.06)
    assert due[1] == pytest.approx(1.0, abs=0.04)
    assert due[2] == pytest.approx(0.8, abs=0.06)  # two dark months: nobody knows what they took


def test_few_clear_days_say_nothing_and_two_bright_hours_acquit_a_day() -> None:
    ratio = np.full((3, SLOTS), 0.4)
    ratio[1, 20:24] = 1.0
    ratio[2, 20:23] = 1.0  # a gap in the clouds is shorter
    due, level = np.full((3, SLOTS), 0.6), np.ones(3)
    clear = np.array([True, False, False])
    told = bright(ratio, due, clear, level, np.full(3, 40))
    assert told.sum(axis=1).tolist() == [SLOTS, 4, 0]
    assert not bright(ratio, due, clear, level, np.full(3, 9)).any()
    assert not bright(0.7 * ratio, due, ~clear & False, level, np.full(3, 40)).any()


def test_the_darkest_sky_of_autumn_is_no_stop_under_a_low_sun() -> None:
    clouds = Clouds(0.5, UNKNOWN[1], np.zeros((1, SLOTS), dtype=bool))
    high, low = np.array([1.1]), np.array([6.0])  # what the beam gives a steep roof beside the grey sky
    least = [float(0.5 * np.exp(-SURE_SIGMAS * clouds.spread(np.array([0.5]), x))[0]) for x in (high, low)]
    assert least[0] * 1.1 == pytest.approx(least[1] * 6.0, rel=0.05)  # the same grey light is sure


@pytest.mark.parametrize("seed", range(8))
def test_hazy_weeks_are_no_loss_and_a_third_gone_is_one_within_a_week(seed: int) -> None:
    x = _haze(seed, 200, 0.02)
    due, number, all_days = np.full(200, 60.0), np.arange(200) + 19_000, np.ones(200, dtype=bool)
    assert not [run for run in lasting(x, due, number, all_days, all_days) if run.sure]
    lost = np.where(np.arange(200) >= 150, -np.log(0.7), 0.0)[:157]
    runs = lasting(x[:157] + lost, due[:157], number[:157], all_days[:157], all_days[:157])
    assert [run.first for run in runs if run.sure] == [pytest.approx(150, abs=2)]


def _day(n: int, came: float, loss: float | None, basis: str = "clear_sky") -> list[HistoryDay]:
    start = datetime(2021, 6, 1, 6, tzinfo=UTC) + timedelta(days=n)
    return [
        HistoryDay(
            basis=basis,
            levels={},
            episodes=[],
            expected_kwh=50.0,
            measured_kwh=came,
            judged_hours=10.0,
            top_kw=8.0,
            readings=Window(start=start, end=start + timedelta(hours=12)),
            loss=loss,
            alone=True,
        )
    ]


def test_dull_days_within_a_loss_are_booked_by_what_came() -> None:
    dull = [_day(n, 21.0, None) for n in range(3)]
    parts, due = dull_days([*dull, _day(3, 60.0, 0.0)], -np.log(0.7))
    assert (len(parts), due) == (3, pytest.approx(90.0))
    assert sum(part.lost_kwh for part in parts) == pytest.approx(27.0)
    assert dull_days([_day(0, 21.0, None, "peers")], 0.4) == ([], 0.0)  # neighbours tell what was due
    assert dull_days(dull * MOST_APART, 0.4) == ([], 0.0)  # too long without a clear day
