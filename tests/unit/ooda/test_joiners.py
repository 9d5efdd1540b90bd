"""Machines that join a site whose planes are known, on light that pvlib makes (`test_witnesses.py`)."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.unit.ooda.test_lost_energy import booked, frames_of, last_days
from tests.unit.ooda.test_witnesses import EAST, SOUTH, Roof, Weather, seen

JOINS, LASTS = 40, 62
"""Days before the end on which the machine is there; days of the site before it came."""


def site(joiner: Roof, monkeypatch: pytest.MonkeyPatch, factor: float) -> tuple[float, float]:
    """What is booked of a machine that comes to four others, and what it lost on its last ten days."""
    frames = frames_of(Weather(JOINS + LASTS, seed=11), [SOUTH] * 4 + [joiner])
    ill = last_days(frames[4])
    lost = 0.25 * (1.0 - factor) * float(frames[4].loc[ill, "power_kw"].sum())
    frames[4].loc[ill, "power_kw"] *= factor
    frames[4] = frames[4][last_days(frames[4], JOINS)]
    _, verdicts = seen(pd.concat(frames), 5, monkeypatch)
    return booked(verdicts["INV-004"]), lost


@pytest.mark.parametrize("factor", [0.5, 0.8])
def test_a_machine_that_joins_a_roof_is_judged_as_the_others_there(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, lost = site(SOUTH, monkeypatch, factor)
    assert 0.85 < told / lost < 1.1


def test_a_sound_one_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert site(SOUTH, monkeypatch, 1.0) == (0.0, 0.0)


def test_one_that_lies_on_a_roof_that_nobody_knows_is_told_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    assert site(EAST, monkeypatch, 1.0) == (0.0, 0.0)
