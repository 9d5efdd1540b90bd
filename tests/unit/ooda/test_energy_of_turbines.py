"""A turbine's energy of ten minutes read as power: marks of days by the test's own hand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from ooda.detect.day_marks import Table
from ooda.detect.energy_unit import energy_days

DAYS, SINCE, UNTIL = 80, 50, 65
INSIDE = (np.arange(DAYS) >= SINCE) & (np.arange(DAYS) < UNTIL)


def marks(of_wind: np.ndarray) -> Table:
    values = {field.name: np.full(DAYS, np.nan) for field in fields(Table)}
    return Table(**(values | {"number": np.arange(DAYS), "step": np.full(DAYS, 10.0), "of_wind": of_wind}))


def windy(seed: int) -> np.ndarray:
    """Power over the usual curve's: a third to and fro, as the wind of the days is."""
    return np.exp(np.random.default_rng(seed).normal(0.02, 0.17, DAYS))


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_energy_of_ten_minutes_is_told_though_days_of_wind_differ(seed: int) -> None:
    told = energy_days(marks(windy(seed) * np.where(INSIDE, 1.0 / 6.0, 1.0)))
    assert told[INSIDE].mean() > 0.8
    assert not told[~INSIDE][:-3].any()


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("left", [0.0, 0.3, 0.6])
def test_a_turbine_that_lost_much_is_in_its_unit(seed: int, left: float) -> None:
    """Stopped, or with less than a third or two thirds of its power, whatever the wind."""
    given = windy(seed) * np.where(INSIDE, max(left, 0.001), 1.0)
    assert not energy_days(marks(given)).any()


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_a_turbine_held_at_a_fifth_gives_all_of_it_in_little_wind(seed: int) -> None:
    """A limit: the share that is left goes with the wind of the day."""
    due = np.random.default_rng(seed).uniform(0.25, 1.0, DAYS)
    given = np.where(INSIDE, np.minimum(0.2, due) / due, 1.0) * windy(seed)
    assert energy_days(marks(given)).mean() < 0.05
