"""Spoilt data of a site: what one logger or one sensor does to readings, and who looks like it.

The days are made here, by a recipe of their own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ona.config.causes import cause_rules
from ona.documents.assets import Asset, AssetRegistry, Location
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ooda.config import trends
from ooda.config.loss_function import loss_function_config
from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.lasting_shift import issues_of
from ooda.diagnose.diagnostics import AssetInput, Rules, diagnose_asset, told_once
from tests.builders.detection import telemetry_file
from tests.builders.telemetry import NOW

DAYS, SINCE = 40, 26
"""Days in all, and those before something happens."""


def arrays(count: int, step: int = 15) -> dict[str, pd.DataFrame]:
    """Arrays of 50 kW at 40° N in spring, under days of one sky each, with one sensor beside them."""
    times = pd.date_range("2024-03-20", periods=DAYS * 1440 // step, freq=f"{step}min", tz="UTC")
    sky = np.random.default_rng(5)
    hour, day = (times.hour + times.minute / 60).to_numpy(), np.arange(len(times)) * step // 1440
    tilt = np.radians(0.4 * day)
    height = np.sin(np.radians(40)) * np.sin(tilt) + np.cos(np.radians(40)) * np.cos(tilt) * np.cos(
        np.pi * (hour - 12) / 12
    )
    of_day = np.where(sky.random(DAYS) < 0.3, sky.uniform(0.2, 0.5, DAYS), sky.uniform(0.9, 1.0, DAYS))
    light = 1000 * np.maximum(height, 0) ** 1.2 * of_day[day]
    out = {}
    for n in range(count):
        own = np.random.default_rng(70 + n)
        power = 50 * (0.84 + 0.01 * n) * light / 1000 * (1 + own.normal(0, 0.008, len(times)))
        out[f"A{n}"] = pd.DataFrame(
            {
                "timestamp": times.as_unit("us"),
                "asset_id": f"A{n}",
                "temperature_c": 15 + light / 40,
                "power_kw": np.round(power, 3),
                "irradiance_w_m2": np.round(light * (1 + sky.normal(0, 0.005)), 1) if n == 0 else 0.0,
            }
        )
        out[f"A{n}"]["irradiance_w_m2"] = out["A0"]["irradiance_w_m2"]
    return out


def turbines(count: int) -> dict[str, pd.DataFrame]:
    """Turbines of 2 MW in one wind that remembers half a day."""
    times = pd.date_range("2024-03-20", periods=DAYS * 144, freq="10min", tz="UTC")
    air = np.random.default_rng(8)
    common = 8 + 9 * pd.Series(air.normal(size=len(times))).ewm(span=72).mean().to_numpy()
    out = {}
    for n in range(count):
        own = np.random.default_rng(90 + n)
        wind = np.clip(common + own.normal(0, 0.3, len(times)), 0.3, 19)
        share = np.minimum(np.maximum(wind - 3, 0) ** 2 / 70, 1.0) * (1 + own.normal(0, 0.02, len(times)))
        power = np.where(wind < 3, -4.0, 2000 * share)
        out[f"A{n}"] = pd.DataFrame(
            {
                "timestamp": times.as_unit("us"),
                "asset_id": f"A{n}",
                "power_kw": power,
                "wind_speed_m_s": wind,
            }
        )
    return out


def site(names: list[str], kind: str) -> AssetRegistry:
    wind = kind == "Wind Turbine"
    place = Location(latitude=40.0, longitude=0.0)
    return AssetRegistry(
        assets=[
            Asset(id=name, type=kind, capacity_kw=2000.0 if wind else 50.0, location=place, site_id="field")
            for name in names
        ]
    )


def judged(frames: dict[str, pd.DataFrame], kind: str = "Solar Inverter") -> list[AssetVerdict]:
    whole = pd.concat(frames.values()).reset_index(drop=True)
    return judge_assets(telemetry_file(whole, site(list(frames), kind)), Context())


def since(frame: pd.DataFrame, days: float = SINCE, until: float = DAYS) -> np.ndarray:
    at = (frame["timestamp"] - pd.Timestamp("2024-03-20", tz="UTC")) / pd.Timedelta(days=1)
    return np.asarray((at >= days) & (at < until))


def told(verdict: AssetVerdict) -> set[str]:
    return {issue.kind for issue in verdict.detection.quality.issues}


def booked(verdict: AssetVerdict) -> list[str]:
    return [one.kind for one in verdict.history.incidents if not one.suspected]


def findings(verdicts: list[AssetVerdict]) -> list[Finding]:
    """What Diagnose makes of one record of all machines."""
    rules = Rules(cause_rules(), loss_function_config().thresholds, trends.trend_rules())
    pointer, known, out = S3Pointer(bucket="bucket", key="k"), set[str](), list[Finding]()
    registry = site([verdict.detection.asset_id for verdict in verdicts], "Solar Inverter")
    for verdict in verdicts:
        asset = registry.require(verdict.detection.asset_id, "test")
        item = AssetInput(verdict.detection, asset, None, ())
        made = diagnose_asset(item, rules, record=pointer, detection_id="det", now=NOW)
        out += told_once(made, known).findings
    return out


def test_one_sensor_that_drifts_is_one_finding_and_none_a_machine() -> None:
    frames = arrays(4)
    for frame in frames.values():
        frame.loc[since(frame), "irradiance_w_m2"] *= 0.84
    verdicts = judged(frames)
    assert all("sensor_drift" in told(verdict) for verdict in verdicts)
    made = [item for item in findings(verdicts) if item.cause == "calibration_drift"]
    assert len(made) == 1
    assert "field" in made[0].description


def test_two_sensors_that_drift_are_two_findings() -> None:
    """Each machine has its own: the values differ."""
    frames = arrays(4)
    for n, frame in enumerate(frames.values()):
        frame["irradiance_w_m2"] = np.round(frame["irradiance_w_m2"] * (1 + 0.002 * n), 1)
        frame.loc[since(frame) & (n < 2), "irradiance_w_m2"] *= 0.84
    made = [item for item in findings(judged(frames)) if item.cause == "calibration_drift"]
    assert {item.asset_id for item in made} == {"A0", "A1"}


@pytest.mark.parametrize("begins", [26.0, 26.4])
def test_megawatts_of_a_turbine_begin_and_end_at_any_hour(begins: float) -> None:
    frames = turbines(3)
    frames["A1"].loc[since(frames["A1"], begins, begins + 5.5), "power_kw"] *= 0.001
    verdict = judged(frames, "Wind Turbine")[1]
    assert "unit_error" in told(verdict)
    assert booked(verdict) == []


def test_a_turbine_that_stands_after_megawatts_is_still_an_outage() -> None:
    frames = turbines(3)
    frames["A1"].loc[since(frames["A1"], 26, 30), "power_kw"] *= 0.001
    frames["A1"].loc[since(frames["A1"], 31, 34), "power_kw"] = -4.0
    verdict = judged(frames, "Wind Turbine")[1]
    (outage,) = [one for one in verdict.history.incidents if one.kind == "outage"]
    assert f"{outage.window.start:%m-%d}" == "04-20"


def filled(frame: pd.DataFrame, days: range, first: float, last: float) -> None:
    """Each channel along a line between two hours of each day, unrounded."""
    hour = (frame["timestamp"].dt.hour + frame["timestamp"].dt.minute / 60).to_numpy()
    for day in days:
        gap = since(frame, day, day + 1) & (hour > first) & (hour < last)
        for name in ("power_kw", "temperature_c", "irradiance_w_m2"):
            frame[name] = frame[name].where(~gap).interpolate()


def rough(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same with clouds that change from reading to reading, and temperatures that follow late."""
    clouds = np.random.default_rng(3).uniform(0.75, 1.0, len(frames["A0"]))
    for n, frame in enumerate(frames.values()):
        for name in ("power_kw", "irradiance_w_m2"):
            frame[name] = np.round(frame[name] * clouds, 2)
        own = np.random.default_rng(n)
        warm = frame["temperature_c"] * (0.8 + 0.2 * clouds) + own.normal(0, 0.4, len(frame))
        frame["temperature_c"] = np.round(warm, 1)
    return frames


def test_a_gap_that_a_line_fills_is_no_loss_though_the_line_is_level() -> None:
    """From noon to three the sun falls little: lines between two alike readings do not fall at all."""
    frames = rough(arrays(3))
    spoilt = frames["A1"]
    for day in range(20, 36, 2):
        ends = since(spoilt, day + 9 / 24, day + 9.1 / 24) | since(spoilt, day + 15 / 24, day + 15.1 / 24)
        spoilt.loc[ends, "power_kw"] = 12.0  # under a cloud
    filled(spoilt, range(20, 36, 2), 9.0, 15.0)
    verdict = judged(frames)[1]
    assert "interpolated_values" in told(verdict)
    assert booked(verdict) == []


def test_a_machine_held_at_a_level_measures_its_temperature() -> None:
    frames = rough(arrays(3))
    spoilt = frames["A1"]
    hour = spoilt["timestamp"].dt.hour.to_numpy()
    held = since(spoilt, 26, 36) & (hour >= 9) & (hour < 15)
    spoilt.loc[held, "power_kw"] = np.minimum(spoilt.loc[held, "power_kw"], 12.0)
    verdict = judged(frames)[1]
    assert "interpolated_values" not in told(verdict)
    assert booked(verdict)


def test_zeros_that_fill_a_gap_from_night_to_night_are_no_stop() -> None:
    frames = rough(arrays(3))
    for day in (24, 29):
        gap = since(frames["A1"], day, day + 2)
        for name in ("power_kw", "temperature_c", "irradiance_w_m2"):
            frames["A1"][name] = frames["A1"][name].where(~gap).interpolate()
    verdict = judged(frames)[1]
    assert "interpolated_values" in told(verdict)
    assert booked(verdict) == []


@pytest.mark.parametrize("begins", [26.45, 26.0])
@pytest.mark.parametrize("warmth", [True, False])
def test_a_dead_voltage_is_no_line_that_fills_a_gap(warmth: bool, begins: float) -> None:
    """Nothing comes and the voltage stays at its 12 V: whether it fell at eleven or was gone at dawn."""
    frames = rough(arrays(3))
    for n, frame in enumerate(frames.values()):
        noise = np.random.default_rng(90 + n).normal(0, 3, len(frame))
        frame["voltage_v"] = np.where(frame["power_kw"] > 0, np.round(740 + noise, 1), 0.0)
        if not warmth:
            frame["temperature_c"] = np.nan
    dead = since(frames["A1"], begins, 28)
    frames["A1"].loc[dead, "power_kw"] = 0.0
    frames["A1"].loc[dead, "voltage_v"] = 12.0
    verdict = judged(frames)[1]
    assert "interpolated_values" not in told(verdict)
    (outage,) = verdict.history.incidents
    assert (outage.kind, f"{outage.window.start:%m-%d}") == ("outage", "04-15")
    assert outage.signals.voltage_ratio is not None
    assert outage.signals.voltage_ratio < 0.05


def test_a_voltage_that_a_line_fills_too_is_no_life() -> None:
    """The distractor: from night to night nobody measured anything."""
    frames = rough(arrays(3))
    frames["A1"]["voltage_v"] = np.where(frames["A1"]["power_kw"] > 0, 740.0, 0.0)
    gap = since(frames["A1"], 26, 28)
    for name in ("power_kw", "temperature_c", "irradiance_w_m2", "voltage_v"):
        frames["A1"][name] = frames["A1"][name].where(~gap).interpolate()
    verdict = judged(frames)[1]
    assert "interpolated_values" in told(verdict)
    assert booked(verdict) == []


def years(shift: float, *, snow: bool = False, count: int = 4) -> pd.DataFrame:
    """An asset without neighbours and sensor: hourly power of years, `shift` of it since a day."""
    times = pd.date_range("2020-01-01", periods=count * 365 * 24, freq="h", tz="UTC")
    day, own = np.arange(len(times)) // 24, np.random.default_rng(12)
    season = 1 + 0.5 * np.cos(2 * np.pi * (times.day_of_year.to_numpy() - 172) / 365)
    cloud = pd.Series(own.normal(size=count * 365)).ewm(span=3).mean().to_numpy()
    power = (
        30 * season * np.maximum(np.sin(np.pi * (times.hour - 6) / 12), 0) / (1 + np.exp(1.5 * cloud[day]))
    )
    power = np.where(day >= 800, shift, 1.0) * power
    if snow:
        power = np.where((day % 365 < 14) & (day > 365), 0.1, 1.0) * power
    return pd.DataFrame({"timestamp": times.as_unit("us"), "asset_id": "A0", "power_kw": power})


@pytest.mark.parametrize("shift", [0.4, 2.2])
def test_a_level_that_moves_for_good_is_told_of_an_asset_that_stands_alone(shift: float) -> None:
    readings = years(shift)
    asset = Asset(id="A0", type="Solar Inverter", capacity_kw=100.0, site_id="field")
    file = telemetry_file(readings, AssetRegistry(assets=[asset]))
    (verdict,) = judge_assets(file, Context())
    issues = {issue.kind: issue for issue in verdict.detection.quality.issues}
    day = pd.Timestamp(issues["level_shift"].statement.partition("(since ")[2][:10], tz="UTC")
    assert abs(day - pd.Timestamp("2020-01-01", tz="UTC") - pd.Timedelta(days=800)) <= pd.Timedelta(days=2)
    assert not issues["level_shift"].blinding


@pytest.mark.parametrize("snow", [False, True])
def test_seasons_and_weeks_of_snow_are_no_shift_of_a_level(snow: bool) -> None:
    readings = years(1.0, snow=snow)
    energy = readings.groupby(readings["timestamp"].dt.floor("D"))["power_kw"].sum()
    number = (pd.DatetimeIndex(energy.index) - pd.Timestamp(0, tz="UTC")).days
    assert issues_of(dict(zip(number.tolist(), energy.tolist(), strict=True)), 1) == []
