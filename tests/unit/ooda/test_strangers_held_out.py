"""The fourth half of the strangers: what its sound plants have that others lack, by the generator alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.detection.strangers import __main__ as bench
from benchmarks.detection.strangers import halves, other_cases, plants, surroundings
from benchmarks.detection.strangers.halves import HELD_OUT, named
from benchmarks.detection.strangers.machines import Plant
from benchmarks.detection.strangers.operator import maintenance
from benchmarks.detection.strangers.recipes import Recipe, Roof
from benchmarks.detection.strangers.scene import PER_DAY, Scene

ADDED = ("ground", "rear", "rows", "fog", "cap", "late", "draw", "coarse", "joined", "fewer")
DAYS = 45
PLAIN = Recipe(
    "", "held-out", 7, 2022, 44.0, 9.0, 100, 15, halves.ALPS, roofs=(Roof(2, 30, 180),), ratio=1.2
)


def made(**traits: object) -> Plant:
    return plants.make(replace(PLAIN, **traits), DAYS)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain() -> Plant:
    return made()


def whole() -> slice:
    return slice(0, DAYS * PER_DAY)


def power(plant: Plant, number: int = 0) -> np.ndarray:
    return plants.run(plant, plant.machines[number].name, whole()).ac


def written(plant: Plant, number: int = 0) -> pd.DataFrame:
    name = plant.machines[number].name
    return plants.logged(plant, name, whole(), plants.run(plant, name, whole()))


def test_only_the_fourth_half_has_the_additions() -> None:
    for recipe in (*halves.TUNING, *halves.REPORTING, *halves.THIRD):
        assert all(getattr(recipe, of) == getattr(PLAIN, of) for of in ADDED)
    for of in ADDED:
        assert any(getattr(recipe, of) != getattr(PLAIN, of) for recipe in HELD_OUT), of
    assert len({recipe.month for recipe in HELD_OUT}) >= 10
    assert {recipe.step for recipe in HELD_OUT} == {5, 10, 15, 30, 60}
    assert {len({(r.tilt, r.azimuth) for r in recipe.roofs}) for recipe in HELD_OUT} >= {1, 2, 3, 4}
    places = [recipe.latitude for recipe in HELD_OUT]
    assert min(places) < -40
    assert max(places) > 70
    assert sum(abs(place) < 20 for place in places) >= 4
    assert 0.02 <= sum(r.fewer for r in HELD_OUT) / sum(r.count for r in HELD_OUT) <= 0.04


@pytest.mark.parametrize("recipe", HELD_OUT, ids=lambda recipe: recipe.name)
def test_a_plant_writes_what_a_plant_writes(recipe: Recipe) -> None:
    small = {"roofs": recipe.roofs[:1]} if recipe.roofs else {"turbines": 1}
    plant = plants.make(replace(recipe, joined=(), **small), DAYS)
    machine, frame, output = plant.machines[0], written(plant), power(plant)
    assert not frame.isna().any().any()
    assert not plant.service.isna().any().any()
    assert frame["timestamp"].is_unique
    assert frame["timestamp"].is_monotonic_increasing
    assert frame["power_kw"].min() >= -0.01 * machine.capacity_kw
    assert 0.2 < output.max() / machine.capacity_kw <= 1.01
    if recipe.kind != "wind":
        assert output[plant.zenith > 95].max() == 0.0
    if recipe.sensor != "none":
        assert 0 <= np.asarray(plant.station, dtype=float)[plant.zenith > 101].max() < 8


def test_bright_ground_gives_light_from_behind(plain: Plant) -> None:
    sand, both = made(ground=0.35), made(ground=0.35, rear=0.32)
    assert 1.0 < power(sand).sum() / power(plain).sum() < 1.03
    assert 1.03 < power(both).sum() / power(sand).sum() < 1.15
    assert np.allclose(both.station, sand.station)


def test_rows_shade_one_another_under_low_sun_only(plain: Plant) -> None:
    close = made(rows=0.6)
    before, after, height = power(plain), power(close), 90 - plain.zenith
    assert (after <= before + 0.01 * PLAIN.capacity_kw).all()  # what was in shade is cooler
    assert after[(height > 0) & (height < 8)].sum() < 0.8 * before[(height > 0) & (height < 8)].sum()
    assert np.allclose(after[height > 40], before[height > 40])
    flat = surroundings.between_rows(close.recipe, "a", plain.zenith, plain.bearing, 0.0, 180.0)
    assert flat[height > 1].min() == 1.0


def test_fog_lies_on_all_in_the_morning_and_the_weather_service_does_not_know(plain: Plant) -> None:
    misty = made(fog=0.5)
    solar = (np.arange(len(plain.times)) * 5 / 60.0 + PLAIN.longitude / 15.0) % 24
    gone = power(plain) - power(misty)
    assert gone.sum() > 0.02 * power(plain).sum()
    assert np.abs(gone[solar > 12.6]).max() < 0.02 * PLAIN.capacity_kw
    assert misty.service.equals(plain.service)
    days = [(power(plain, n) - power(misty, n)).reshape(-1, PER_DAY).sum(axis=1) > 1.0 for n in (0, 1)]
    assert (days[0] == days[1]).mean() > 0.95


def test_nobody_exceeds_the_cap() -> None:
    assert power(made(cap=0.5)).max() == pytest.approx(0.5 * PLAIN.capacity_kw)


def test_a_sensors_clock_is_off_by_a_minute_at_most(plain: Plant) -> None:
    flat = made(sensor="flat")
    slow = made(sensor="flat", late=0.6)
    assert np.allclose(slow.station[:PER_DAY], flat.station[:PER_DAY])
    moved = np.interp(np.arange(len(flat.station)) + 0.2, np.arange(len(flat.station)), flat.station)
    last = slice(40 * PER_DAY, DAYS * PER_DAY)
    off, far = (np.abs(slow.station - other)[last].mean() for other in (flat.station, moved))
    assert 0 < far < off
    assert max(recipe.late for recipe in HELD_OUT) * 2 <= 1.2


def test_power_is_taken_at_night_and_rounded(plain: Plant) -> None:
    frame = written(made(draw=0.001))
    gives = written(plain)["power_kw"] > 0
    assert (frame.loc[gives, "power_kw"] > 0).all()
    assert set(frame.loc[~gives, "power_kw"]) <= {-0.06, 0.0}
    assert (frame.loc[~gives, "power_kw"] < 0).mean() > 0.9
    coarse = written(made(coarse=0.5))["power_kw"]
    assert ((coarse * 2) % 1 == 0).all()
    assert np.abs(coarse - written(plain)["power_kw"]).max() < 0.26


def test_a_machine_comes_while_the_file_runs() -> None:
    plant = made(joined=(20,))
    first, last = (written(plant, n)["timestamp"] for n in (0, 1))
    assert first.iloc[0] <= plant.times[0].floor("D") + pd.Timedelta(minutes=30)
    assert plant.times[0].floor("D") + pd.Timedelta(days=20) <= last.iloc[0]
    assert last.iloc[0] < plant.times[0] + pd.Timedelta(days=20, hours=6)
    year = plants.make(replace(named("g-wind-11"), turbines=1))
    scenes = [other_cases._scene(year, 8, number) for number in range(20)]
    assert min(scene.part.start for scene in scenes) >= 103 * PER_DAY


def test_fewer_modules_are_on_as_many_machines_as_were_asked_for() -> None:
    ratios = [m.dc_kw / m.capacity_kw for m in made(roofs=(Roof(9, 30, 180),), fewer=1).machines]
    assert sum(ratio < 1.12 for ratio in ratios) == 1
    assert min(ratios) > 0.95


def test_a_crew_goes_from_machine_to_machine(plain: Plant) -> None:
    plant = made(roofs=(Roof(5, 30, 180),))
    begin = 20 * PER_DAY - round(PLAIN.longitude / 15 * 12)
    scene = Scene(
        plant, "-01", whole(), begin, begin + 2 * PER_DAY, np.random.default_rng(1), plant.service
    )
    orders, events = maintenance(scene, plant, scene.rng)
    offs = np.array([ill.off for ill in orders.values()])
    assert events == 1
    assert (offs.sum(axis=0) <= 1).all()
    assert (offs.sum(axis=1) >= 6).all()
    assert not offs[:, ~scene.inside].any()


def test_the_option_takes_the_fourth_half(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--held-out", "--plant", "none of these names"])
    assert "held-out half, 0 cases" in capsys.readouterr().out
    names = {job[1] for job in bench.jobs(halves.HALVES["held-out"], "clean", quick=True)}
    assert names == {recipe.name for recipe in HELD_OUT}
