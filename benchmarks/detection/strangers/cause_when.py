"""When in a plant's year the forms of `cause_forms` begin: by weather, season or frost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.machines import FINE, Plant
from benchmarks.detection.strangers.noise import Floats
from benchmarks.detection.strangers.scene import PER_DAY, When

HOUR = 60 // FINE


def hours(test: Callable[[Plant], Floats], later: int = HOUR) -> When:
    """Some instants after an hour of the year that fits."""

    def when(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
        fits = np.flatnonzero(test(plant))
        return int(rng.choice(fits)) * HOUR + later if len(fits) else None

    return when


def windy(plant: Plant) -> Floats:
    return np.asarray(plant.weather.wind > np.quantile(plant.weather.wind, 0.992))


def wet(plant: Plant) -> Floats:
    return np.asarray(plant.weather.rain > 3.0)


def storm(hail: bool | None = None, least: int = 2, most: int = 20) -> When:
    """Within two hours after a thunderstorm."""

    def when(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
        fits = [s for s in plant.weather.storms if s.kind == "thunderstorm" and hail in (None, s.hail)]
        if not fits:
            return None
        begin = fits[int(rng.integers(0, len(fits)))].begin
        return int((begin - plant.weather.start) / pd.Timedelta(minutes=FINE)) + int(
            rng.integers(least, most)
        )

    return when


def season(warm: bool) -> When:
    """In the three warmest or darkest months that the plant's year has after its beginning."""

    def when(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
        summer = warm == (plant.recipe.latitude > 0)
        day = int(rng.integers(160, 235)) if summer else int(rng.integers(295, 340))
        day = (day - plant.recipe.first_day) % 366
        return day * PER_DAY + int((rng.uniform(8, 15) - plant.recipe.longitude / 15) * HOUR)

    return when


def _daily(plant: Plant) -> tuple[Floats, Floats]:
    air = plant.air[: len(plant.air) // PER_DAY * PER_DAY].reshape(-1, PER_DAY).mean(axis=1)
    rain = plant.weather.rain.reshape(-1, 24).sum(axis=1)[: len(air)]
    return air, rain


def frost(wet: bool) -> When:
    """In the evening of a cold day, after snow or rain, or with none for three days."""

    def when(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
        air, rain = _daily(plant)
        before = pd.Series(rain).rolling(3, min_periods=1).sum().to_numpy()
        days = (
            np.flatnonzero((air < 0.5) & (rain > 1.0))
            if wet
            else np.flatnonzero((air < 0) & (before < 0.3))
        )
        return int(rng.choice(days)) * PER_DAY + int(0.8 * PER_DAY) if len(days) else None

    return when


def hot_days(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
    """Where the next week has the most heat: one of the year's 25 warmest weeks."""
    air, _ = _daily(plant)
    week = pd.Series(air).rolling(7).mean().shift(-6).to_numpy()
    days = np.argsort(-np.nan_to_num(week, nan=-99.0))[:25]
    return int(rng.choice(days)) * PER_DAY
