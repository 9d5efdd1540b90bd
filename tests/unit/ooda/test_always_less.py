"""A machine that always gave less than its neighbours: ill from the start, or built with fewer modules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ooda.detect.always_less import Standing
from tests.unit.ooda.test_detect import judge, sunny_day


def standing(level: float, levels: list[float], best: float = np.nan) -> Standing:
    return Standing.of(np.array([level]), np.array([levels]), np.array([40]), best)


SEVEN = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0]


def test_fewer_modules_among_unlike_neighbours_are_nothing() -> None:
    """DC over AC power of 1.02 among 1.10 to 1.22."""
    found = standing(1.02, [1.10, 1.13, 1.15, 1.16, 1.22], best=1.0)
    assert (found.owes[0], found.short[0]) == (1.0, 0.0)


def test_a_machine_that_was_never_better_is_suspected_and_one_that_was_has_lost_something() -> None:
    never = standing(0.92, SEVEN)
    assert (never.owes[0], never.short[0]) == (1.0, pytest.approx(0.08, abs=0.002))
    once = standing(0.92, SEVEN, best=0.99)
    assert (once.owes[0], once.short[0]) == (pytest.approx(0.99 / 0.92, rel=0.01), 0.0)


def test_one_with_fewer_modules_that_falls_owes_what_it_gave_and_no_more() -> None:
    found = standing(0.75, SEVEN, best=0.85)
    assert found.owes[0] == pytest.approx(0.85 / 0.75, rel=0.01)
    assert found.short[0] == pytest.approx(0.15, abs=0.002)


def test_nobody_is_built_with_a_third_fewer_modules() -> None:
    found = standing(0.66, SEVEN)
    assert (found.owes[0], found.short[0]) == (pytest.approx(1 / 0.66, rel=0.01), 0.0)


def test_a_third_of_few_machines_at_one_level_are_another_kind() -> None:
    """Three of seven roofs lie to the north, as nobody sees in June; of two nobody knows."""
    assert standing(0.9, [1.0, 1.01, 0.99, 1.0, 0.905, 0.895], best=1.0).owes[0] == 1.0
    assert standing(0.9, [1.0, 1.01, 0.99, 1.0, 1.0, 0.905], best=1.0).owes[0] == pytest.approx(
        1 / 0.9, rel=0.01
    )


@pytest.mark.parametrize("others", [3, 5, 8, 20])
def test_sound_machines_of_unlike_sizes_are_seldom_taken_for_ill(others: int) -> None:
    rng = np.random.default_rng(others)
    ill = 0
    for _ in range(1000):
        levels = 1.0 + 0.05 * rng.normal(size=others + 1)
        found = standing(levels[0], levels[1:].tolist(), best=1.0)
        ill += found.owes[0] > 1.03 or found.short[0] > 0.0
    assert ill < 12


def test_what_was_missing_on_the_first_day_is_suspected_and_a_stop_beside_it_is_booked() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}", gain=0.75 if n == 3 else 0.9) for n in range(1, 7)])
    noon = (fleet["timestamp"].dt.hour >= 10) & (fleet["timestamp"].dt.hour < 12)
    fleet.loc[(fleet["asset_id"] == "INV-003") & noon, "power_kw"] = 0.0
    late = (fleet["timestamp"].dt.hour >= 12) & (fleet["timestamp"].dt.hour < 14)
    fleet.loc[(fleet["asset_id"] == "INV-005") & late, "power_kw"] = 0.0
    found = {name: [(i.kind, i.suspected) for i in item.incidents] for name, item in judge(fleet).items()}
    assert sorted(found.pop("INV-003")) == [("outage", False), ("underperformance", True)]
    assert found.pop("INV-005") == [("outage", False)]
    assert not any(found.values())


def test_it_is_one_incident_of_no_energy_for_nobody_to_drive_to() -> None:
    """…and it keeps its id from file to file."""
    fleet = pd.concat([sunny_day(f"INV-{n:03d}", gain=0.75 if n == 3 else 0.9) for n in range(1, 7)])
    (one,) = judge(fleet)["INV-003"].incidents
    assert one.suspected
    assert not one.actionable
    assert one.lost_energy_kwh == 0.0
    assert one.deviation_percent == pytest.approx(100 * (1 - 0.75 / 0.9), abs=1.5)
    assert "suspected, not booked" in one.evidence[-1].statement
