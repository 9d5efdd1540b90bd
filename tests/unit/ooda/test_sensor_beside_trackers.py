"""A sensor beside trackers: it moves as they do, or it lies flat; a sky by pvlib, machines that clip."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pvlib import clearsky, tracking

from ooda.detect.sky import Floats
from ooda.detect.witnesses.learning import Witness, _learn
from ooda.detect.witnesses.planes import Lie, apart
from ooda.detect.witnesses.profiles import Profiles, sun_at
from ooda.documents.asset_history import LearnedPlane

DAYS, LATITUDE, MACHINES = np.arange(20210, 20240), 38.0, 4
MOVES = Lie(30.0, 180.0, "single_axis")


def light() -> tuple[Floats, Floats]:
    """kW/m² on trackers and on the ground in each half hour of a month, under skies that differ by day."""
    elevation, azimuth = sun_at(DAYS, LATITUDE)
    zenith = 90.0 - elevation
    flat = clearsky.haurwitz(pd.Series(zenith))["ghi"].to_numpy() / 1000.0
    turned = tracking.singleaxis(zenith, azimuth, axis_azimuth=180, max_angle=55, gcr=0.35)
    sine = np.maximum(np.sin(np.radians(elevation)), 0.05)
    on = np.nan_to_num(np.maximum(np.cos(np.radians(turned["aoi"])), 0.0))
    moving = 0.85 * flat * np.minimum(on / sine, 8.0) + 0.15 * flat
    day = np.repeat(np.random.default_rng(5).uniform(0.85, 1.0, len(DAYS)), 48)
    shape = (len(DAYS), 48)
    return (day * moving).reshape(shape), (day * flat).reshape(shape)


def learned(sensor: Floats) -> list[LearnedPlane]:
    """What is learned of four trackers with unlike numbers of modules, and of the sensor."""
    moving, _ = light()
    ratios = (1.02, 1.28, 1.3, 1.25)
    share = np.array([*(np.minimum(ratio * 0.87 * moving, 1.0) for ratio in ratios), sensor])
    share = np.where(share > 0.005, share, np.nan)
    witnesses = [Witness(MOVES, True, False, None) for _ in ratios] + [Witness(MOVES, False, True, None)]
    return _learn(witnesses, [None] * 5, Profiles(DAYS, share), LATITUDE, 28)


def test_a_sensor_that_moves_with_the_trackers_is_no_fixed_plane() -> None:
    """It was the fixed plane that suits the day best, 42° to the north, and read twice too much."""
    *machines, sensor = learned(light()[0])
    assert not sensor.still
    assert sensor.gain == pytest.approx(1.0, abs=0.1)
    assert machines[0].gain / machines[1].gain == pytest.approx(1.02 / 1.28, abs=0.05)


def test_a_flat_sensor_beside_trackers_stands_still() -> None:
    *_, sensor = learned(light()[1])
    assert sensor.still
    assert sensor.tilt < 10.0
    assert sensor.gain == pytest.approx(1.0, abs=0.1)


def test_what_moves_is_not_compared_with_what_stands() -> None:
    assert apart(MOVES, Lie(30.0, 180.0)) == 90.0
    assert apart(MOVES, MOVES) == pytest.approx(0.0, abs=1e-6)
