"""A machine that always gave less than its neighbours: ill from the start, or built with fewer modules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ooda.detect.expected import _chronic


def told(level: float, levels: list[float]) -> Any:
    return SimpleNamespace(level=np.array([level]), levels=np.array([levels]), known=np.array([40]))


def test_fewer_modules_among_unlike_neighbours_are_no_loss() -> None:
    """DC over AC power of 1.02 among 1.10 to 1.22."""
    assert _chronic(told(1.02, [1.10, 1.13, 1.15, 1.16, 1.22])) == pytest.approx([1.0])


def test_a_machine_behind_neighbours_that_are_alike_has_lost_something() -> None:
    assert _chronic(told(0.92, [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0])) == pytest.approx(
        [1 / 0.92], rel=0.01
    )


def test_a_third_of_few_machines_at_one_level_are_another_kind() -> None:
    """Three of seven roofs lie to the north, as nobody sees in June; of two nobody knows."""
    assert _chronic(told(0.9, [1.0, 1.01, 0.99, 1.0, 0.905, 0.895])) == pytest.approx([1.0])
    assert _chronic(told(0.9, [1.0, 1.01, 0.99, 1.0, 1.0, 0.905])) == pytest.approx([1 / 0.9], rel=0.01)


@pytest.mark.parametrize("others", [3, 5, 8, 20])
def test_sound_machines_of_unlike_sizes_are_seldom_taken_for_ill(others: int) -> None:
    rng = np.random.default_rng(others)
    ill = 0
    for _ in range(1000):
        levels = 1.0 + 0.05 * rng.normal(size=others + 1)
        ill += _chronic(told(levels[0], levels[1:].tolist()))[0] > 1.03
    assert ill < 12
