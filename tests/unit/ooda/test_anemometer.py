"""An anemometer that reads otherwise than it did, told by the wind of others; a turbine that lost power."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.anemometer import _anemometer_days
from ooda.detect.clock import shift_by_day
from ooda.detect.day_marks import NAMES, Table

DAYS, SINCE = 90, 60


def _marks(*, reads: float, gives: float, others: bool, seed: int) -> tuple[Table, np.ndarray]:
    """Days of a turbine whose anemometer reads `reads` times as much from day 60 on, and which gives
    `gives` of its power: their marks, and the log gain of its curve."""
    rng = np.random.default_rng(seed)
    late = np.arange(DAYS) >= SINCE
    slow = np.cumsum(rng.normal(0.0, 0.004, DAYS))
    wind = np.where(late, reads, 1.0)
    service = 1.1 * wind * np.exp(slow + rng.normal(0.0, 0.08, DAYS))
    beside = 0.97 * wind * np.exp(rng.normal(0.0, 0.015, DAYS))
    gain = np.where(late, np.log(gives) - 2.2 * np.log(reads), 0.0) + rng.normal(0.0, 0.03, DAYS)
    nothing = np.full(DAYS, np.nan)
    rated = nothing.copy()
    marks = dict.fromkeys(NAMES, nothing) | {
        "of_wind": np.ones(DAYS),
        "wind_of_service": service,
        "rated": rated,
        "wind_of_others": beside if others else nothing,
    }
    return Table(np.arange(DAYS) + 19_000, np.full(DAYS, 10.0), **marks), gain


@pytest.mark.parametrize(
    ("reads", "others"), [(1.15, False), (1.25, False), (0.8, False), (1.08, True), (0.85, True)]
)
def test_the_wind_of_others_tells_an_anemometer(reads: float, others: bool) -> None:
    for seed in range(4):
        found = _anemometer_days(*_marks(reads=reads, gives=1.0, others=others, seed=seed))
        assert found.misleads[SINCE:].all()
        assert not found.misleads[: SINCE - 1].any()
        assert found.share[-1] == pytest.approx(reads - 1.0, abs=0.09)


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("gives", [0.7, 0.8, 0.88])
def test_a_turbine_that_lost_power_is_no_anemometer(gives: float, others: bool) -> None:
    for seed in range(4):
        found = _anemometer_days(*_marks(reads=1.0, gives=gives, others=others, seed=seed))
        assert not found.misleads.any()


def test_nobody_is_asked_where_a_turbine_gives_much_more_than_it_did() -> None:
    marks, gain = _marks(reads=0.85, gives=1.0, others=False, seed=1)
    marks.wind_of_service[:] = np.nan
    assert _anemometer_days(marks, gain).misleads[SINCE:].all()
    assert not _anemometer_days(marks, -gain).misleads.any()  # less: the turbine, for all that is known


def test_a_turbine_whose_rated_power_moved_with_its_curve_has_no_anemometer_to_blame() -> None:
    for reads, gives in ((1.15, 0.74), (0.85, 1.3)):
        marks, gain = _marks(reads=reads, gives=1.0, others=False, seed=1)
        assert _anemometer_days(marks, gain).misleads[SINCE:].all()
        marks.rated[::4] = 1.0
        assert _anemometer_days(marks, gain).misleads[SINCE:].all()  # rated power is as it was
        marks.rated[SINCE::4] = gives
        assert not _anemometer_days(marks, gain).misleads.any()


def test_a_turbine_that_is_well_again_is_no_anemometer_that_reads_less() -> None:
    marks, gain = _marks(reads=1.0, gives=0.75, others=False, seed=1)
    marks.wind_of_service[:] = np.nan
    gain[80:] += 0.29
    assert not _anemometer_days(marks, gain).misleads.any()


def test_a_curve_that_learned_what_was_wrong_misleads_when_the_anemometer_is_right_again() -> None:
    marks, gain = _marks(reads=0.85, gives=1.0, others=True, seed=2)
    marks.wind_of_others[80:] /= 0.85
    gain[75:80], gain[80:] = 0.0, -0.35  # learned, then mended
    assert _anemometer_days(marks, gain).misleads[82:].all()


def test_two_days_of_fronts_are_no_clock_of_a_turbine_and_twelve_are() -> None:
    nothing, late = np.full(60, np.nan), np.zeros(60)
    late[30:32] = (-84.0, -80.0)
    assert (shift_by_day(nothing, nothing, late, 10.0, by_wind=True) == 0.0).all()
    assert (shift_by_day(nothing, nothing, late, 10.0) != 0.0).any()  # clouds do not come so early
    late[30:42] = -60.0
    assert (shift_by_day(nothing, nothing, late, 10.0, by_wind=True)[30:42] == -60.0).all()
