"""What the witnesses of the sky tell, on light that pvlib makes: Perez' sky, Ineichen's clear sky, clouds
of our own. The plants here share no formula with Detect, which has Haurwitz' clear sky, Erbs' split and Hay
and Davies' ring."""

from __future__ import annotations

import bottleneck as bn
import numpy as np
import pandas as pd
import pytest
from pvlib import atmosphere, clearsky, iam, irradiance, location

from ona.documents.assets import Asset, AssetRegistry, Location
from ooda.detect import judge as judging
from ooda.detect.case import Case
from ooda.detect.context import Context
from ooda.detect.witnesses.learning import Part, Witness, _learn, _placed
from ooda.detect.witnesses.plane_fit import _groups
from ooda.detect.witnesses.planes import Lie, Sun, apart, seen_by, usual_diffuse
from ooda.detect.witnesses.profiles import Profiles
from ooda.detect.witnesses.sky_state import MAJORITY, _median, solve
from ooda.documents.asset_history import AssetHistory, LearnedPlane
from tests.builders.detection import telemetry_file

LATITUDE, LONGITUDE = 48.0, 11.0
EAST, WEST, SOUTH, FLAT = (25.0, 95.0), (25.0, 275.0), (30.0, 180.0), (0.0, 180.0)
Roof = tuple[float, float]
VERDICT = judging._verdict
"""As it is before a test listens to it."""


class Weather:
    """Light of some days, by 15 minutes: beam and diffuse light move apart."""

    def __init__(self, days: int, seed: int, start: str = "2024-04-01") -> None:
        rng = np.random.default_rng(seed)
        self.times = pd.date_range(start, periods=days * 96, freq="15min", tz="UTC").as_unit("us")
        self.sun = location.Location(LATITUDE, LONGITUDE).get_solarposition(self.times)
        mass = atmosphere.get_relative_airmass(self.sun["apparent_zenith"])
        clear = clearsky.ineichen(self.sun["apparent_zenith"], mass, 3.2)
        n = len(self.times)
        weather = np.repeat(np.clip(rng.normal(0.4, 0.5, days), 0.0, 1.0), 96)  # how cloudy a day is
        passing = pd.Series(rng.random(n)).ewm(span=3).mean().to_numpy()
        blocked = np.clip(weather * 1.6 - passing, 0.0, 1.0)
        self.beam = clear["dni"].to_numpy() * (1.0 - blocked)
        self.diffuse = clear["dhi"].to_numpy() * (1.0 + 1.2 * weather * (1.0 - 0.6 * blocked))
        self.seed = seed

    def on(self, roof: Roof) -> np.ndarray:
        """Irradiance on a plane, W/m²."""
        height = np.maximum(np.cos(np.radians(self.sun["zenith"].to_numpy())), 0.0)
        extra = irradiance.get_extra_radiation(self.times).to_numpy()
        mass = atmosphere.get_relative_airmass(self.sun["apparent_zenith"]).to_numpy()
        total = irradiance.get_total_irradiance(
            *roof,
            self.sun["apparent_zenith"],
            self.sun["azimuth"],
            self.beam,
            self.beam * height + self.diffuse,
            self.diffuse,
            dni_extra=extra,
            airmass=mass,
            model="perez",
        )
        angle = irradiance.aoi(*roof, self.sun["apparent_zenith"], self.sun["azimuth"])
        seen = total["poa_direct"] * iam.physical(angle) + total["poa_diffuse"]
        return seen.fillna(0.0).clip(lower=0.0).to_numpy()

    def frame(self, n: int, roof: Roof, sensor: Roof | None) -> pd.DataFrame:
        """A machine of 100 kW on a roof."""
        rng = np.random.default_rng(self.seed * 100 + n)
        power = 0.095 * self.on(roof) * (1.0 + rng.normal(0.0, 0.008, len(self.times)))
        frame = pd.DataFrame({"timestamp": self.times, "asset_id": f"INV-{n:03d}", "temperature_c": 25.0})
        frame["power_kw"] = np.minimum(np.maximum(power - 0.3, 0.0), 100.0)
        if sensor is not None:
            frame["irradiance_w_m2"] = self.on(sensor)
        return frame


def registry(count: int) -> AssetRegistry:
    place = Location(latitude=LATITUDE, longitude=LONGITUDE)
    return AssetRegistry(
        assets=[
            Asset(id=f"INV-{n:03d}", capacity_kw=100.0, site_id="roofs", location=place)
            for n in range(count)
        ]
    )


def cases(
    roofs: list[Roof], monkeypatch: pytest.MonkeyPatch, days: int = 70, sensor: Roof | None = None
) -> tuple[dict[str, Case], dict[str, judging.AssetVerdict]]:
    """Each machine as Detect sees it, and its verdict."""
    weather = Weather(days, seed=len(roofs))
    frames = pd.concat([weather.frame(n, roof, sensor) for n, roof in enumerate(roofs)])
    return seen(frames, len(roofs), monkeypatch)


def seen(
    frames: pd.DataFrame, count: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Case], dict[str, judging.AssetVerdict]]:
    kept: dict[str, Case] = {}

    def keeping(member, case, *rest):  # type: ignore[no-untyped-def]
        kept[case.track.asset.id] = case
        return VERDICT(member, case, *rest)

    monkeypatch.setattr(judging, "_verdict", keeping)
    file = telemetry_file(frames, registry(count))
    return kept, {v.detection.asset_id: v for v in judging.judge_assets(file, Context())}


def daily_losses(case: Case, after: int = 28) -> np.ndarray:
    """Log of due over came, by day, once planes are known."""
    days, ok = case.track.days, case.res.judged
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = np.log(days.sum(case.ref.expected, ok) / days.sum(case.track.power, ok))
    return loss[after:][np.isfinite(loss[after:])]


@pytest.mark.parametrize(
    "roofs",
    [[EAST] * 3 + [WEST] * 3, [SOUTH] * 2 + [EAST] * 2 + [WEST] * 2, [SOUTH] * 4],
    ids=["east and west", "three sides", "one side"],
)
def test_neighbours_on_other_roofs_tell_what_a_machine_was_due(
    roofs: list[Roof], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, verdicts = cases(roofs, monkeypatch)
    for name, case in kept.items():
        losses = daily_losses(case)
        assert np.median(np.abs(losses)) < 0.02, name
        assert not [i for i in verdicts[name].detection.incidents if i.lost_energy_kwh > 100.0], name


def test_planes_are_told_apart_and_one_plane_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, _ = cases([EAST] * 3 + [WEST] * 3, monkeypatch)
    planes = [case.told.plane for case in kept.values()]
    assert all(45.0 < plane.azimuth < 150.0 for plane in planes[:3])
    assert all(210.0 < plane.azimuth < 315.0 for plane in planes[3:])
    kept, _ = cases([SOUTH] * 4, monkeypatch)
    planes = [case.told.plane for case in kept.values()]
    lies = [Lie(plane.tilt, plane.azimuth) for plane in planes]
    assert max(apart(lies[0], lie) for lie in lies) < 2.0
    assert abs(planes[0].azimuth - 180.0) < 20.0


@pytest.mark.parametrize(
    ("turn", "least", "most"), [(0.0, -1.0, 1.0), (10.0, 2.0, 14.0), (-10.0, -14.0, -2.0)]
)
def test_a_machine_that_lies_a_little_off_its_neighbours_is_told(
    turn: float, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two months of spring show the way of a turn, and a part of it: the rest is gain."""
    kept, _ = cases([(25.0, 90.0)] * 3 + [(25.0, 90.0 + turn)] + [(25.0, 270.0)] * 2, monkeypatch, days=60)
    planes = [case.told.plane for case in kept.values()]
    assert least < planes[3].azimuth - np.mean([plane.azimuth for plane in planes[:3]]) < most


def test_a_flat_sensor_is_recognised_beside_a_tilted_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, _ = cases([(35.0, 180.0)], monkeypatch, days=90, sensor=FLAT)
    told = kept["INV-000"].told
    assert told.sensor_plane is not None
    assert told.sensor_plane.tilt < 12.0
    assert told.plane.tilt > 20.0
    assert np.median(np.abs(daily_losses(kept["INV-000"], 40))) < 0.03


def test_a_machine_is_no_witness_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    weather = Weather(40, seed=3)
    frames = pd.concat([weather.frame(n, SOUTH, None) for n in range(4)])
    before, _ = seen(frames, 4, monkeypatch)
    last = (frames["timestamp"] >= frames["timestamp"].max() - pd.Timedelta(days=1)).to_numpy()
    last = last & (frames["asset_id"] == "INV-002").to_numpy()
    for factor in (0.94, 0.5):  # a little that nobody would call far off, then much
        ill = frames.assign(power_kw=frames["power_kw"].where(~last, frames["power_kw"] * factor))
        after, verdicts = seen(ill, 4, monkeypatch)
        due = [case["INV-002"].ref.expected[-60:] for case in (before, after)]
        assert np.nansum(due[1]) == pytest.approx(np.nansum(due[0]), rel=0.002), factor
    kinds = [i.kind for i in verdicts["INV-002"].detection.incidents]
    assert kinds == ["underperformance"]
    others = np.nansum(after["INV-001"].ref.expected) / np.nansum(before["INV-001"].ref.expected)
    assert others == pytest.approx(1.0, rel=0.01)


def test_a_lone_machine_without_a_sensor_is_judged_by_the_clear_sky(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weather = Weather(60, seed=5)
    frame = weather.frame(0, SOUTH, None)
    _, verdicts = seen(frame, 1, monkeypatch)
    assert verdicts["INV-000"].detection.basis == "clear_sky"
    assert verdicts["INV-000"].detection.incidents == []
    stop = frame["timestamp"].between(weather.times[50 * 96], weather.times[52 * 96 - 1])
    dead = frame.assign(power_kw=frame["power_kw"].where(~stop, 0.0))
    _, verdicts = seen(dead, 1, monkeypatch)
    assert [(i.kind, i.days) for i in verdicts["INV-000"].detection.incidents] == [("outage", 2)]


@pytest.mark.parametrize("count", [2, 3])
def test_few_machines_without_a_sensor_are_each_judged_by_the_clear_sky(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather = Weather(60, seed=6)
    frames = pd.concat([weather.frame(n, (EAST, WEST, SOUTH)[n], None) for n in range(count)])
    _, verdicts = seen(frames, count, monkeypatch)
    assert {v.detection.basis for v in verdicts.values()} == {"clear_sky"}
    assert not any(v.detection.incidents for v in verdicts.values())
    stop = frames["timestamp"].between(weather.times[50 * 96], weather.times[52 * 96 - 1])
    stop &= frames["asset_id"] == "INV-001"
    dead = frames.assign(power_kw=frames["power_kw"].where(~stop, 0.0))
    _, verdicts = seen(dead, count, monkeypatch)
    assert [(i.kind, i.days) for i in verdicts.pop("INV-001").detection.incidents] == [("outage", 2)]
    assert not any(v.detection.incidents for v in verdicts.values())


@pytest.mark.parametrize("stamp", [0, 60])
def test_hourly_means_of_roofs_to_both_sides_are_no_losses(
    stamp: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather = Weather(60, seed=8, start="2024-03-01")
    roofs = [EAST] * 3 + [WEST] * 3
    every = [weather.frame(n, roof, FLAT).set_index("timestamp") for n, roof in enumerate(roofs)]
    columns = ["temperature_c", "power_kw", "irradiance_w_m2"]
    hourly = [
        frame[columns].resample("60min").mean().assign(asset_id=frame["asset_id"].iloc[0])
        for frame in every
    ]
    frames = pd.concat(hourly).reset_index()
    frames["timestamp"] += pd.Timedelta(minutes=stamp)  # of the interval's begin, and of its end
    _, verdicts = seen(frames, 6, monkeypatch)
    assert not any(i for v in verdicts.values() for i in v.detection.incidents if not i.suspected)
    ill = frames["asset_id"].eq("INV-001") & (frames["timestamp"] >= "2024-04-10")
    frames["power_kw"] = frames["power_kw"].where(~ill, 0.85 * frames["power_kw"])
    _, verdicts = seen(frames, 6, monkeypatch)
    found = {name for name, v in verdicts.items() if any(not i.suspected for i in v.detection.incidents)}
    assert found == {"INV-001"}


@pytest.mark.parametrize("seed", [7, 11])
def test_daily_files_of_a_new_site_to_both_sides_find_its_fault_and_no_other(seed: int) -> None:
    weather = Weather(24, seed=seed, start="2024-05-01")
    roofs = [EAST, WEST, EAST, WEST, EAST]
    frames = pd.concat([weather.frame(n, roof, None) for n, roof in enumerate(roofs)])
    ill = frames["asset_id"].eq("INV-001") & (frames["timestamp"] >= "2024-05-17")
    frames["power_kw"] = frames["power_kw"].where(~ill, 0.85 * frames["power_kw"])
    histories: dict[str, AssetHistory] = {}
    told: set[tuple[str, str]] = set()
    for day, part in frames.groupby(frames["timestamp"].dt.floor("D")):
        file = telemetry_file(part, registry(5), key=str(day))
        for verdict in judging.judge_assets(file, Context(histories)):
            name = verdict.detection.asset_id
            histories[name] = verdict.history
            told |= {(name, i.kind) for i in verdict.detection.incidents if not i.suspected}
    assert told == {("INV-001", "underperformance")}


@pytest.mark.parametrize("loses", ["", "INV-001", "INV-004"], ids=["nobody", "south", "east"])
def test_before_anybody_knows_how_they_lie_only_a_like_form_tells_a_part(loses: str) -> None:
    weather = Weather(8, seed=3, start="2024-10-05")
    roofs = [SOUTH] * 4 + [EAST, WEST]
    frames = pd.concat([weather.frame(n, roof, FLAT) for n, roof in enumerate(roofs)])
    ill = frames["asset_id"].eq(loses) & (frames["timestamp"] >= "2024-10-10")
    left = 0.0 if loses == "INV-004" else 0.75
    frames["power_kw"] = frames["power_kw"].where(~ill, left * frames["power_kw"])
    histories: dict[str, AssetHistory] = {}
    told: set[tuple[str, str]] = set()
    for day, part in frames.groupby(frames["timestamp"].dt.floor("D")):
        file = telemetry_file(part, registry(6), key=str(day))
        for verdict in judging.judge_assets(file, Context(histories)):
            name = verdict.detection.asset_id
            histories[name] = verdict.history
            told |= {(name, i.kind) for i in verdict.detection.incidents if not i.suspected}
    kind = "outage" if loses == "INV-004" else "underperformance"
    assert told == ({(loses, kind)} if loses else set())


def test_a_season_too_dark_for_a_fit_leaves_the_plane_that_was_known() -> None:
    known = LearnedPlane(tilt=25.0, azimuth=95.0, gain=0.97, days=120, seasons=[(25.0, 95.0)])
    window = Profiles(np.arange(60), np.full((2, 60, 48), np.nan))
    usual = Lie(30.0, 180.0)
    machines = [Witness(usual, False, False, known), Witness(usual, False, False, None)]
    kept, unknown = _learn(machines, [known, None], window, 63.0, 180)
    assert kept == known.model_copy(update={"days": 180})
    assert (unknown.tilt, unknown.seasons) == (30.0, [])
    assert _placed(machines, [kept, unknown], window) == [True, False]
    assert _placed(machines[1:], [unknown], window) == [True], "a machine alone is like itself"


def test_a_plane_of_few_weeks_that_nobody_shares_leaves_small_losses_suspected() -> None:
    lies = [Lie(30.0, 180.0), Lie(28.0, 170.0), Lie(20.0, 90.0)]

    def told(days: int, *of: Lie) -> list[bool]:
        learned = [LearnedPlane(tilt=lie.tilt, azimuth=lie.azimuth, gain=1.0, days=days) for lie in of]
        part = Part(0, 1, learned, list(of), [], [], [True] * len(of))
        return [part.unlike(j) for j in range(len(of))]

    assert told(28, *lies) == [False, False, True]
    assert told(60, *lies) == [False, False, False], "seasons have shown it"
    assert told(28, lies[0]) == [False], "nobody to be unlike"


def test_files_of_a_day_expect_what_one_long_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    weather = Weather(34, seed=7)
    frames = pd.concat([weather.frame(n, roof, None) for n, roof in enumerate([EAST] * 2 + [WEST] * 2)])
    whole, _ = seen(frames, 4, monkeypatch)
    histories = {}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in whole}
    for day, part in frames.groupby(frames["timestamp"].dt.floor("D")):
        file = telemetry_file(part, registry(4), key=str(day))
        for verdict in judging.judge_assets(file, Context(histories)):
            name = verdict.detection.asset_id
            histories[name] = verdict.history
            parts[name].append(np.asarray(verdict.expected))
    _, verdicts = seen(frames, 4, monkeypatch)
    for name, by_day in parts.items():
        long, daily = verdicts[name].expected[20 * 96 :], np.concatenate(by_day)[20 * 96 :]
        both = np.isfinite(long) & np.isfinite(daily) & (long > 10.0)
        assert np.median(np.abs(daily[both] / long[both] - 1.0)) < 0.01, name
        assert daily[both].sum() == pytest.approx(long[both].sum(), rel=0.01), name


@pytest.mark.parametrize("elevation", [4.0, 8.0, 12.0, 25.0, 50.0])
@pytest.mark.parametrize("index", [0.3, 0.6, 0.8, 1.0])
def test_a_plane_that_faces_the_sun_tells_how_clear_it_is(elevation: float, index: float) -> None:
    sun = Sun.of(np.array([elevation]), np.array([270.0]))
    beam, diffuse = (value[None] for value in seen_by(Lie(25.0, 270.0), sun))
    split = usual_diffuse(sun, np.array([index]))
    seen = index * sun.clear * (beam * (1.0 - split) + diffuse * split)
    state = solve(seen, beam, diffuse, np.ones((1, 1)), sun)
    assert state.index == pytest.approx([index], rel=0.08)
    away = seen_by(Lie(25.0, 90.0), sun)
    told = state.seen_without((), away[0] * sun.clear, away[1] * sun.clear)
    assert told[0] <= index * sun.clear[0] + 0.01  # a roof in its own shadow gets no more than all there is


def test_a_low_clear_sky_is_no_dull_one() -> None:
    sun = Weather(10, 1).sun
    sun = sun[sun["elevation"].between(6.0, 70.0)]
    mass = atmosphere.get_relative_airmass(sun["apparent_zenith"])
    clear = clearsky.ineichen(sun["apparent_zenith"], mass, 3.2)
    really = (clear["dhi"] / clear["ghi"]).to_numpy()
    said = usual_diffuse(Sun.of(sun["elevation"].to_numpy(), sun["azimuth"].to_numpy()), np.ones(len(sun)))
    assert (said <= really).all()  # the ring about the sun counts as beam


def test_a_witness_whom_the_common_plane_suits_as_it_does_the_others_keeps_it() -> None:
    beside = [[2.0, 1.0, 6.0], [2.0, 1.05, 6.0], [2.2, 1.1, 6.0]]
    assert _groups(np.array([*beside, [0.4, 1.1, 6.0]])) == [([0, 1, 2, 3], 1)]
    assert _groups(np.array([*beside, [6.0, 6.0, 0.5]])) == [([0, 1, 2], 1), ([3], 2)]


@pytest.mark.parametrize("apart", [0.02, 0.12])
def test_a_machine_may_lie_off_what_the_others_say_as_far_as_they_lie_off_each_other(apart: float) -> None:
    """Clouds pass over a large plant: machines differ for an hour, and none of them is ill."""
    rng = np.random.default_rng(3)
    sun = Sun.of(np.full(400, 50.0), np.full(400, 150.0))
    beam, diffuse = (value[None] for value in seen_by(Lie(20.0, 180.0), sun))
    each = 0.6 * np.exp(apart * rng.normal(size=(20, 400)))
    state = solve(each, beam, diffuse, np.ones((20, 400)), sun)
    value, spread, _ = state.without(0, beam[0] * sun.clear, diffuse[0] * sun.clear)
    off = (each[0] - value) / np.hypot(spread, 0.03 * value)  # beside what is usual of its kind of instant
    assert (np.abs(off) > 3.0).mean() < 0.05  # without it: a quarter
    assert np.median(spread / value) < 1.3 * apart


@pytest.mark.parametrize("count", [2, 3, 7, 8, 9, 12, 15])
def test_the_quick_ways_to_the_skys_state_give_what_the_plain_ones_give(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(size=(count, 500))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, :9] = np.nan  # instants at which nobody speaks
    np.testing.assert_array_equal(_median(values), bn.nanmedian(values.T, axis=1))
    sun = Sun.of(np.full(500, 40.0), np.full(500, 160.0))
    beam, diffuse = (value[None] for value in seen_by(Lie(20.0, 180.0), sun))
    seen = np.where(np.isfinite(values), np.maximum(0.5 + 0.2 * values, 0.0), np.nan)
    state = solve(seen, beam, diffuse, np.isfinite(seen).astype(float), sun)
    light = beam[0] * sun.clear, diffuse[0] * sun.clear
    for left in range(count):
        value, _, _ = state.without(left, *light)
        np.testing.assert_array_equal(state.seen_without((left,), *light), value)
        others = np.delete(state.off, left, axis=0).T
        known = np.isfinite(others).sum(axis=1) >= MAJORITY - 1
        middle = np.fmax(1.0, 1.4826 * bn.nanmedian(others, axis=1))
        np.testing.assert_allclose(state._scale(left), np.where(known, middle, 1.0))


def growing(weather: Weather, count: int, most: float, begin: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Machines on one roof, and what INV-001 lost, kWh by day: more each day from day `begin` on, up to a
    share of `most`."""
    frames = [weather.frame(n, SOUTH, None) for n in range(count)]
    day = np.arange(len(weather.times)) / 96.0
    share = most * np.clip((day - begin) / (day[-1] - begin), 0.0, 1.0)
    lost = frames[1]["power_kw"].to_numpy() * share
    frames[1]["power_kw"] -= lost
    return pd.concat(frames), lost.reshape(-1, 96).sum(axis=1) / 4.0


@pytest.mark.parametrize("most", [0.12, 0.4])
def test_a_loss_that_grows_is_booked_as_it_grew(most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's gain nor what its readings usually spread follow it, and it is found to the
    end."""
    frames, lost = growing(Weather(100, seed=11), 4, most, begin=40)
    _, verdicts = seen(frames, 4, monkeypatch)
    (incident,) = [i for i in verdicts["INV-001"].detection.incidents if not i.suspected]
    # noons at the others' capacity are not judged, and the first days are below what is looked for
    assert incident.window.end >= frames["timestamp"].max() - pd.Timedelta(days=1)
    assert incident.lost_energy_kwh == pytest.approx(lost.sum(), rel=0.16)


def test_a_machine_that_loses_lifts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four machines one pulls the sky's mean down by a quarter of its loss."""
    frames, _ = growing(Weather(100, seed=11), 4, 0.3, begin=40)
    kept, verdicts = seen(frames, 4, monkeypatch)
    for name in ("INV-000", "INV-002", "INV-003"):
        level = kept[name].told.level
        assert level[-1] == pytest.approx(level[60], rel=0.01), name  # planes are fitted anew on day 60
        assert not verdicts[name].detection.incidents
    fleet = kept["INV-001"].told.fleet_loss
    assert abs(np.nanmedian(fleet[-10:])) < 0.01


def test_what_is_ill_does_not_excuse_itself() -> None:
    """How sure the others are of a machine must not depend on what the machine gives."""
    rng = np.random.default_rng(5)
    sun = Sun.of(np.full(300, 50.0), np.full(300, 150.0))
    beam, diffuse = (value[None] for value in seen_by(Lie(20.0, 180.0), sun))
    each = 0.6 * np.exp(0.03 * rng.normal(size=(4, 300)))
    spreads = []
    for factor in (1.0, 0.9):
        ill = each * np.array([factor, 1.0, 1.0, 1.0])[:, None]
        state = solve(ill, beam, diffuse, np.ones((4, 300)), sun)
        spreads.append(state.without(0, beam[0] * sun.clear, diffuse[0] * sun.clear)[1])
    assert np.median(spreads[1]) < 1.3 * np.median(spreads[0])


def test_witnesses_at_their_capacity_do_not_disagree() -> None:
    """They would see more; that they do not says nothing of the others."""
    sun = Sun.of(np.full(50, 50.0), np.full(50, 150.0))
    beam, diffuse = (value[None] for value in seen_by(Lie(20.0, 180.0), sun))
    clipped = np.array([1.0, 1.0, 1.0, 0.75, 0.7])[:, None]
    state = solve(clipped * np.full((5, 50), 0.8), beam, diffuse, np.where(clipped < 1.0, 0.3, 1.0), sun)
    _, spread, _ = state.without(0, beam[0] * sun.clear, diffuse[0] * sun.clear)
    assert (spread < 0.03).all()


def test_silent_witnesses_do_not_agree() -> None:
    """Machines that stand still say nothing, also not of how far the others differ."""
    rng = np.random.default_rng(9)
    sun = Sun.of(np.full(200, 50.0), np.full(200, 150.0))
    beam, diffuse = (value[None] for value in seen_by(Lie(20.0, 180.0), sun))
    each = 0.6 * np.exp(0.12 * rng.normal(size=(8, 200)))
    still = np.concatenate((each, np.zeros((7, 200))))
    spreads = []
    for seen in (each, still):
        state = solve(seen, beam, diffuse, np.ones((len(seen), 200)), sun)
        spreads.append(state.without(0, beam[0] * sun.clear, diffuse[0] * sun.clear)[1])
    assert spreads[1] == pytest.approx(spreads[0])
