"""Detection on days whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.documents.assets import AssetRegistry
from ooda.config.detection import detection_config
from ooda.detect.severity import range_severity, severity
from ooda.detect.sky import judged_light, sky
from tests.builders.assets import SITE, make_asset
from tests.builders.detection import between, judge, week
from tests.builders.telemetry import DAY, sunny_day


def test_a_sound_day_has_no_incident_by_any_reference() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)])
    assert all(not item.incidents for item in judge(fleet).values())
    assert judge(sunny_day(), history=week())["INV-001"].incidents == []
    assert judge(sunny_day())["INV-001"].incidents == []


def test_an_outage_is_found_with_its_energy_and_time() -> None:
    day = sunny_day()
    out = between(day, "08:00", "10:00")
    truth = day.loc[out, "power_kw"].sum() / 4
    day.loc[out, "power_kw"] = 0.0
    incidents = judge(day, history=week())["INV-001"].incidents
    assert [item.kind for item in incidents] == ["outage"]
    assert incidents[0].lost_energy_kwh == pytest.approx(truth, rel=0.03)
    assert incidents[0].window.start == DAY.replace(hour=8)
    assert incidents[0].actionable
    assert incidents[0].signals.recovered


def test_half_an_hour_without_power_is_an_outage_and_a_quarter_is_not() -> None:
    for end, expected in (("08:30", ["outage"]), ("08:15", [])):
        day = sunny_day()
        day.loc[between(day, "08:00", end), "power_kw"] = 0.0
        assert [i.kind for i in judge(day, history=week())["INV-001"].incidents] == expected


def test_a_quarter_of_the_strings_lost_is_found_from_own_history() -> None:
    day = sunny_day()
    day["power_kw"] *= 0.75
    result = judge(day, history=week())["INV-001"]
    assert result.basis == "irradiance"
    assert [item.kind for item in result.incidents] == ["underperformance"]
    lost = result.incidents[0].lost_energy_kwh
    assert lost == pytest.approx(sunny_day()["power_kw"].sum() / 4 * 0.25, rel=0.12)


def test_a_chronic_loss_is_seen_against_the_neighbours() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}", gain=0.7 if n == 3 else 0.9) for n in range(1, 7)])
    result = judge(fleet)
    assert [name for name, item in result.items() if item.incidents] == ["INV-003"]
    assert result["INV-003"].basis == "irradiance+peers"


def test_faulty_neighbours_are_no_reference() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)])
    fleet.loc[fleet["asset_id"].isin(["INV-004", "INV-005"]), "power_kw"] = 0.0
    fleet.loc[fleet["asset_id"] == "INV-006", "power_kw"] *= 0.4
    result = judge(fleet)
    assert [name for name, item in result.items() if item.incidents] == ["INV-004", "INV-005", "INV-006"]
    assert result["INV-001"].expected_energy_kwh == pytest.approx(
        result["INV-001"].measured_energy_kwh, rel=0.03
    )


def test_a_wrong_irradiance_sensor_is_no_fault_of_the_assets() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)])
    fleet["irradiance_w_m2"] *= 1.3
    assert all(not item.incidents for item in judge(fleet, history=week()).values())


def test_without_irradiance_neighbours_are_the_reference_and_a_lone_asset_has_none() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)]).drop(columns="irradiance_w_m2")
    fleet.loc[
        (fleet["asset_id"] == "INV-002").to_numpy() & between(fleet, "08:00", "11:00"), "power_kw"
    ] = 0
    result = judge(fleet)
    assert result["INV-002"].basis == "peers"
    assert [i.kind for i in result["INV-002"].incidents] == ["outage"]
    alone = judge(fleet[fleet["asset_id"] == "INV-002"])["INV-002"]
    assert (alone.basis, alone.incidents) == ("none", [])
    assert [issue.kind for issue in alone.quality.issues] == ["no_reference"]


def test_the_forecast_is_the_last_reference() -> None:
    day = sunny_day().drop(columns="irradiance_w_m2")
    predicted = pd.Series(day["power_kw"].to_numpy(), index=day["timestamp"])
    day.loc[between(day, "08:00", "11:00"), "power_kw"] = 0.0
    result = judge(day, forecasts={"INV-001": predicted})["INV-001"]
    assert result.basis == "forecast"
    assert [i.kind for i in result.incidents] == ["outage"]


def test_a_communication_gap_is_a_data_problem_and_no_outage() -> None:
    day = sunny_day()
    result = judge(day[~between(day, "08:00", "11:00")], history=week())["INV-001"]
    assert result.incidents == []
    assert [issue.kind for issue in result.quality.issues] == ["missing_readings", "communication_gap"]
    assert result.quality.completeness_percent == pytest.approx(100 * 84 / 96)


def test_a_stuck_logger_is_a_data_problem_clipping_is_not() -> None:
    day = sunny_day()
    stuck = between(day, "08:00", "10:00")
    columns = ["power_kw", "voltage_v", "temperature_c"]
    day.loc[stuck, columns] = day.loc[stuck, columns].iloc[0].to_numpy()
    assert [i.kind for i in judge(day, history=week())["INV-001"].quality.issues] == ["stale_values"]
    clipped = sunny_day()
    clipped["power_kw"] = clipped["power_kw"].clip(upper=70.0)
    assert judge(clipped)["INV-001"].quality.issues == []


@pytest.mark.parametrize(("factor", "word"), [(1000.0, "1000 times"), (0.001, "megawatts")])
def test_power_in_a_wrong_unit_is_named_and_not_judged(factor: float, word: str) -> None:
    day = sunny_day()
    day["power_kw"] *= factor
    result = judge(day, history=week())["INV-001"]
    assert result.incidents == []
    assert word in next(i.statement for i in result.quality.issues if i.kind == "unit_error")


def test_dc_power_ten_times_too_large_is_a_unit_error_and_power_is_still_judged() -> None:
    day = sunny_day()
    day["dc_power_kw"] = day["power_kw"] * 10.3
    day.loc[between(day, "08:00", "10:00"), ["power_kw", "dc_power_kw"]] = 0.0
    result = judge(day, history=week())["INV-001"]
    issue = next(i for i in result.quality.issues if i.kind == "unit_error")
    assert "divide it by 10" in issue.statement
    assert [i.kind for i in result.incidents] == ["outage"]


def test_all_assets_of_a_site_down_is_a_site_outage() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)])
    fleet.loc[between(fleet, "09:00", "11:00"), "power_kw"] = 0.0
    kinds = {i.kind for item in judge(fleet, history=week()).values() for i in item.incidents}
    assert kinds == {"site_outage"}


def test_critical_temperature_is_an_incident_of_its_own() -> None:
    day = sunny_day()
    day.loc[between(day, "10:00", "11:00"), "temperature_c"] = 78.0
    kinds = [i.kind for i in judge(day, history=week())["INV-001"].incidents]
    assert "over_temperature" in kinds


def test_planned_maintenance_is_not_a_fault() -> None:
    day = sunny_day()
    day.loc[between(day, "08:00", "11:00"), "power_kw"] = 0.0
    base = detection_config()
    window = {"asset_id": "INV-001", "start": DAY.replace(hour=7), "end": DAY.replace(hour=12)}
    filtering = type(base.filtering).model_validate(
        {**base.filtering.model_dump(), "maintenance_windows": [window]}
    )
    rules = base.model_copy(update={"filtering": filtering})
    assert judge(day, history=week(), rules=rules)["INV-001"].incidents == []


def test_five_minute_data_gives_the_same_incidents() -> None:
    day = sunny_day(minutes=5)
    day.loc[between(day, "08:00", "10:00"), "power_kw"] = 0.0
    incidents = judge(day, history=week())["INV-001"].incidents
    assert [(i.kind, i.duration_hours) for i in incidents] == [("outage", 2.0)]


def test_night_follows_the_sun_and_a_turbine_has_none() -> None:
    times = sunny_day()["timestamp"]
    rules = detection_config().filtering
    index = pd.DatetimeIndex(times)
    light = judged_light(sky(index, SITE, rules), make_asset(), rules)
    assert 36 <= light.sum() <= 42  # a June day at 26° south
    nowhere = sky(index, None, rules)
    assert judged_light(nowhere, make_asset(location=None), rules).sum() == 48
    assert judged_light(nowhere, make_asset(type="Wind Turbine"), rules).all()


def test_missing_metadata_degrades_and_does_not_crash() -> None:
    bare = AssetRegistry(assets=[make_asset(location=None, components=[], site_id="alone")])
    frame = sunny_day().drop(columns="irradiance_w_m2")
    frame[["temperature_c", "voltage_v"]] = np.nan
    assert judge(frame, bare)["INV-001"].basis == "none"
    assert judge(frame.iloc[:1], bare)["INV-001"].incidents == []


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 24), st.floats(0, 24))
def test_severity_rises_with_loss_and_duration(a: float, b: float, h: float, k: float) -> None:
    scale = detection_config().algorithms.severity
    low, high = sorted((a, b))
    short, long = sorted((h, k))
    assert 0 <= severity(low, short, scale) <= severity(high, short, scale) <= 1
    assert severity(low, short, scale) <= severity(low, long, scale)


def test_range_severity_has_its_documented_points() -> None:
    assert range_severity(60, 60, 70) == 0.0
    assert range_severity(70, 60, 70) == pytest.approx(0.8)
    assert range_severity(500, 60, 70) == 1.0


@settings(max_examples=40)  # each a day judged
@given(st.integers(0, 2**16), st.floats(0.0, 1.5), st.booleans())
def test_any_day_gives_a_valid_record(seed: int, factor: float, drop: bool) -> None:
    rng = np.random.default_rng(seed)
    day = sunny_day(seed=seed)
    day["power_kw"] = day["power_kw"] * factor * rng.choice([0.0, 1.0, np.nan], len(day), p=[0.2, 0.7, 0.1])
    day = day[rng.random(len(day)) > 0.2] if drop else day
    result = judge(day)["INV-001"]
    for incident in result.incidents:
        assert 0 <= incident.severity <= 1
        assert incident.lost_energy_kwh >= 0
        assert incident.window.start <= incident.window.end
    assert result.lost_energy_kwh <= result.expected_energy_kwh + 0.02  # both are rounded
