"""The third half of the strangers: what its sound plants have that others lack, by the generator alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.detection.strangers import __main__ as bench
from benchmarks.detection.strangers import air, halves, plants, surroundings
from benchmarks.detection.strangers.halves import THIRD, named
from benchmarks.detection.strangers.recipes import Recipe, Roof
from benchmarks.detection.strangers.scene import PER_DAY

ADDED = ("skyline", "foliage", "dust", "snow", "askew", "gaps", "ratio")
DAYS = 40
ONE = replace(named("h-south-poa"), roofs=(Roof(1, 30, 180),), snow=False, month=1)


def small(recipe: Recipe) -> Recipe:
    return replace(recipe, roofs=recipe.roofs[:1]) if recipe.roofs else replace(recipe, turbines=1)


def whole(days: int = DAYS) -> slice:
    return slice(0, days * PER_DAY)


def test_only_the_third_half_has_the_additions() -> None:
    plain = Recipe("", "tuning", 0, 2020, 0, 0, 0, 15, halves.ALPS)
    for recipe in (*halves.TUNING, *halves.REPORTING):
        assert all(getattr(recipe, of) == getattr(plain, of) for of in (*ADDED, "month", "stamp"))
        assert recipe.climate.dry == 0
    for of in ADDED:
        assert any(getattr(recipe, of) for recipe in THIRD), of
    assert {recipe.stamp for recipe in THIRD} == {"end", "begin"}
    assert len({recipe.month for recipe in THIRD}) >= 10
    assert {roof.tilt for roof in named("h-6s1e1w").roofs if 160 < roof.azimuth < 200} == {13, 39}


def test_additions_that_are_not_asked_for_change_nothing() -> None:
    weather = air.make_air(ONE, DAYS)
    light = np.linspace(0.0, 900.0, DAYS * PER_DAY)
    assert surroundings.behind_skyline(ONE, "a", light, light, light, light) == (light, light)
    assert (surroundings.dust(ONE, weather, "a", DAYS) == 1).all()
    assert (surroundings.under_snow(ONE, weather, "a", light, 30.0) == 1).all()
    assert surroundings.albedo(ONE, weather, len(light)) == 0.2
    assert surroundings.leaning(ONE, 20.0, 190.0) == (20.0, 190.0)
    assert not surroundings.bursts(ONE, "a", 10_000, 0.0).any()


@pytest.mark.parametrize("recipe", THIRD, ids=lambda recipe: recipe.name)
def test_a_plant_writes_what_a_plant_writes(recipe: Recipe) -> None:
    plant = plants.make(small(recipe), DAYS)
    machine = plant.machines[0]
    output = plants.run(plant, machine.name, whole())
    frame = plants.logged(plant, machine.name, whole(), output)
    assert not frame.isna().any().any()
    assert not plant.service.isna().any().any()
    assert frame["timestamp"].is_monotonic_increasing
    assert frame["timestamp"].is_unique
    assert (frame["power_kw"] >= 0).all()
    assert plant.times[0].month == recipe.month
    assert 0.3 < output.ac.max() / machine.capacity_kw <= 1.01
    if recipe.kind != "wind":
        assert output.ac[plant.zenith > 95].max() == 0.0
    if recipe.sensor != "none":
        dark = np.asarray(plant.station, dtype=float)[plant.zenith > 100]
        assert 0 <= dark.max() < 6
    lost = 1 - len(frame) / (DAYS * PER_DAY // plant.every)
    assert lost < 0.01 if not recipe.gaps else lost < 0.15


def test_a_year_that_begins_in_july_has_its_summer_then() -> None:
    july, january = replace(ONE, month=7), ONE
    assert july.first_day == 182  # a leap year
    warm, cold = (
        air.make_air(recipe, 366).temperature.reshape(-1, 24).mean(axis=1) for recipe in (july, january)
    )
    assert warm[:60].mean() > warm[180:240].mean() + 15
    assert cold[:60].mean() < cold[180:240].mean() - 15


def test_a_skyline_takes_low_sun_and_some_of_the_sky() -> None:
    street = replace(ONE, skyline=((0.0, 15.0), (180.0, 15.0), (181.0, 5.0), (359.0, 5.0)), foliage=0.2)
    height = np.arange(0.0, 40.0, 0.5)
    light, south = np.full(len(height), 100.0), np.full(len(height), 90.0)
    beam, _ = surroundings.behind_skyline(street, "a", light, light, 90.0 - height, south)
    assert np.allclose(beam[height < 10], 20.0)
    assert np.allclose(beam[height > 20], 100.0)
    assert (np.diff(beam) >= 0).all()
    assert 20 < beam[np.argmin(np.abs(beam - 60))] < 100  # the disc goes behind it bit by bit
    west, _ = surroundings.behind_skyline(street, "a", light, light, 90.0 - height, south + 180.0)
    assert (west >= beam).all()
    assert west.sum() > beam.sum() + 500
    ring = replace(ONE, skyline=((0.0, 30.0), (180.0, 30.0)))
    shares = [
        surroundings.behind_skyline(ring, str(n), light, light, light, light)[1][0] for n in range(30)
    ]
    assert np.mean(shares) == pytest.approx(75.0, abs=1.5)  # cos² 30°


def test_dust_grows_in_the_dry_and_rain_takes_it() -> None:
    dusty = named("h-south-none")
    weather = air.make_air(dusty, 366)
    rain = weather.rain.reshape(-1, 24).sum(axis=1)
    left, other = (surroundings.dust(dusty, weather, name, 366) for name in ("a", "b"))
    dry = air.drought(dusty, np.arange(366.0))
    assert rain[dry > 1.2].mean() < 0.4 * rain[dry == 0].mean()
    assert left.min() < 0.9
    assert left[(dry == 0) & (rain > 6)].min() > 0.99
    assert (np.diff(left)[(rain[1:] == 0) & (dry[1:] > 0.3)] < 0).all()
    assert np.abs(left - other).max() < 0.03


def test_snow_covers_all_at_once_and_slides_off() -> None:
    cold = replace(ONE, snow=True)
    weather = air.make_air(cold, 366)
    fallen, lies = surroundings.ground_snow(cold, weather)
    assert 40 < fallen.sum() < 1000
    assert lies[24 * 180 : 24 * 240].max() == 0.0
    light = np.full(366 * PER_DAY, 150.0)
    steep, low = (surroundings.under_snow(cold, weather, "a", light, tilt) for tilt in (40.0, 10.0))
    hourly = np.repeat(fallen, 12)
    assert (steep[(hourly > 1.0) & (np.repeat(lies, 12) >= 1.0)] < 0.1).all()
    assert steep.mean() > low.mean() + 0.02
    assert (steep[PER_DAY * 180 : PER_DAY * 240] == 1).all()
    assert ((np.diff(steep) > 1e-6) & (np.diff(steep) < 0.2)).any()
    neighbour = surroundings.under_snow(cold, weather, "b", light, 40.0)
    assert ((steep < 0.1) & (neighbour > 0.9)).mean() < 0.01


def test_a_sensor_askew_is_off_by_that_angle() -> None:
    def normal(tilt: np.ndarray, toward: np.ndarray) -> np.ndarray:
        t, a = np.radians(tilt), np.radians(toward)
        return np.stack([np.sin(t) * np.sin(a), np.sin(t) * np.cos(a), np.cos(t)])

    tilt, toward = (part.ravel() for part in np.meshgrid(np.linspace(0, 60, 7), np.linspace(0, 350, 8)))
    for recipe in (r for r in THIRD if r.askew):
        assert 3.0 <= recipe.askew <= 5.0
        leans = surroundings.leaning(recipe, tilt, toward)
        cosine = (normal(tilt, toward) * normal(*(np.asarray(part) for part in leans))).sum(axis=0)
        assert np.allclose(np.degrees(np.arccos(cosine)), recipe.askew)


def test_readings_are_lost_in_bursts() -> None:
    recipe = replace(ONE, step=10)
    gone = surroundings.bursts(recipe, "all", 400_000, 0.04)
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate(([0], gone.astype(int), [0])))))[::2]
    assert gone.mean() == pytest.approx(0.04, abs=0.006)
    assert 4 < runs.mean() < 8
    assert runs.max() > 60
    plant = plants.make(replace(ONE, gaps=0.05, roofs=(Roof(2, 30, 180),)), DAYS)
    one, two = plant.lost.values()
    assert (one & two).mean() > 0.3 * one.mean()  # some the site's logger loses, some one machine's


def test_a_third_more_modules_clip() -> None:
    plant = plants.make(small(named("h-north-ghi")), DAYS)
    machine = plant.machines[0]
    assert 1.25 < machine.dc_kw / machine.capacity_kw < 1.36
    power = plants.run(plant, machine.name, whole()).ac
    assert (power[plant.zenith < 40] > 0.999 * machine.capacity_kw).mean() > 0.15


def test_a_stamp_at_the_begin_is_one_interval_earlier() -> None:
    plant = plants.make(ONE, DAYS)
    name = plant.machines[0].name
    output = plants.run(plant, name, whole())
    ends = plants.logged(plant, name, whole(), output)
    plant.recipe = replace(ONE, stamp="begin")
    begins = plants.logged(plant, name, whole(), output)
    assert ((ends["timestamp"] - begins["timestamp"]).dt.total_seconds() == 60 * ONE.step).all()
    assert ends["power_kw"].equals(begins["power_kw"])


def test_the_option_takes_the_third_half(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--third", "--plant", "none of these names"])
    assert "third half, 0 cases" in capsys.readouterr().out
    names = {job[1] for job in bench.jobs(halves.HALVES["third"], "clean", quick=True)}
    assert names == {recipe.name for recipe in THIRD}
    with pytest.raises(SystemExit):
        bench.main(["--held-out", "--third"])
