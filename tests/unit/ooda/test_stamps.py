"""What a time stamp names of its interval; days by a recipe of the test's own: a sun over the equator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Location
from ooda.config.detection import detection_config
from ooda.detect.clock_beside import lags
from ooda.detect.sky import sky
from ooda.detect.stamps import to_the_middle
from ooda.detect.track import Track
from ooda.detect.witnesses.profiles import between_readings
from tests.builders.assets import make_asset

PLACE = Location(latitude=0.0, longitude=0.0)
MARCH = datetime(2025, 3, 10, tzinfo=UTC)


def machine(name: str, step: int, moved: float, late: float = 0.0, days: int = 8) -> Track:
    """Means over intervals; stamps lie `moved` minutes after their begin. `late`: of a wrong clock."""
    fine = pd.date_range(MARCH, periods=days * 1440, freq="1min")
    hours = (fine.hour + fine.minute / 60.0 - 12.15) / 12.0  # noon at 12:09 in March
    power = 80.0 * np.clip(np.cos(np.pi * hours), 0.0, None)
    stamps = fine[::step] + pd.Timedelta(minutes=moved + late)
    frame = pd.DataFrame({"timestamp": stamps, "power_kw": power.to_numpy().reshape(-1, step).mean(axis=1)})
    asset = make_asset(name, location=PLACE, timezone="UTC")
    return Track.of(frame, asset, sky(pd.DatetimeIndex(stamps), PLACE, detection_config().filtering))


def cloudy(name: str, step: int, rng: np.random.Generator) -> Track:
    """The same with clouds that every machine sees, and some of its own."""
    track = machine(name, step, 0)
    shared = np.random.default_rng(7).uniform(0.3, 1.0, len(track))
    power = track.power * shared * rng.uniform(0.95, 1.0, len(track))
    return replace(track, power=power)


@pytest.mark.parametrize(("moved", "wanted"), [(0, 30.0), (30, 0.0), (60, -30.0)])
def test_hourly_stamps_are_told_by_morning_and_evening(moved: int, wanted: float) -> None:
    assert to_the_middle([machine(f"INV-00{n}", 60, moved) for n in range(3)], {}) == wanted


def test_a_wrong_clock_among_right_ones_decides_nothing() -> None:
    wrong = machine("INV-009", 60, 0, late=60)
    assert to_the_middle([wrong, *(machine(f"INV-00{n}", 60, 0) for n in range(2))], {}) == 30.0


def test_fine_data_and_few_days_are_left_as_they_are() -> None:
    assert to_the_middle([machine("INV-001", 15, 0)], {}) == 0.0
    assert to_the_middle([machine("INV-001", 60, 0, days=3)], {}) == 0.0


def test_half_hours_say_nothing_of_a_clock_beside_others() -> None:
    """East and west under broken clouds: the curves of the roofs lag by themselves."""
    rng = np.random.default_rng(4)
    for step, wanted in ((30, False), (15, True)):
        late = lags([cloudy(f"INV-00{n}", step, rng) for n in range(4)], [], ["INV-000"])
        assert np.isfinite(late["INV-000"]).any() == wanted


@pytest.mark.parametrize("moved", [0, 60])
def test_the_sun_is_looked_at_in_the_middle(moved: int) -> None:
    times = pd.date_range(MARCH, periods=24, freq="60min") + pd.Timedelta(minutes=moved)
    middle = sky(times, PLACE, detection_config().filtering, 30.0 - moved)
    plain = sky(times + pd.Timedelta(minutes=30 - moved), PLACE, detection_config().filtering)
    np.testing.assert_allclose(middle.elevation, plain.elevation)
    np.testing.assert_array_equal(middle.minutes, sky(times, PLACE, detection_config().filtering).minutes)


def test_hourly_profiles_lie_in_a_straight_line_between_readings() -> None:
    track = machine("INV-001", 60, 30, days=2)
    works = track.power > 0.0
    profile = between_readings(track.days, track.sky.of_day, track.power, works, track.step)
    assert profile.shape == (2, 48)
    middle = (np.arange(48) + 0.5) * 30.0
    true = 80.0 * np.clip(np.cos(np.pi * (middle / 60.0 - 12.15) / 12.0), 0.0, None)
    inside = np.isfinite(profile[0])
    assert inside.sum() >= 20
    np.testing.assert_allclose(profile[0, inside], true[inside], atol=4.0)
    works[track.days.row == 1] &= (track.sky.of_day < 600.0)[track.days.row == 1] | (
        track.sky.of_day > 840.0
    )[track.days.row == 1]
    gap = between_readings(track.days, track.sky.of_day, track.power, works, track.step)[1]
    assert np.isnan(gap[21:28]).all(), "nothing is said of hours without readings"
