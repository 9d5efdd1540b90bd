"""A part of a roof is cleaned: the rest seem to lose, all alike, and none of them is ill."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.company import in_company, of_company
from ooda.detect.lasting import lasting

DAYS, FROM, MACHINES = 100, 60, 6


def losses(of: dict[int, float], seed: int = 1) -> np.ndarray:
    """Log losses of six machines of a roof, (6, 100), with those of some from day 60 on."""
    rng = np.random.default_rng(seed)
    out = rng.normal(0.0, 0.008, (MACHINES, DAYS))
    for machine, loss in of.items():
        out[machine, FROM:] += loss
    return out


def sure(machine: int, of: dict[int, float]) -> list[bool]:
    """Whether each loss of a machine that lasts is sure."""
    every = losses(of)
    runs = lasting(every[machine], np.full(DAYS, 100.0), np.arange(DAYS))
    others = np.delete(every, machine, axis=0)
    return [run.sure for run in in_company(runs, of_company(others))]


@pytest.mark.parametrize("machine", [3, 4, 5])
def test_the_other_half_of_a_cleaned_roof_is_suspected(machine: int) -> None:
    assert sure(machine, {0: -0.03, 1: -0.03, 2: -0.03, 3: 0.06, 4: 0.06, 5: 0.06}) == [False]


def test_one_machine_that_loses_is_booked() -> None:
    assert sure(3, {3: 0.06}) == [True]


def test_a_fault_among_those_that_were_not_cleaned_is_booked() -> None:
    assert sure(3, {0: -0.02, 1: -0.02, 2: -0.02, 3: 0.15, 4: 0.05, 5: 0.05}) == [True]


def test_two_that_are_ill_do_not_excuse_each_other() -> None:
    assert sure(3, {3: 0.08, 4: 0.08}) == [True]


def test_what_the_company_always_lost_is_not_what_it_lost_now() -> None:
    """Two others lie 5 % below all their days."""
    every = losses({3: 0.06})
    every[4:] += 0.05
    runs = lasting(every[3], np.full(DAYS, 100.0), np.arange(DAYS))
    company = of_company(np.delete(every, 3, axis=0))
    assert [run.sure for run in in_company(runs, company)] == [True]
