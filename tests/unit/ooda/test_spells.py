"""Where in a day a loss lies; days with noise that remembers, by a recipe of the test's own."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.spells import spells

READINGS, STEP, SPREAD = 132, 5.0, 0.05


def noisy(lost: np.ndarray, seed: int) -> np.ndarray:
    """Shares missing of a day, with errors that readings hand on."""
    rng = np.random.default_rng(seed)
    noise = np.zeros(len(lost))
    for n in range(1, len(lost)):
        noise[n] = 0.7 * noise[n - 1] + 0.7 * SPREAD * rng.normal()
    return lost + noise


def low(lost: np.ndarray, seed: int) -> np.ndarray:
    return spells(noisy(lost, seed), np.full(len(lost), SPREAD), STEP)


@pytest.mark.parametrize("seed", range(8))
def test_a_limit_at_noon_is_no_loss_of_the_morning(seed: int) -> None:
    hours = np.linspace(-1.0, 1.0, READINGS)
    lost = np.maximum(0.0, 0.3 - hours**2)  # nothing, rising to 30 %, nothing
    found = low(lost, seed)
    assert (lost[found] > 0.02).mean() > 0.9
    assert lost[found].sum() > 0.85 * lost.sum()


@pytest.mark.parametrize("seed", range(8))
def test_a_machine_that_trips_again_and_again_is_well_between(seed: int) -> None:
    lost = np.where(np.arange(READINGS) % 16 < 4, 1.0, 0.0)  # 20 minutes in 80
    found = low(lost, seed)
    assert (lost[found] > 0.5).mean() > 0.9
    assert lost[found].sum() == lost.sum()


@pytest.mark.parametrize("size", [0.03, 0.08, 0.2])
def test_a_loss_of_all_the_day_stays_one(size: float) -> None:
    kept = [low(np.full(READINGS, size), seed).mean() for seed in range(20)]
    assert np.mean(kept) > 0.9
