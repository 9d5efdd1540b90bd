"""A lone machine and its irradiance sensor: how the two lie, and what the season makes of one beside the
other. The sky is this test's own: a hazy beam, a grey diffuse light, clouds by half days."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.config.detection import detection_config
from ooda.detect.sky import SLOTS
from ooda.detect.witnesses.learning import FORM_ROUNDS, Part, Witness, _gains, _season, _usual_form
from ooda.detect.witnesses.plane_fit import fit
from ooda.detect.witnesses.planes import Lie, Sun, apart, normal_of, seen_by
from ooda.detect.witnesses.profiles import Profiles, sun_at
from ooda.detect.witnesses.season import gain_of_season
from ooda.documents.asset_history import LearnedPlane

NORTH = 45.0
ROOF = Lie(22.0, 195.0)
JANUARY, JULY = 19_730, 19_905


def _seen(tilt: float, azimuth: float, sine: np.ndarray, turn: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """kW/m² on a plane: beam by its angle, grey light from all the sky; `clear`: the share of the beam."""
    beam = 0.95 * np.exp(-0.16 / np.maximum(sine, 0.03)) * clear
    level = np.sqrt(1.0 - sine**2)
    angle = sine * np.cos(np.radians(tilt)) + level * np.sin(np.radians(tilt)) * np.cos(
        turn - np.radians(azimuth)
    )
    grey = sine * (0.10 + 0.22 * (1.0 - clear))
    return np.maximum(angle, 0.0) * beam + grey * (1.0 + np.cos(np.radians(tilt))) / 2.0


def _profiles(first: int, days: int, sensor: Lie) -> Profiles:
    day, rng = np.arange(first, first + days), np.random.default_rng(first)
    elevation, azimuth = sun_at(day, NORTH)
    sine, turn = np.sin(np.radians(elevation)), np.radians(azimuth)
    half_days = np.repeat(rng.choice([1.0, 1.0, 0.4, 0.0], 2 * days), SLOTS // 2)
    clear = np.clip(half_days + 0.1 * rng.normal(size=len(sine)), 0.0, 1.0)
    rows = [
        scale * _seen(lie.tilt, lie.azimuth, sine, turn, clear) * (1.0 + 0.01 * rng.normal(size=len(sine)))
        for lie, scale in ((ROOF, 0.85), (sensor, 1.02))
    ]
    lit = np.where(elevation > 3.0, np.array(rows), np.nan)
    return Profiles(day, lit.reshape(2, days, SLOTS))


@pytest.mark.parametrize("first", [JANUARY, JULY])
@pytest.mark.parametrize("sensor", [Lie(0.0, 180.0), ROOF], ids=["flat", "in plane"])
def test_the_sensor_of_a_lone_machine_is_flat_or_in_its_plane(first: int, sensor: Lie) -> None:
    usual = [Lie(30.0, 180.0)] * 2
    found = fit(_profiles(first, 20, sensor), NORTH, usual, [False, False], [False, True])
    machine, beside = (plane.lie for plane in found if plane is not None)
    assert apart(machine, ROOF) < 15.0
    assert apart(machine, beside) < 1.0 if sensor == ROOF else apart(beside, Lie(0.0, 180.0)) == 0.0


@pytest.mark.parametrize("sensor", [Lie(22.0, 208.0), Lie(22.0, 182.0)], ids=["to the west", "to the east"])
def test_a_sensor_that_leans_beside_its_machine_is_seen_to(sensor: Lie) -> None:
    usual = [Lie(30.0, 180.0)] * 2
    found = fit(_profiles(JANUARY, 40, sensor), NORTH, usual, [False, False], [False, True])
    machine, beside = (plane.lie for plane in found if plane is not None)
    moved = (normal_of(beside) - normal_of(machine))[0]
    assert moved == pytest.approx((normal_of(sensor) - normal_of(ROOF))[0], abs=0.03)


def test_the_gain_of_a_day_does_not_depend_on_which_of_its_hours_were_clear() -> None:
    days, form = 40, np.linspace(0.85, 1.15, SLOTS)  # a sensor that leans to the morning
    ratio = np.tile(form, (days, 1))
    ratio[-5:] *= 0.9  # and then something is lost
    clear = np.full_like(ratio, np.nan)
    for day, begin in enumerate(np.random.default_rng(4).integers(12, 28, days)):
        clear[day, begin : begin + 8] = ratio[day, begin : begin + 8]
    first, level = _gains(ratio, clear)
    gains = first
    for _ in range(FORM_ROUNDS):
        usual = _usual_form(ratio / level[:, None], clear / level[:, None])
        gains, level = _gains(ratio / usual, clear / usual)
    assert np.ptp(gains[:-5]) < 0.6 * np.ptp(first[:-5])  # mornings against afternoons
    assert gains[-5:].mean() / gains[:-5].mean() == pytest.approx(0.9, abs=0.02)


def test_a_machine_of_a_known_plane_keeps_it_beside_a_flat_sensor() -> None:
    flat = Lie(0.0, 180.0, dome=True)
    found = fit(_profiles(JANUARY, 28, flat), NORTH, [ROOF, ROOF], [True, False], [False, True])
    assert [plane.lie for plane in found if plane is not None] == [ROOF, flat]


def test_a_gain_that_goes_with_the_season_is_no_loss_and_a_step_is() -> None:
    rng, days = np.random.default_rng(3), 120
    season = np.linspace(0.05, 0.40, days + 1)  # from summer to winter a roof sees more beside the flat
    noise = np.exp(0.01 * rng.normal(size=days + 1))
    drifts, steps = np.exp(-0.4 * season) * noise, noise.copy()
    steps[-20:] *= 0.85

    def next_due(gains: np.ndarray) -> float:
        window = gain_of_season(gains[None, :-1], season[None, :-1], season[-1:])
        return float(np.quantile(window, 0.9))

    assert drifts[-1] / next_due(drifts) > 0.95  # what the season took is no longer due
    assert drifts[-1] / np.quantile(drifts[:-1], 0.9) < 0.90  # and would have been a loss
    assert steps[-1] / next_due(steps) < 0.90  # but what broke is still missing


def test_hardly_known_planes_beside_a_turned_sensor_are_unsure() -> None:
    def part(sensor: Lie, days: int, lone: bool = True) -> Part:
        learned = [
            LearnedPlane(tilt=lie.tilt, azimuth=lie.azimuth, gain=1.0, days=days, seasons=[(lie.tilt, 0.0)])
            for lie in (ROOF, sensor)
        ]
        return Part(0, 1, learned, [ROOF, sensor], [], [], [True, True], None, lone)

    flat = Lie(0.0, 180.0)
    assert (part(flat, 14).turned, part(flat, 14).unsure) == (True, True)
    assert (part(flat, 28).turned, part(flat, 28).unsure) == (True, False)
    assert not part(ROOF, 14).turned
    assert not part(flat, 14, lone=False).unsure  # neighbours tell


def test_only_who_lies_alone_has_a_season_of_its_own() -> None:
    west, south = Lie(12.0, 266.0), Lie(24.0, 180.0)
    rules = detection_config().algorithms.reference

    def seasons(*lies: Lie, sensors: int = 0) -> list[bool]:
        machines = len(lies) - sensors
        witnesses = [Witness(lie, False, j >= machines, None) for j, lie in enumerate(lies)]
        light = _profiles(JANUARY, 90, ROOF).light((NORTH, 10.0))
        return [_season(j, witnesses, list(lies), light, rules, 30) is not None for j in range(len(lies))]

    assert seasons(south, south, west) == [False, False, True]
    assert seasons(south, west, west) == [True, False, False]  # who lies beside it drifts as it does
    assert seasons(south, Lie(0.0, 180.0), sensors=1) == [True, False]
    tracker = Lie(0.0, 180.0, "single_axis")
    assert seasons(tracker, south, south) == [False, False, False]  # it has the sun in its plane all year


def test_a_flat_sensor_sees_all_of_a_low_suns_beam_and_glass_does_not() -> None:
    """Physics of its own: a pyranometer's signal is the beam times the sine of the sun's height."""
    low = Sun.of(np.array([10.0, 60.0]), np.array([180.0, 180.0]))
    beam, _ = seen_by(Lie(0.0, 180.0, dome=True), low)
    assert beam.tolist() == [1.0, 1.0]
    glass, _ = seen_by(Lie(0.0, 180.0), low)
    assert glass[0] < 0.9 < 0.98 < glass[1]
    found = fit(
        _profiles(JULY, 90, Lie(0.0, 180.0)), NORTH, [Lie(30.0, 180.0)] * 2, [False] * 2, [False, True]
    )
    assert found[1] is not None
    assert found[1].lie.dome
