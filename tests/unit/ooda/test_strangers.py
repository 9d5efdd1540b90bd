"""The generator of strangers: physical, seeded, in halves, and made by another hand than Detect."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.strangers import halves, plants, recipes
from benchmarks.detection.strangers.machines import Ill, Plant
from benchmarks.detection.strangers.scene import PER_DAY, Scene
from benchmarks.detection.strangers.solar_faults import SOLAR
from benchmarks.detection.strangers.wind_faults import WIND

FOLDER = Path(plants.__file__).parent
KNOWS_THE_PLATFORM = {"judging.py", "cases.py", "other_cases.py", "table.py", "__main__.py"}
DAYS = 60
ROOFS = replace(halves.TUNING[3], roofs=(recipes.Roof(1, 20, 90), recipes.Roof(1, 20, 270)), sensor="flat")
FARM = halves.TUNING[14]


@pytest.fixture(scope="module")
def roofs() -> Plant:
    return plants.make(ROOFS, DAYS)


@pytest.fixture(scope="module")
def farm() -> Plant:
    return plants.make(FARM, DAYS)


def whole() -> slice:
    return slice(0, DAYS * PER_DAY)


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_simulator_imports_nothing_of_the_platform_nor_of_the_older_bench() -> None:
    makers = [path for path in FOLDER.glob("*.py") if path.name not in KNOWS_THE_PLATFORM]
    assert len(makers) >= 10
    for path in makers:
        for name in imports(path):
            assert name.split(".")[0] not in ("ona", "ooda", "ops", "local"), (path.name, name)
            assert not name.startswith("benchmarks.") or name.startswith(
                "benchmarks.detection.strangers"
            ), name
            assert not any(
                name.endswith(f".{other}") for other in ("judging", "cases", "other_cases", "table")
            )


def test_one_door_leads_to_the_platform() -> None:
    for path in FOLDER.glob("*.py"):
        if path.name != "judging.py":
            assert not any(name.split(".")[0] in ("ona", "ooda") for name in imports(path)), path.name


@pytest.mark.parametrize(("one", "other"), list(combinations(halves.HALVES, 2)))
def test_the_halves_share_no_place_seed_size_or_noise_of_a_family(
    one: recipes.Half, other: recipes.Half
) -> None:
    first, second = halves.HALVES[one], halves.HALVES[other]
    assert {r.half for r in first} == {one}
    for of in ("name", "seed", "latitude"):
        assert not {getattr(r, of) for r in first} & {getattr(r, of) for r in second}, of
    families = {r.family for r in first}
    assert families == {r.family for r in second}
    for family in families:
        mine = {(r.capacity_kw, r.noise) for r in first if r.family == family}
        assert not mine & {(r.capacity_kw, r.noise) for r in second if r.family == family}


def test_the_first_two_halves_lie_far_apart() -> None:
    tuning, reporting = halves.TUNING, halves.REPORTING
    places = [r.latitude for r in (*tuning, *reporting)]
    assert min(places) <= -34.0
    assert max(places) >= 63.0
    assert {r.step for r in (*tuning, *reporting)} == {5, 10, 15}
    assert {r.count for r in (*tuning, *reporting)} >= {1, 3, 4, 5, 6, 7, 8, 12}


def test_a_seed_makes_the_same_plant_again_and_another_seed_another(roofs: Plant) -> None:
    again, other = plants.make(ROOFS, DAYS), plants.make(replace(ROOFS, seed=1), DAYS)
    name = roofs.machines[0].name
    one, same, different = (
        plants.logged(p, name, whole(), plants.run(p, name, whole())) for p in (roofs, again, other)
    )
    assert one.equals(same)
    assert len(one) != len(different) or not np.allclose(one["power_kw"], different["power_kw"])
    assert roofs.service.equals(again.service)


def test_no_power_at_night_and_none_above_the_nameplate(roofs: Plant) -> None:
    for machine in roofs.machines:
        output = plants.run(roofs, machine.name, whole())
        assert output.ac[roofs.zenith > 95].max() == 0.0
        assert 0.2 < output.ac.max() / machine.capacity_kw <= 1.0 + 1e-9


def test_east_leads_in_the_morning_and_west_in_the_evening(roofs: Plant) -> None:
    scene = Scene(roofs, roofs.machines[0].name, whole(), 0, 1, np.random.default_rng(0), roofs.service)
    east, west = (plants.run(roofs, m.name, whole()).ac / m.dc_kw for m in roofs.machines)
    morning, evening = scene.solar < 11, scene.solar > 13
    assert east[morning].sum() > 1.15 * west[morning].sum()
    assert west[evening].sum() > 1.15 * east[evening].sum()


@pytest.mark.parametrize("name", ["t-lone-sensor", "r-track", "t-wind-1"])
def test_a_year_yields_what_such_a_place_yields(name: str) -> None:
    recipe = next(r for r in (*halves.TUNING, *halves.REPORTING) if r.name == name)
    plant = plants.make(recipe)
    machine = plant.machines[0]
    hours = plants.run(plant, machine.name, slice(0, 366 * PER_DAY)).ac.sum() / 12
    low, high = {"roofs": (600, 1150), "tracked": (1400, 2400), "wind": (1600, 4200)}[recipe.kind]
    assert low < hours / (machine.dc_kw or machine.capacity_kw) < high


def test_clouds_and_noise_remember(roofs: Plant) -> None:
    drive = roofs.drives[roofs.machines[0].name]
    noon = (roofs.zenith < 75) & (np.asarray(drive.dni) + np.asarray(drive.dhi) > 0)
    sky = np.asarray(drive.dhi, dtype=float)[noon]
    assert np.corrcoef(sky[:-3], sky[3:])[0, 1] > 0.8  # a quarter of an hour apart
    factor = np.log(np.asarray(drive.factor, dtype=float))
    days = factor.reshape(-1, PER_DAY).mean(axis=1)
    assert np.corrcoef(days[:-1], days[1:])[0, 1] > 0.6
    assert np.corrcoef(factor[:-1], factor[1:])[0, 1] > 0.8


def test_storms_and_heat_know_of_no_fault(roofs: Plant) -> None:
    for name in ("air.py", "noise.py", "recipes.py", "halves.py", "surroundings.py"):
        assert not any("fault" in imported or "scene" in imported for imported in imports(FOLDER / name))


def test_a_turbine_follows_density_and_stops_in_the_lee(farm: Plant) -> None:
    name = farm.machines[0].name
    well = plants.run(farm, name, whole()).ac
    colder = replace(farm, air=farm.air - 30.0)
    assert plants.run(colder, name, whole()).ac.sum() > 1.02 * well.sum()
    behind = [np.asarray(farm.drives[m.name].speed, dtype=float) for m in farm.machines]
    ratio = behind[1] / np.maximum(behind[0], 0.1)
    east = np.abs((farm.vane - 270 + 180) % 360 - 180) < 20  # from the west: the first shades the second
    west = np.abs((farm.vane - 90 + 180) % 360 - 180) < 20
    assert np.median(ratio[east]) < np.median(ratio[west]) - 0.02


def test_each_trouble_takes_power_only_while_it_holds(roofs: Plant, farm: Plant) -> None:
    for plant, troubles in ((roofs, SOLAR), (farm, WIND)):
        name = plant.machines[0].name
        for trouble in troubles:
            if plant.recipe.kind not in trouble.only:
                continue
            begin = 20 * PER_DAY
            scene = Scene(
                plant, name, whole(), begin, begin + int(trouble.days[-1] * PER_DAY),
                np.random.default_rng(1), plant.service,
            )  # fmt: skip
            well = plants.run(plant, name, whole())
            ill = plants.run(plant, name, whole(), trouble.act(scene, trouble.strengths[-1]))
            gone = well.ac - ill.ac
            assert np.abs(gone[:begin]).max() < 1e-6, trouble.name
            assert gone[scene.inside].sum() >= -1e-6 * well.ac.sum(), trouble.name
    assert np.allclose(plants.run(roofs, roofs.machines[0].name, whole(), Ill()).ac,
                       plants.run(roofs, roofs.machines[0].name, whole()).ac)  # fmt: skip
