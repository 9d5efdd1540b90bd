"""A turbine is judged by all that foretells its power, and by nothing beyond what was known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.documents.asset_history import AssetHistory, LevelOfDay
from ooda.documents.detections import Episode
from tests.builders import wind_farms
from tests.builders.detection import telemetry_file
from tests.builders.wind_farms import Farm, wind_farm

DAY = 1440 // wind_farms.MINUTES


def verdicts(
    farm: Farm,
    frames: Mapping[str, pd.DataFrame] | None = None,
    histories: dict[str, AssetHistory] | None = None,
    key: str = "file",
) -> dict[str, AssetVerdict]:
    """Detect's verdicts on a farm's readings, as one file."""
    file = telemetry_file(frames or farm.frames, farm.registry, key=key)
    made = judge_assets(file, Context(histories=histories or {}))
    return {one.detection.asset_id: one for one in made}


def episodes(verdict: AssetVerdict) -> list[Episode]:
    return [episode for day in verdict.days.values() for episode in day.episodes]


def told(verdict: AssetVerdict) -> bool:
    return any(issue.kind == "sensor_drift" for issue in verdict.detection.quality.issues)


def test_the_first_calm_day_after_windy_weeks_is_no_outage() -> None:
    farm = wind_farm(3, turbines=2, days=31)
    rng = np.random.default_rng(1)
    for name, frame in farm.frames.items():
        calm = np.arange(len(frame)) >= 30 * DAY
        speed = np.where(calm, rng.uniform(1.0, 3.4, len(frame)), rng.uniform(7.2, 14.0, len(frame)))
        frame["wind_speed_m_s"] = speed
        frame["power_kw"] = wind_farms.curve(speed) * wind_farms.RATED_KW * (1 - calm)
        assert frame["power_kw"][~calm].min() > 0.15 * wind_farms.RATED_KW, name
    for one in verdicts(farm).values():
        assert one.detection.incidents == []
        assert np.isnan(one.expected[-DAY:]).all()  # what was never seen is unknown
        windy = np.arange(len(one.expected)) < 30 * DAY
        windy &= np.min([f["wind_speed_m_s"] for f in farm.frames.values()], axis=0) > 9.5
        assert np.isfinite(one.expected[windy][10 * DAY :]).mean() > 0.9  # the distractor: these are known


def windy_then_calm(seed: int, lost: float = 0.0) -> Farm:
    """Four turbines, windy until day 26; then calm, with `lost` of the first one's power from day 12 on.
    Gusts and noise are each turbine's own."""
    farm = wind_farm(seed, turbines=4, days=36)
    rng = np.random.default_rng(seed)
    n = len(farm.frames["WT-01"])
    day = np.arange(n) / DAY
    slow = np.convolve(rng.normal(size=n + 300), np.ones(300) / np.sqrt(300), "valid")[:n]
    wind = np.where(day < 26, 8.8 * np.exp(0.2 * slow), 4.1 + 0.9 * slow)
    for frame in farm.frames.values():
        gusts = np.convolve(rng.normal(size=n + 2), np.ones(3) / np.sqrt(3), "valid")
        rotor = np.maximum(wind * (1 + 0.05 * gusts), 0.0)
        frame["wind_speed_m_s"] = np.maximum(rotor * (1 + 0.03 * rng.normal(size=n)), 0.0)
        frame["power_kw"] = wind_farms.curve(rotor) * wind_farms.RATED_KW
        frame["temperature_c"] = 10.0
    one = farm.frames["WT-01"]
    one["power_kw"] = one["power_kw"] * np.where(day > 12, 1 - lost, 1.0)
    return farm


@pytest.mark.parametrize("seed", [3, 15])
def test_a_calm_week_after_windy_ones_costs_nothing(seed: int) -> None:
    made = verdicts(windy_then_calm(seed))
    assert [one for one in made.values() if booked(one.history) > 0.0] == []
    for one in made.values():
        assert np.isfinite(one.expected[10 * DAY : 26 * DAY]).mean() > 0.3  # windy weeks are judged


def test_a_loss_of_windy_weeks_is_booked_though_they_end_in_a_calm() -> None:
    made = verdicts(windy_then_calm(1, lost=0.25))
    assert {name for name, one in made.items() if booked(one.history) > 0.0} == {"WT-01"}


def test_a_sound_farm_has_no_episode() -> None:
    for one in verdicts(wind_farm(11, turbines=3, days=80)).values():
        assert episodes(one) == []
        assert not told(one)
        judged = [day for day in one.days.values() if day.judged_hours > 0]
        assert len(judged) > 60


def in_files_of_a_day(farm: Farm, begins: pd.Timedelta) -> dict[str, AssetHistory]:
    """The histories after one file for each day of the farm; `begins`: when, after midnight UTC."""
    day = {name: (f["timestamp"] - begins).dt.floor("D") for name, f in farm.frames.items()}
    histories: dict[str, AssetHistory] = {}
    for one in sorted(set(day["WT-01"])):
        frames = {n: f[day[n] == one].reset_index(drop=True) for n, f in farm.frames.items()}
        made = verdicts(farm, frames, histories, key=f"{one:%Y%m%d}")
        histories = {name: verdict.history for name, verdict in made.items()}
    return histories


def booked(history: AssetHistory) -> float:
    """kWh."""
    return sum(incident.lost_energy_kwh for incident in history.incidents)


@pytest.mark.parametrize(
    ("hours", "longitude", "tolerance"),
    [
        pytest.param(0, -99.4, 1e-6, id="a day of UTC, far from Greenwich"),
        pytest.param(0, 5.6, 1e-6, id="a day of UTC, near it", marks=pytest.mark.soak),
        pytest.param(6, -99.4, 0.04, id="a day of the site's clock"),
    ],
)
def test_files_of_a_day_and_one_long_file_say_the_same(
    hours: int, longitude: float, tolerance: float
) -> None:
    farm = wind_farm(5, turbines=3, days=40, longitude=longitude)
    farm.changed("WT-01", 18, 20, wind_farms.stopped())
    farm.changed("WT-01", 28, 38, wind_farms.blades(0.25))
    farm.changed("WT-02", 21, 24, wind_farms.limit(0.3))
    whole = verdicts(farm)
    for name, by_day in in_files_of_a_day(farm, pd.Timedelta(hours=hours)).items():
        long = whole[name].history
        assert bool(long.incidents) is (name != "WT-03")
        assert [(i.kind, i.suspected, i.window.start.date()) for i in by_day.incidents] == [
            (i.kind, i.suspected, i.window.start.date()) for i in long.incidents
        ]
        assert booked(by_day) == pytest.approx(booked(long), rel=tolerance)
        if not hours:
            assert by_day.days.keys() == long.days.keys()
            for day, by_file in long.days.items():
                (one,), (other,) = by_file.values(), by_day.days[day].values()
                assert other.expected_kwh == pytest.approx(one.expected_kwh, abs=0.011)
                assert {n: v for n, v in one.levels.items() if any(v.shape)} == {
                    n: v for n, v in other.levels.items() if any(v.shape)
                }


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_an_anemometer_that_is_off_is_told_and_nothing_is_booked(factor: float) -> None:
    farm = wind_farm(2, turbines=4, days=62)
    farm.changed("WT-01", 50, 62, wind_farms.anemometer(factor))
    made = verdicts(farm)
    assert told(made["WT-01"])
    assert not any(told(one) for name, one in made.items() if name != "WT-01")
    lost = sum(episode.lost_kwh for one in made.values() for episode in episodes(one))
    assert lost < 0.5 * wind_farms.RATED_KW  # half an hour of full load in 48 turbine-days


def test_what_the_machine_loses_is_no_fault_of_the_anemometer() -> None:
    farm = wind_farm(2, turbines=4, days=62)
    lost = farm.changed("WT-01", 50, 62, wind_farms.blades(0.3)) / 6
    one = verdicts(farm)["WT-01"]
    assert not told(one)
    ill = (np.arange(len(lost)) >= 50 * DAY) & np.isfinite(one.expected)
    missing = (one.expected - farm.frames["WT-01"]["power_kw"])[ill].sum() / 6
    assert missing == pytest.approx(lost[ill].sum(), rel=0.15)


def test_a_stop_is_found_and_lowers_no_neighbour() -> None:
    farm = wind_farm(7, turbines=3, days=44)
    lost = farm.changed("WT-02", 38, 42, wind_farms.stopped()) / 6
    made = verdicts(farm)
    stops = episodes(made["WT-02"])
    assert {stop.kind for stop in stops} == {"outage"}
    assert sum(stop.lost_kwh for stop in stops) == pytest.approx(lost.sum(), rel=0.2)
    for name in ("WT-01", "WT-03"):
        assert episodes(made[name]) == []
        power = farm.frames[name]["power_kw"].to_numpy()[38 * DAY : 42 * DAY]
        expected = made[name].expected[38 * DAY : 42 * DAY]
        there = np.isfinite(expected)
        assert expected[there].sum() == pytest.approx(power[there].sum(), rel=0.12)


def test_a_turbine_that_stands_in_a_storm_is_not_judged() -> None:
    farm = wind_farm(7, turbines=1, days=41)
    frame = farm.frames["WT-01"]
    storm = slice(40 * DAY, 40 * DAY + 60)
    for begin, wind, power in ((30 * DAY, 21.0, 1.0), (32 * DAY, 21.0, 1.0), (34 * DAY, 21.0, 1.0)):
        frame.loc[begin : begin + 40, ["wind_speed_m_s", "power_kw"]] = wind, power * wind_farms.RATED_KW
    frame.loc[storm, ["wind_speed_m_s", "power_kw"]] = 23.0, 0.0
    assert episodes(verdicts(farm)["WT-01"]) == []


def test_a_sector_that_gives_less_is_usual_where_the_direction_is_measured() -> None:
    farm = wind_farm(9, turbines=1, days=90)
    frame = farm.frames["WT-01"]
    sheltered = frame["wind_direction_deg"].between(210, 240).to_numpy()
    speed = farm.free["WT-01"] * np.where(sheltered, 0.93, 1.0)
    frame["power_kw"] = wind_farms.curve(speed) * wind_farms.RATED_KW
    less = []
    for own in (frame, frame.drop(columns="wind_direction_deg")):
        expected = verdicts(farm, {"WT-01": own})["WT-01"].expected
        part = (expected > 200) & (expected < 1500) & (np.arange(len(frame)) > 60 * DAY)
        ratio = [
            frame["power_kw"][part & at].sum() / expected[part & at].sum() for at in (sheltered, ~sheltered)
        ]
        less.append(1.0 - ratio[0] / ratio[1])
    assert less[0] < less[1] / 2
    assert less[1] > 0.15


def test_a_turbine_of_an_older_home_is_judged_at_once() -> None:
    farm = wind_farm(12, turbines=1, days=32)
    farm.changed("WT-01", 31, 32, wind_farms.stopped())
    frame = farm.frames["WT-01"]
    cut = 30 * DAY + DAY // 2
    begun = verdicts(farm, {"WT-01": frame[:cut]}, key="a")["WT-01"].history
    days = {
        name: {
            key: item.model_copy(
                update={"levels": {"wind": LevelOfDay(gain=1.0, shape=item.levels["wind"].shape[:60])}}
            )
            for key, item in by_file.items()
        }
        for name, by_file in begun.days.items()
    }  # as they were kept before there were witnesses: a curve of 60 means, and a gain of 1
    older = begun.model_copy(update={"days": days})
    last = frame[cut:].reset_index(drop=True)
    one = verdicts(farm, {"WT-01": last}, {"WT-01": older}, key="b")["WT-01"]
    assert {episode.kind for episode in episodes(one)} == {"outage"}


def test_a_warm_gear_box_and_a_grid_of_33_kv_are_usual_of_a_turbine() -> None:
    farm = wind_farm(13, turbines=1, days=12)
    frame = farm.frames["WT-01"]
    frame["temperature_c"] = 50.0 + 30.0 * frame["power_kw"] / wind_farms.RATED_KW
    frame["voltage_v"] = 33_000.0
    assert frame["temperature_c"].max() > 75.0
    assert verdicts(farm)["WT-01"].detection.incidents == []


def test_a_small_loss_of_a_turbine_is_suspected_and_a_larger_one_booked() -> None:
    farm = wind_farm(6, turbines=3, days=110)
    farm.changed("WT-01", 70, 110, wind_farms.blades(0.07))
    among = verdicts(farm)["WT-01"].history.incidents
    alone = verdicts(farm, {"WT-01": farm.frames["WT-01"]})["WT-01"].history.incidents
    assert among
    assert all(one.suspected for one in among)
    farm = wind_farm(6, turbines=3, days=110)
    farm.changed("WT-01", 70, 110, wind_farms.blades(0.2))
    larger = verdicts(farm)["WT-01"].history.incidents
    assert any(not one.suspected and one.lost_energy_kwh > 0 for one in larger)
    assert [one.suspected for one in alone] == [True]
    assert alone[0].window.start >= farm.frames["WT-01"]["timestamp"].iloc[66 * DAY]


@pytest.mark.parametrize("seed", [37, pytest.param(38, marks=pytest.mark.soak)])
def test_season_and_sector_are_no_loss_of_a_turbine_whose_direction_nobody_measures(seed: int) -> None:
    farm = wind_farm(seed, turbines=1, days=240)
    frame = farm.frames["WT-01"].drop(columns="wind_direction_deg")
    bearing, day = farm.frames["WT-01"]["wind_direction_deg"].to_numpy(), np.arange(len(frame)) / DAY
    wake = 1.0 - 0.025 * np.exp(-0.5 * (((bearing - 225 + 180) % 360 - 180) / 20.0) ** 2)
    season = 1.0 + 0.025 * np.cos(2 * np.pi * day / 365.0)  # 2.5 % of the wind are 7 % of the power
    farm.free["WT-01"] = farm.free["WT-01"] * wake * season
    frame["power_kw"] = wind_farms.curve(farm.free["WT-01"]) * wind_farms.RATED_KW
    farm.frames["WT-01"] = frame
    sound = verdicts(farm)["WT-01"].history
    assert booked(sound) == 0.0
    well = farm.frames["WT-01"].copy()
    lost = farm.changed("WT-01", 150, 160, wind_farms.limit(0.4)) / 6  # beside it a real fault
    ill = verdicts(farm)["WT-01"].history
    assert booked(ill) == pytest.approx(lost.sum(), rel=0.35)
    farm.frames["WT-01"] = well
    farm.changed("WT-01", 150, 160, wind_farms.blades(0.3))  # or its anemometer: nobody else tells of it
    unsure = verdicts(farm)["WT-01"].history
    assert booked(unsure) == 0.0
    assert any(incident.suspected for incident in unsure.incidents)
