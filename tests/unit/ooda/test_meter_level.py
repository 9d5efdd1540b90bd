"""A meter that reads more, and neighbours that fell: marks of days by the test's own hand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from ooda.detect.day_marks import Table
from ooda.detect.meter_level import meter_days

DAYS, SINCE = 20, 14


def marks(**given: np.ndarray) -> Table:
    """Marks of days, NaN where none are given; an inverter's season is known."""
    values = {field.name: np.full(DAYS, np.nan) for field in fields(Table)}
    values |= {"number": np.arange(DAYS), "step": np.full(DAYS, 15.0), "season": np.ones(DAYS), **given}
    return Table(**values)


def level(before: float, after: float) -> np.ndarray:
    """A level with a step and a little noise."""
    noise = np.random.default_rng(3).normal(0.0, 0.004, DAYS)
    return np.where(np.arange(DAYS) < SINCE, before, after) + noise


@pytest.mark.parametrize("of_sun", [level(0.95, 1.14), np.full(DAYS, np.nan)])
def test_a_meter_that_reads_a_fifth_more_is_told(of_sun: np.ndarray) -> None:
    told = meter_days(marks(of_neighbours=level(1.0, 1.2), of_sun=of_sun), np.ones(DAYS, dtype=bool))
    assert not told[:SINCE].any()
    assert told[SINCE:] == pytest.approx(0.2, abs=0.02)


def test_neighbours_that_fell_are_no_meter_of_the_machine_that_did_not() -> None:
    fell = marks(of_neighbours=level(1.0, 1.48), of_sun=level(0.95, 0.95))
    assert not meter_days(fell, np.ones(DAYS, dtype=bool)).any()


@pytest.mark.parametrize(("repaired", "told"), [(1.0, False), (1.2, True)])
def test_the_repair_of_a_fault_that_grew_is_no_meter_one_that_reads_above_it_is(
    repaired: float, told: bool
) -> None:
    """Twenty sound days, sixty on which a sixth is lost little by little, then the repair."""
    fade = np.r_[np.ones(20), 1.0 - 0.17 * np.arange(60) / 60, np.full(20, repaired)]
    of_neighbours = fade + np.random.default_rng(5).normal(0.0, 0.004, len(fade))
    days = {"number": np.arange(100), "step": np.full(100, 15.0), "season": np.ones(100)}
    values = {field.name: np.full(100, np.nan) for field in fields(Table)}
    table = Table(**(values | days | {"of_neighbours": of_neighbours}))
    assert meter_days(table, np.ones(100, dtype=bool)).any() == told


def test_neighbours_under_snow_are_no_meter_where_clear_days_say_that_this_one_is_as_before() -> None:
    clear = np.where(np.arange(DAYS) % 3 == 0, 0.8, np.nan)
    snowed = marks(of_neighbours=level(1.0, 1.4), power_of_clear=clear)
    assert not meter_days(snowed, np.ones(DAYS, dtype=bool)).any()
    risen = marks(of_neighbours=level(1.0, 1.4), power_of_clear=clear * level(1.0, 1.4))
    assert meter_days(risen, np.ones(DAYS, dtype=bool))[SINCE:].all()
