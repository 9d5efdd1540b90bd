"""A lone machine on days that only the weather service's sun tells of: a loss is told, dull weeks are not.

The days are this test's own: what a service errs by is new each day, with a few days on which it saw no
cloud."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.lasting import Lasting, lasting
from ooda.detect.sunny_days import LEAST_BEFORE, LEAST_USUAL, levelled

DAYS = 90


def _runs(x: np.ndarray, doubt: np.ndarray, sunny: np.ndarray) -> list[Lasting]:
    level = levelled(x, doubt, sunny)
    known = np.flatnonzero(np.isfinite(level.x))
    alone = np.ones(len(known), dtype=bool)
    return lasting(
        level.x[known], np.full(len(known), 50.0), 19_000 + known, alone, alone, ~alone, doubt[known],
        level.sd[known], level.unsure[known],
    )  # fmt: skip


def _service(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Log losses of sound days as a service would have them, and the doubt of each; a tenth is far off."""
    rng = np.random.default_rng(seed)
    doubt = rng.uniform(0.09, 0.2, DAYS)
    x = -0.06 + doubt * rng.normal(0.0, 0.8, DAYS)
    return x + np.where(rng.random(DAYS) < 0.1, rng.exponential(0.25, DAYS), 0.0), doubt


@pytest.mark.parametrize("seed", range(6))
def test_a_third_gone_is_told_without_a_clear_day_and_a_service_that_errs_is_not(seed: int) -> None:
    x, doubt = _service(seed)
    every = np.ones(DAYS, dtype=bool)
    assert not [run for run in _runs(x, doubt, every) if run.sure]
    lost = np.where(np.arange(DAYS) >= 60, -np.log(0.65), 0.0)
    runs = [run for run in _runs((x + lost)[:69], doubt[:69], every[:69]) if run.sure]
    assert len(runs) == 1
    assert runs[0].mean == pytest.approx(-np.log(0.65), abs=0.2)


def test_a_machine_that_gave_more_than_it_owes_in_winter_does_not_lose_in_spring() -> None:
    x = np.where(np.arange(DAYS) < 45, -0.35, -0.05) + np.random.default_rng(1).normal(0.0, 0.05, DAYS)
    assert not _runs(x, np.full(DAYS, 0.12), np.ones(DAYS, dtype=bool))
    assert levelled(x, np.full(DAYS, 0.12), np.ones(DAYS, dtype=bool)).x[60] < 0.2 - LEAST_USUAL


def test_clear_days_stay_as_they_are_and_the_first_days_under_the_told_sun_say_nothing() -> None:
    x, sunny = np.full(40, 0.03), np.arange(40) % 2 == 0
    level = levelled(x, np.where(sunny, 0.1, 0.0), sunny)
    assert level.x[~sunny].tolist() == [0.03] * 20
    assert not level.sd[~sunny].any()
    assert np.isnan(level.x[sunny][:LEAST_BEFORE]).all()
    assert level.x[sunny][-1] == pytest.approx(0.0)


def test_a_service_that_errs_by_much_is_trusted_less() -> None:
    rng, every = np.random.default_rng(3), np.ones(DAYS, dtype=bool)
    good, bad = (levelled(rng.normal(0.0, sd, DAYS), np.full(DAYS, 0.1), every).sd[-1] for sd in (0.1, 0.4))
    assert good == pytest.approx(0.1, abs=0.03)
    assert bad > 0.25


def test_snow_that_lies_on_a_machine_makes_no_loss_sure() -> None:
    x = np.where(np.arange(DAYS) >= 70, 0.8, 0.0)[:80] + np.random.default_rng(4).normal(0.0, 0.05, 80)
    level, alone = levelled(x, np.full(80, 0.1), np.ones(80, dtype=bool)), np.ones(80, dtype=bool)
    known = np.isfinite(level.x)
    rest = level.sd[known], level.unsure[known]
    snow = np.arange(80) >= 70
    args = level.x[known], np.full(80, 50.0)[known], np.arange(80)[known], alone[known], alone[known]
    assert [run.sure for run in lasting(*args, snow[known], np.full(80, 0.1)[known], *rest)] == [False]
    assert [run.sure for run in lasting(*args, ~alone[known], np.full(80, 0.1)[known], *rest)] == [True]
